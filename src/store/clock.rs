//! What becomes of times that lie ahead because the wall clock was set back. State says what is used
//! up; here it is seen to that nothing waits or lasts longer than it would have.

use std::time::Duration;

use super::pending::Pending;
use super::sql::{self, Sql, values};
use super::{Store, audit, counts};
use crate::clock::{Clock, Reading};
use crate::domain::{ROTATION_GRACE, SessionId, Stamp, Timestamp};
use crate::failure::Failure;

/// An answer that took longer does not say well enough when it was given, if another one will.
pub const MOST_WAIT: Duration = Duration::from_millis(500);
/// How often whoever starts asks for a better one.
const READINGS: usize = 3;

/// Under this name the latest time is noted that nothing else tells of.
const LATEST: &str = "latest-time";
/// Under this one, until when a running server may have issued tokens of which nothing is written.
const SERVED_UNTIL: &str = "served-until";

impl Store {
    /// When something was last written down.
    pub fn last_change(&self) -> Pending<Option<Timestamp>> {
        self.read("reading when something was last written down", last_change)
    }

    /// What the clock of the database's server says, if it has one: all who share the database go by it.
    pub fn clock(&self) -> Pending<Option<Reading>> {
        self.readers.clock("asking the database for the time")
    }

    /// The clock that all who use this database go by: that of its server or, if it has none, of this machine.
    pub fn common_clock(&self) -> Result<Clock, Failure> {
        let clock = Clock::system();
        let mut best: Option<Reading> = None;
        for _ in 0..READINGS {
            let Some(theirs) = self.clock().wait()? else {
                return Ok(clock);
            };
            if best.is_none_or(|it| theirs.took < it.took) {
                best = Some(theirs);
            }
            if theirs.took < MOST_WAIT {
                break;
            }
        }
        if let Some(best) = best {
            clock.follow(&best);
        }
        Ok(clock)
    }

    /// The latest time that the service is known to have had, also before the clock was set back.
    pub fn latest_time(&self) -> Result<Timestamp, Failure> {
        self.read("reading the latest time", latest_time).wait()
    }

    /// Notes the latest time that the service has had, now that it ends.
    pub fn note_latest_time(&self, latest: Timestamp) -> Pending<()> {
        self.write("noting the latest time", move |sql| {
            counts::raise(sql, LATEST, latest.0)?;
            counts::forget(sql, SERVED_UNTIL)
        })
    }

    /// Notes ahead until when the service may go on, in case it ends without a word.
    pub fn note_served_until(&self, at: Timestamp) -> Pending<()> {
        self.write("noting the latest time", move |sql| {
            counts::raise(sql, SERVED_UNTIL, at.0)
        })
    }

    /// Follows the clock, which was set back by so many seconds: what happened in a time that is still
    /// to come happens now, and ends as much later as it would have. Of a database that several servers share
    /// each of them does so: mails then wait, or are in hand, for no `longest` any more, which may be repeated.
    /// Returns the latest time that there was, which is `latest` or later.
    pub fn follow_clock(
        &self,
        back: i64,
        longest: Option<LongestWaits>,
        latest: Timestamp,
        stamp: Stamp,
    ) -> Pending<Timestamp> {
        self.write("following the clock", move |sql| {
            let now = stamp.at;
            let latest = latest_time(sql)?.max(latest);
            counts::raise(sql, LATEST, latest.0)?;
            move_attempts(sql, now)?;
            move_links(sql, now)?;
            move_sessions(sql, now)?;
            match &longest {
                None => move_mails(sql, now, back)?,
                Some(longest) => limit_mails(sql, now, longest)?,
            };
            move_ended_mails(sql, now)?;
            let detail = format!("{back} seconds");
            audit::write(sql, &stamp, "clock.back", None, Some(&detail))?;
            Ok(latest)
        })
    }
}

