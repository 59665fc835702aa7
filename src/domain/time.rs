//! Points in time.

use std::fmt;
use std::time::Duration;

/// Whole seconds since 1970-01-01T00:00:00Z. Printed as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads RFC 3339, in any time zone, or what [`Display`](fmt::Display) wrote. Parts of a second are dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let seconds = || text.strip_suffix('s')?.parse().ok();
        let time = text.parse::<jiff::Timestamp>().ok();
        time.map(|it| it.as_second()).or_else(seconds).map(Self)
    }

    /// Reads what other programs write too: a time without a zone is in UTC.
    pub fn parse_lenient(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| Self::parse(&format!("{text}Z")))
    }

    /// Counts whole seconds, and stops at the last time there is.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(duration.as_secs()))
    }

    /// Counts whole seconds, and stops at the first time there is.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(duration.as_secs()))
    }

    /// Negative if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{}s", self.0),
        }
    }
}
