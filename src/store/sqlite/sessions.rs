//! Sessions and the counters of failed logins.

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{audit, users};
use crate::domain::{LiveSession, Session, SessionId, Timestamp, UserId};
use crate::store::{Actor, Attempt, Opening};

/// From this failure in a row on, the next attempt has to wait (NIST SP 800-63B-4, section 3.2.2).
const FREE_FAILURES: i64 = 5;
/// So many failures in a row switch the password off until it is reset (the same section).
const MOST_FAILURES: i64 = 100;
/// The longest wait, in seconds.
const LONGEST_WAIT: i64 = 900;

/// The session and its user, if neither has been ended. Whether it has expired is the caller's to say.
pub(super) fn find(connection: &Connection, id: SessionId) -> Result<Option<LiveSession>> {
    connection
        .prepare_cached(&format!(
            "SELECT {}, expires_at, rotations, rotated_at,
                    organisation_type <> '' AND organisation_name <> '' AND country <> ''
             FROM sessions JOIN users ON users.id = sessions.user_id JOIN profiles ON profiles.user_id = users.id
             WHERE sessions.id = ? AND ended_at IS NULL AND is_active = 1",
            users::COLUMNS
        ))?
        .query_row([id.0], |row| {
            Ok(LiveSession {
                id,
                user: users::from_row(row)?,
                expires_at: Timestamp(row.get(9)?),
                rotations: row.get(10)?,
                rotated_at: Timestamp(row.get(11)?),
                has_profile: row.get(12)?,
            })
        })
        .optional()
}

pub(super) fn of_cookie(connection: &Connection, digest: &[u8; 32]) -> Result<Option<SessionId>> {
    connection
        .prepare_cached("SELECT id FROM sessions WHERE cookie_digest = ?")?
        .query_row([digest], |row| row.get(0).map(SessionId))
        .optional()
}

pub(super) fn open(connection: &Connection, opening: &Opening, actor: &Actor) -> Result<bool> {
    let session = &opening.session;
    let opened = connection
        .prepare_cached(
            "UPDATE users SET last_login_at = ?2, password_hash = coalesce(?3, password_hash)
             WHERE id = ?1 AND is_active = 1 AND (?4 IS NULL OR password_hash = ?4)",
        )?
        .execute(params![
            session.user.0,
            session.created_at.0,
            opening.rehashed,
            opening.checked
        ])?;
    if opened == 0 {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT INTO sessions (id, user_id, kind, created_at, expires_at, address, user_agent, cookie_digest,
                                   rotated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?4)",
        )?
        .execute(params![
            session.id.0,
            session.user.0,
            session.kind.as_str(),
            session.created_at.0,
            session.expires_at.0,
            session.address,
            session.user_agent,
            session.cookie_digest,
        ])?;
    end_oldest(connection, session, opening.most, actor.at)?;
    if let Some(key) = &opening.attempts {
        forget_attempts(connection, key)?;
    }
    audit::write(
        connection,
        actor,
        "session.open",
        Some(session.user),
        Some(session.kind.as_str()),
    )?;
    Ok(true)
}

/// Sessions that ran out by themselves do not count, and the one just opened is never the oldest,
/// even if all were opened in one second.
fn end_oldest(
    connection: &Connection,
    opened: &Session,
    most: usize,
    now: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?3 WHERE id IN (
                 SELECT id FROM sessions
                 WHERE user_id = ?1 AND ended_at IS NULL AND expires_at > ?3 AND id <> ?4
                 ORDER BY created_at DESC LIMIT -1 OFFSET ?2)",
        )?
        .execute(params![
            opened.user.0,
            i64::try_from(most.saturating_sub(1)).unwrap_or(i64::MAX),
            now.0,
            opened.id.0
        ])?;
    Ok(())
}

pub(super) fn rotate(
    connection: &Connection,
    id: SessionId,
    rotations: i64,
    now: Timestamp,
) -> Result<bool> {
    let rotated = connection
        .prepare_cached(
            "UPDATE sessions SET rotations = rotations + 1, rotated_at = ?3
             WHERE id = ?1 AND rotations = ?2 AND ended_at IS NULL",
        )?
        .execute(params![id.0, rotations, now.0])?;
    Ok(rotated == 1)
}

pub(super) fn end(
    connection: &Connection,
    id: SessionId,
    reason: &str,
    actor: &Actor,
) -> Result<bool> {
    let user = connection
        .prepare_cached("UPDATE sessions SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL RETURNING user_id")?
        .query_row(params![id.0, actor.at.0], |row| row.get(0).map(UserId))
        .optional()?;
    if user.is_some() {
        audit::write(connection, actor, "session.end", user, Some(reason))?;
    }
    Ok(user.is_some())
}

pub(super) fn end_all(connection: &Connection, user: UserId, now: Timestamp) -> Result<usize> {
    connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?2 WHERE user_id = ?1 AND ended_at IS NULL",
        )?
        .execute(params![user.0, now.0])
}

pub(super) fn reserve_attempt(
    connection: &Connection,
    key: &[u8],
    now: Timestamp,
) -> Result<Attempt> {
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

pub(super) fn forget_attempts(connection: &Connection, key: &[u8]) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM login_attempts WHERE key = ?")?
        .execute([key])?;
    Ok(())
}

pub(super) fn purge(connection: &Connection, before: Timestamp) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM sessions WHERE expires_at < ?")?
        .execute([before.0])?;
    connection
        .prepare_cached("DELETE FROM login_attempts WHERE updated_at < ? AND failures < ?")?
        .execute(params![before.0, MOST_FAILURES])?;
    Ok(())
}
