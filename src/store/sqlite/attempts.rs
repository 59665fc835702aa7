//! The counters of failed logins.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::domain::Timestamp;
use crate::store::attempts::Attempt;

/// From this failure in a row on, the next attempt has to wait (NIST SP 800-63B-4, section 3.2.2).
const FREE_FAILURES: i64 = 5;
/// So many failures in a row switch the password off until it is reset (the same section).
const MOST_FAILURES: i64 = 100;
/// The longest wait, in seconds.
const LONGEST_WAIT: i64 = 900;

pub(crate) fn reserve(connection: &Connection, key: &[u8], now: Timestamp) -> Result<Attempt> {
    let before = connection
        .prepare_cached("SELECT failures, next_at FROM login_attempts WHERE key = ?")?
        .query_row([key], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })
        .optional()?;
    let (failures, next_at) = before.unwrap_or((0, now.0));
    if failures >= MOST_FAILURES {
        return Ok(Attempt::Disabled);
    }
    // A clock that was set back must not turn a wait of minutes into one of years.
    let wait = (next_at - now.0).min(LONGEST_WAIT);
    if wait > 0 {
        return Ok(Attempt::Wait(wait.unsigned_abs()));
    }
    let failures = failures + 1;
    connection
        .prepare_cached(
            "INSERT INTO login_attempts (key, failures, next_at, updated_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key) DO UPDATE SET failures = ?2, next_at = ?3, updated_at = ?4",
        )?
        .execute(params![key, failures, now.0 + pause_after(failures), now.0])?;
    Ok(Attempt::Allowed)
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

pub(crate) fn forget(connection: &Connection, key: &[u8]) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM login_attempts WHERE key = ?")?
        .execute([key])?;
    Ok(())
}

pub(crate) fn purge(connection: &Connection, before: Timestamp) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM login_attempts WHERE updated_at < ? AND failures < ?")?
        .execute(params![before.0, MOST_FAILURES])?;
    Ok(())
}
