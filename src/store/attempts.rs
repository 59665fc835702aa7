//! The counters of failed logins.

/// What a counted login attempt may do (see [`super::sessions::Sessions::reserve_attempt`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It may be evaluated; it is already counted as failed.
    Allowed,
    /// Not before so many seconds.
    Wait(u64),
    /// Too many failures in a row: only a password reset helps.
    Disabled,
}
