//! How alike two names are, for whoever mistyped one.

/// From this similarity on, one name may be a slip of the pen for another; clap takes the same for flags.
pub const ALIKE: f64 = 0.8;

/// From 0, nothing in common, to 1, the same; the beginning counts most. Of two e-mail addresses both halves must be alike:
/// everybody at one provider shares the second half.
#[must_use]
pub fn similarity(one: &str, other: &str) -> f64 {
    match (one.split_once('@'), other.split_once('@')) {
        (Some(one), Some(other)) => {
            strsim::jaro_winkler(one.0, other.0).min(strsim::jaro_winkler(one.1, other.1))
        }
        (None, None) => strsim::jaro_winkler(one, other),
        _ => 0.0,
    }
}
