//! The counters of failed logins, and how long the next attempt has to wait.

use super::Store;
use super::pending::Pending;
use super::sql::{Result, Sql, values};
use crate::domain::Timestamp;

/// From this failure in a row on, the next attempt has to wait (NIST SP 800-63B-4, section 3.2.2).
const FREE_FAILURES: i64 = 5;
/// This failure in a row switches the password off until it is reset (the same section).
const MOST_FAILURES: i64 = 100;
/// The longest wait, in seconds.
const LONGEST_WAIT: i64 = 900;

/// What a counted login attempt may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It may be evaluated; it is already counted as failed.
    Allowed,
    /// Not before this many seconds have passed.
    Wait(u64),
    /// Too many failures in a row: only a password reset helps.
    Disabled,
}

impl Store {
    /// Counts an attempt before it is evaluated, so that parallel guesses cannot outrun the count.
    pub fn reserve_attempt(&self, key: Vec<u8>, now: Timestamp) -> Pending<Attempt> {
        self.write("counting a login attempt", move |sql| {
            let before = sql.one(
                "SELECT failures, next_at FROM login_attempts WHERE key = ?1",
                values![key.as_slice()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let (failures, next_at): (i64, Timestamp) = before.unwrap_or((0, now));
            if failures >= MOST_FAILURES {
                return Ok(Attempt::Disabled);
            }
            // A clock that was set back must not turn a wait of minutes into one of years.
            let wait = next_at.seconds_since(now).min(LONGEST_WAIT);
            if wait > 0 {
                return Ok(Attempt::Wait(wait.unsigned_abs()));
            }
            let failures = failures + 1;
            sql.execute(
                "INSERT INTO login_attempts (key, failures, next_at, updated_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (key) DO UPDATE SET failures = ?2, next_at = ?3, updated_at = ?4",
                values![key.as_slice(), failures, now.0 + pause_after(failures), now],
            )?;
            Ok(Attempt::Allowed)
        })
    }

    pub fn forget_attempts(&self, key: Vec<u8>) -> Pending<()> {
        self.write("forgetting login attempts", move |sql| forget(sql, &key))
    }
}

/// 1 second after the fifth failure, doubling to 15 minutes.
fn pause_after(failures: i64) -> i64 {
    match u32::try_from(failures - FREE_FAILURES) {
        Ok(doublings) => 1_i64
            .checked_shl(doublings.min(10))
            .unwrap_or(LONGEST_WAIT)
            .min(LONGEST_WAIT),
        Err(_) => 0,
    }
}

pub(super) fn forget(sql: &mut dyn Sql, key: &[u8]) -> Result<()> {
    sql.execute("DELETE FROM login_attempts WHERE key = ?1", values![key])
        .map(drop)
}

pub(super) fn purge(sql: &mut dyn Sql, before: Timestamp) -> Result<()> {
    sql.execute(
        "DELETE FROM login_attempts WHERE updated_at < ?1 AND failures < ?2",
        values![before, MOST_FAILURES],
    )
    .map(drop)
}
