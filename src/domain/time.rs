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

    /// For people: `5 min ago`, `in 3 days`.
    pub fn relative_to(self, now: Self) -> String {
        let seconds = self.seconds_since(now);
        let length = seconds.unsigned_abs();
        let (one, unit) = match length {
            0..60 => return "now".to_owned(),
            60..3_600 => (60, "min"),
            3_600..172_800 => (3_600, "h"),
            172_800..5_184_000 => (86_400, "days"),
            5_184_000..63_072_000 => (2_592_000, "months"),
            _ => (31_536_000, "years"),
        };
        // What began a moment ago and lasts a day ends in 24 hours, not in 23.
        let count = length.saturating_add(one / 2) / one;
        if seconds < 0 {
            format!("{count} {unit} ago")
        } else {
            format!("in {count} {unit}")
        }
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
