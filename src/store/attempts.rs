//! The counters of failed attempts, and how long the next one has to wait.

use std::iter;

use super::Store;
use super::pending::Pending;
use super::sql::{Result, Sql, values};
use crate::domain::{Timestamp, UserId};

/// From this failure in a row on, the next attempt has to wait (NIST SP 800-63B-4, section 3.2.2).
const FREE_FAILURES: i64 = 5;
/// This failure in a row switches the password off until it is reset (the same section).
const MOST_FAILURES: i64 = 100;
/// The longest wait, in seconds.
pub const LONGEST_WAIT: i64 = 900;

/// The name of a counter.
pub type Counter = Vec<u8>;

/// What the counters of accounts start with.
const OF_ACCOUNTS: &[u8] = b"user:";

/// The counter of an account, however its owner is called.
pub fn counter_of(user: UserId) -> Counter {
    [OF_ACCOUNTS, &user.0.to_be_bytes()].concat()
}

/// What a counted attempt may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It may be evaluated; it is already counted as failed.
    Allowed,
    /// It is counted under its name, but the account's own counter says wait or disabled: it is
    /// wrong, whatever it is.
    Unevaluated,
    /// Not before this many seconds have passed.
    Wait(u64),
    /// Too many failures in a row: only a password reset helps.
    Disabled,
}

/// How a counter stands.
enum Standing {
    /// The next attempt may be evaluated; how many failures there were.
    Open(i64),
    Waiting(i64),
    Full,
}

impl Store {
    /// Counts an attempt before it is evaluated, so that parallel guesses cannot outrun the count.
    pub fn reserve_attempt(&self, key: Counter, now: Timestamp) -> Pending<Attempt> {
        self.reserve_login(key, None, now, drop)
    }

    /// Counts a login under the name that was typed and, if somebody has that name, under their
    /// account. Who has to wait is decided by the name alone, which is counted whether or not
    /// anybody has it: so a wait tells nobody that there is an account. What was counted for a client that has
    /// gone meanwhile is told to `compensate`.
    pub fn reserve_login(
        &self,
        name: Counter,
        account: Option<Counter>,
        now: Timestamp,
        compensate: impl FnOnce(Attempt) + Send + 'static,
    ) -> Pending<Attempt> {
        let count = move |sql: &mut dyn Sql| {
            for key in iter::once(&name).chain(&account) {
                follow_clock(sql, key, now)?;
            }
            let failures = match standing(sql, &name, now)? {
                Standing::Open(failures) => failures,
                Standing::Waiting(seconds) => return Ok(Attempt::Wait(seconds.unsigned_abs())),
                Standing::Full => return Ok(Attempt::Disabled),
            };
            count(sql, &name, failures, now)?;
            let Some(account) = &account else {
                return Ok(Attempt::Allowed);
            };
            match standing(sql, account, now)? {
                Standing::Open(failures) => {
                    count(sql, account, failures, now)?;
                    Ok(Attempt::Allowed)
                }
                Standing::Waiting(_) | Standing::Full => Ok(Attempt::Unevaluated),
            }
        };
        self.write_with_compensation("counting an attempt", count, compensate)
    }

    /// Gives back an attempt that was counted at `reserved_at` and that nobody came to evaluate.
    pub fn refund_attempt(&self, counters: Vec<Counter>, reserved_at: Timestamp) -> Pending<()> {
        self.write_regardless("giving an attempt back", move |sql| {
            for counter in &counters {
                // A later attempt keeps the wait that it has caused.
                sql.execute(
                    "UPDATE login_attempts SET failures = failures - 1,
                            next_at = CASE WHEN updated_at = ?2 THEN ?2 ELSE next_at END
                     WHERE key = ?1 AND failures > 0",
                    values![counter.as_slice(), reserved_at],
                )?;
                sql.execute(
                    "DELETE FROM login_attempts WHERE key = ?1 AND failures = 0",
                    values![counter.as_slice()],
                )?;
            }
            Ok(())
        })
    }

    pub fn forget_attempts(&self, counters: Vec<Counter>) -> Pending<()> {
        self.write("forgetting attempts", move |sql| forget(sql, &counters))
    }
}

/// Of a row from before the clock was set back, the wait begins now.
fn follow_clock(sql: &mut dyn Sql, key: &[u8], now: Timestamp) -> Result<()> {
    sql.execute(
        "UPDATE login_attempts SET next_at = next_at - updated_at + ?2, updated_at = ?2
         WHERE key = ?1 AND updated_at > ?2",
        values![key, now],
    )
    .map(drop)
}

fn standing(sql: &mut dyn Sql, key: &[u8], now: Timestamp) -> Result<Standing> {
    let found = sql.one(
        "SELECT failures, next_at FROM login_attempts WHERE key = ?1",
        values![key],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (failures, next_at): (i64, Timestamp) = found.unwrap_or((0, now));
    if failures >= MOST_FAILURES {
        return Ok(Standing::Full);
    }
    let wait = next_at.seconds_since(now);
    Ok(if wait > 0 {
        Standing::Waiting(wait)
    } else {
        Standing::Open(failures)
    })
}

fn count(sql: &mut dyn Sql, key: &[u8], before: i64, now: Timestamp) -> Result<()> {
    let failures = before + 1;
    sql.execute(
        "INSERT INTO login_attempts (key, failures, next_at, updated_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (key) DO UPDATE SET failures = ?2, next_at = ?3, updated_at = ?4",
        values![key, failures, now.0 + pause_after(failures), now],
    )
    .map(drop)
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

pub(super) fn forget(sql: &mut dyn Sql, counters: &[Counter]) -> Result<()> {
    for counter in counters {
        sql.execute(
            "DELETE FROM login_attempts WHERE key = ?1",
            values![counter.as_slice()],
        )?;
    }
    Ok(())
}

/// The counter that keeps a password switched off is that of its account, which stays. Names go even
/// then: a stranger can invent as many as they like, and what one does must not tell whether it is
/// somebody's.
pub(super) fn purge(sql: &mut dyn Sql, before: Timestamp, limit: usize) -> Result<usize> {
    sql.execute(
        "DELETE FROM login_attempts WHERE key IN (
             SELECT key FROM login_attempts
             WHERE updated_at < ?1 AND (failures < ?2 OR substr(key, 1, ?3) <> ?4) LIMIT ?5)",
        values![before, MOST_FAILURES, OF_ACCOUNTS.len(), OF_ACCOUNTS, limit],
    )
}
