//! What becomes of times that lie ahead because the wall clock was set back. State says what is used
//! up; here it is seen to that nothing waits or lasts longer than it would have.

use super::pending::Pending;
use super::sql::{Result, Sql, values};
use super::{Store, audit};
use crate::domain::{ROTATION_GRACE, SessionId, Stamp, Timestamp};

impl Store {
    /// When something was last written down.
    pub fn last_change(&self) -> Pending<Option<Timestamp>> {
        self.read("reading when something was last written down", last_change)
    }

    /// Follows the clock, which was set back by so many seconds: what happened in a time that is still
    /// to come happens now, and ends as much later as it would have.
    pub fn follow_clock(&self, back: i64, stamp: Stamp) -> Pending<()> {
        self.write("following the clock", move |sql| {
            let now = stamp.at;
            move_attempts(sql, now)?;
            move_links(sql, now)?;
            move_sessions(sql, now)?;
            move_mails(sql, now, back)?;
            let detail = format!("{back} seconds");
            audit::write(sql, &stamp, "clock.back", None, Some(&detail))
        })
    }
}

pub(super) fn last_change(sql: &mut dyn Sql) -> Result<Option<Timestamp>> {
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

fn move_attempts(sql: &mut dyn Sql, now: Timestamp) -> Result<usize> {
    sql.execute(
        "UPDATE login_attempts SET next_at = next_at - updated_at + ?1, updated_at = ?1
         WHERE updated_at > ?1",
        values![now],
    )
}

fn move_links(sql: &mut dyn Sql, now: Timestamp) -> Result<usize> {
    sql.execute(
        "UPDATE links SET expires_at = expires_at - created_at + ?1, created_at = ?1
         WHERE NOT is_kept AND expires_at > ?1 AND created_at > ?1",
        values![now],
    )
}

fn move_sessions(sql: &mut dyn Sql, now: Timestamp) -> Result<usize> {
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

fn move_mails(sql: &mut dyn Sql, now: Timestamp, back: i64) -> Result<usize> {
    sql.execute(
        "UPDATE outbox SET next_at = next_at - ?2 WHERE state = 'queued' AND next_at > ?1",
        values![now, back],
    )?;
    sql.execute(
        "UPDATE outbox SET leased_until = leased_until - ?2 WHERE leased_until > ?1",
        values![now, back],
    )
}
