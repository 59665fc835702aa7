//! That the clock leapt ahead: nothing is deleted by a time that somebody may still put right.

use super::pending::Pending;
use super::sql::{self, Sql};
use super::{Store, counts};
use crate::domain::Timestamp;

/// A leap by more seconds is worth a question: the clock may be wrong, or nothing was written for so long.
pub const LEAP: i64 = 24 * 3600;
/// For so many seconds after it nothing is deleted: somebody may put the clock right.
pub const DOUBT: i64 = 3600;

/// Under this name it is noted until when the clock is doubted.
const DOUBTED_UNTIL: &str = "clock-doubted-until";

impl Store {
    /// Until when the clock is doubted, if it is at `now`: also after a start, and if a command was the first to
    /// write since it leapt ahead.
    pub fn doubted_until(&self, now: Timestamp) -> Pending<Option<Timestamp>> {
        self.read("reading whether the clock is doubted", move |sql| {
            let until = counts::of(sql, DOUBTED_UNTIL)?;
            // A later time was noted before the clock was put right: by as much as it had leapt, or nearly.
            let is_doubted = until > now.0 && until - now.0 <= LEAP;
            let soon = until.min(now.0 + DOUBT);
            Ok(is_doubted.then_some(Timestamp(soon)))
        })
    }

    /// Notes that the clock leapt ahead to `now`.
    pub fn note_leap(&self, now: Timestamp) -> Pending<()> {
        self.write("noting that the clock leapt", move |sql| doubt(sql, now))
    }
}

/// Doubts the clock, which says `now`, if the time before, of which something tells, is long over.
pub(super) fn doubt_leap(sql: &mut dyn Sql, before: Timestamp, now: Timestamp) -> sql::Result<()> {
    match now.seconds_since(before) {
        it if it > LEAP => doubt(sql, now),
        _ => Ok(()),
    }
}

fn doubt(sql: &mut dyn Sql, now: Timestamp) -> sql::Result<()> {
    counts::set(sql, DOUBTED_UNTIL, now.0 + DOUBT)
}
