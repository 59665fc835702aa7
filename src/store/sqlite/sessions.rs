//! Sessions.

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{Sqlite, attempts, audit, failure, imported_tokens, users};
use crate::domain::Stamp;
use crate::domain::{Agreement, LiveSession, Session, SessionId, SessionKind, Timestamp, UserId};
use crate::store::attempts::Attempt;
use crate::store::pending::Pending;
use crate::store::sessions::{Adoption, Opening, Sessions};

/// The session and its user, if neither has been ended. Whether it has expired is the caller's to say.
pub(crate) fn find(connection: &Connection, id: SessionId) -> Result<Option<LiveSession>> {
    connection
        .prepare_cached(&format!(
            "SELECT {}, expires_at, rotations, rotated_at,
                    organisation_type <> '' AND organisation_name <> '' AND country <> '',
                    policies.version, coalesce(is_given, 0)
             FROM sessions JOIN users ON users.id = sessions.user_id JOIN profiles ON profiles.user_id = users.id
             LEFT JOIN policies ON policies.id = (SELECT max(id) FROM policies)
             LEFT JOIN consents ON consents.user_id = users.id AND consents.policy_id = policies.id
             WHERE sessions.id = ? AND ended_at IS NULL AND is_active = 1",
            users::COLUMNS
        ))?
        .query_row([id.0], |row| {
            Ok(LiveSession {
                id,
                user: users::from_row(row)?,
                expires_at: Timestamp(row.get(users::WIDTH)?),
                rotations: row.get(users::WIDTH + 1)?,
                rotated_at: Timestamp(row.get(users::WIDTH + 2)?),
                has_profile: row.get(users::WIDTH + 3)?,
                agreement: Agreement {
                    latest: row.get(users::WIDTH + 4)?,
                    is_given: row.get(users::WIDTH + 5)?,
                },
            })
        })
        .optional()
}

pub(crate) fn of_cookie(connection: &Connection, digest: &[u8; 32]) -> Result<Option<SessionId>> {
    connection
        .prepare_cached("SELECT id FROM sessions WHERE cookie_digest = ?")?
        .query_row([digest], |row| row.get(0).map(SessionId))
        .optional()
}

pub(crate) fn open(connection: &Connection, opening: &Opening, actor: &Stamp) -> Result<bool> {
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
        attempts::forget(connection, key)?;
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

pub(crate) fn rotate(
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

pub(crate) fn end(
    connection: &Connection,
    id: SessionId,
    reason: &str,
    actor: &Stamp,
) -> Result<bool> {
    let ended = connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL RETURNING user_id, kind",
        )?
        .query_row(params![id.0, actor.at.0], |row| {
            Ok((UserId(row.get(0)?), row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((user, kind)) = ended else {
        return Ok(false);
    };
    if SessionKind::stored(&kind) == SessionKind::Imported {
        imported_tokens::end_tokens(connection, Some(user), actor.at)?;
    }
    audit::write(connection, actor, "session.end", Some(user), Some(reason))?;
    Ok(true)
}

pub(crate) fn end_all(
    connection: &Connection,
    user: UserId,
    keep: Option<SessionId>,
    now: Timestamp,
) -> Result<usize> {
    imported_tokens::end_tokens(connection, Some(user), now)?;
    connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?2
             WHERE user_id = ?1 AND ended_at IS NULL AND id IS NOT ?3",
        )?
        .execute(params![user.0, now.0, keep.map(|it| it.0)])
}

fn of_user(connection: &Connection, user: UserId, now: Timestamp) -> Result<Vec<Session>> {
    connection
        .prepare_cached(
            "SELECT id, kind, created_at, expires_at, address, user_agent FROM sessions
             WHERE user_id = ? AND ended_at IS NULL AND expires_at > ? ORDER BY created_at DESC, id DESC",
        )?
        .query_map(params![user.0, now.0], |row| {
            Ok(Session {
                id: SessionId(row.get(0)?),
                user,
                kind: SessionKind::stored(&row.get::<_, String>(1)?),
                created_at: Timestamp(row.get(2)?),
                expires_at: Timestamp(row.get(3)?),
                address: row.get(4)?,
                user_agent: row.get(5)?,
                cookie_digest: None,
            })
        })?
        .collect()
}

pub(crate) fn purge(connection: &Connection, before: Timestamp) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM sessions WHERE expires_at < ?")?
        .execute([before.0])?;
    Ok(())
}

impl Sessions for Sqlite {
    fn live_session(&self, id: SessionId, now: Timestamp) -> Pending<Option<LiveSession>> {
        let found = self.live.find(id, || {
            self.with_reader(|c| find(c, id).map_err(|err| failure("looking up a session", err)))
        });
        Pending::ready(found.map(|session| session.filter(|it| it.expires_at > now)))
    }

    fn session_of_cookie(&self, digest: &[u8; 32]) -> Pending<Option<SessionId>> {
        self.read("looking up a cookie", |c| of_cookie(c, digest))
    }

    fn sessions_of(&self, user: UserId, now: Timestamp) -> Pending<Vec<Session>> {
        self.read("listing sessions", |c| of_user(c, user, now))
    }

    fn reserve_attempt(&self, key: Vec<u8>, now: Timestamp) -> Pending<Attempt> {
        self.write("counting a login attempt", move |c| {
            attempts::reserve(c, &key, now)
        })
    }

    fn forget_attempts(&self, key: Vec<u8>) -> Pending<()> {
        self.write("forgetting login attempts", move |c| {
            attempts::forget(c, &key)
        })
    }

    fn open_session(&self, opening: Opening, actor: Stamp) -> Pending<bool> {
        self.write("opening a session", move |c| open(c, &opening, &actor))
    }

    fn adopt_token(&self, token: Adoption, actor: Stamp) -> Pending<Option<SessionId>> {
        let doing = "looking up an imported token";
        let found = self
            .with_reader(|c| imported_tokens::find(c, &token).map_err(|err| failure(doing, err)));
        match found {
            Ok(None) => self.write(doing, move |c| imported_tokens::adopt(c, &token, &actor)),
            found => Pending::ready(found),
        }
    }

    fn imported_tokens_ended_at(&self, user: UserId) -> Pending<Option<Timestamp>> {
        self.read("looking up imported tokens", |c| {
            imported_tokens::tokens_ended_at(c, user)
        })
    }

    fn rotate(&self, id: SessionId, rotations: i64, now: Timestamp) -> Pending<bool> {
        self.write("rotating a refresh token", move |c| {
            rotate(c, id, rotations, now)
        })
    }

    fn end_session(&self, id: SessionId, reason: &'static str, actor: Stamp) -> Pending<bool> {
        self.write("ending a session", move |c| end(c, id, reason, &actor))
    }

    fn end_sessions_of(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        actor: Stamp,
    ) -> Pending<usize> {
        self.write("ending sessions", move |c| {
            let ended = end_all(c, user, keep, actor.at)?;
            audit::write(c, &actor, "session.end", Some(user), Some("all"))?;
            Ok(ended)
        })
    }
}
