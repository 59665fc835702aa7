//! How alike two names are, to guess what somebody meant who mistyped one.

/// From this similarity on, one name may be a misspelling of another; clap takes the same for flags.
pub const ALIKE: f64 = 0.8;

/// From 0, nothing in common, to 1, the same; the beginning counts most. Of two e-mail addresses both
/// halves must be alike, because everybody at one provider shares the second half.
pub fn similarity(one: &str, other: &str) -> f64 {
    match (one.split_once('@'), other.split_once('@')) {
        (Some(one), Some(other)) => {
            strsim::jaro_winkler(one.0, other.0).min(strsim::jaro_winkler(one.1, other.1))
        }
        (None, None) => strsim::jaro_winkler(one, other),
        _ => 0.0,
    }
}