/// How long mails wait at most, by and large.
#[derive(Clone, Copy, Debug)]
pub struct LongestWaits {
    /// Before the first attempt; before each further one twice as long.
    pub first: Duration,
    /// Before any attempt.
    pub any: Duration,
    /// For whoever has them in hand.
    pub lease: Duration,
}

fn latest_time(sql: &mut dyn Sql) -> sql::Result<Timestamp> {
    let noted = counts::of(sql, LATEST)?.max(counts::of(sql, SERVED_UNTIL)?);
    let noted = Timestamp(noted);
    Ok(last_change(sql)?.map_or(noted, |it| it.max(noted)))
}

pub(super) fn last_change(sql: &mut dyn Sql) -> sql::Result<Option<Timestamp>> {
    // Neither a wrong password nor the use of a refresh token is in the trail.
    sql.only(
        "SELECT max(last) FROM (
             SELECT at AS last FROM audit WHERE id = (SELECT max(id) FROM audit)
             UNION ALL SELECT max(updated_at) FROM login_attempts
             UNION ALL SELECT max(rotated_at) FROM sessions WHERE rotations > 0) AS times",
        values![],
        |row| row.get(0),
    )
}

fn move_attempts(sql: &mut dyn Sql, now: Timestamp) -> sql::Result<usize> {
    sql.execute(
        "UPDATE login_attempts SET next_at = next_at - updated_at + ?1, updated_at = ?1
         WHERE updated_at > ?1",
        values![now],
    )
}

fn move_links(sql: &mut dyn Sql, now: Timestamp) -> sql::Result<usize> {
    sql.execute(
        "UPDATE links SET expires_at = expires_at - created_at + ?1, created_at = ?1
         WHERE NOT is_kept AND expires_at > ?1 AND created_at > ?1",
        values![now],
    )
}

fn move_sessions(sql: &mut dyn Sql, now: Timestamp) -> sql::Result<usize> {
    // Names of sessions start with the second in which they were opened.
    sql.execute(
        "UPDATE sessions SET expires_at = expires_at - created_at + ?1, created_at = ?1
         WHERE id > ?2 AND created_at > ?1",
        values![now, SessionId::new(now, [0; 12])],
    )?;
    // When the refresh token before the current one was used is not known any more: long ago.
    sql.execute(
        "UPDATE sessions SET rotated_at = 0 WHERE rotations > 0 AND rotated_at > ?1",
        values![now.0 + ROTATION_GRACE],
    )
}

fn move_mails(sql: &mut dyn Sql, now: Timestamp, back: i64) -> sql::Result<usize> {
    sql.execute(
        "UPDATE outbox SET next_at = next_at - ?2 WHERE state = 'queued' AND next_at > ?1",
        values![now, back],
    )?;
    sql.execute(
        "UPDATE outbox SET leased_until = leased_until - ?2 WHERE leased_until > ?1",
        values![now, back],
    )
}

fn limit_mails(sql: &mut dyn Sql, now: Timestamp, longest: &LongestWaits) -> sql::Result<usize> {
    let LongestWaits { first, any, lease } = *longest;
    let first = now.plus(first).seconds_since(now);
    sql.execute(
        "UPDATE outbox SET next_at = ?1 WHERE state = 'queued' AND (next_at > ?2 OR next_at - ?1 >
             (CAST(?3 AS BIGINT) << CAST(CASE WHEN attempts < 16 THEN attempts ELSE 16 END AS INTEGER)))",
        values![now, now.plus(any), first],
    )?;
    sql.execute(
        "UPDATE outbox SET leased_until = ?1 WHERE leased_until > ?1",
        values![now.plus(lease)],
    )
}

/// They would stay until that time has come.
fn move_ended_mails(sql: &mut dyn Sql, now: Timestamp) -> sql::Result<usize> {
    sql.execute(
        "UPDATE outbox SET created_at = ?1 WHERE state <> 'queued' AND created_at > ?1",
        values![now],
    )
}
