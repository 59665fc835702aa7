//! Sessions for the tokens of the service before this one, which name none.

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::audit;
use crate::domain::Stamp;
use crate::domain::{SessionId, SessionKind, Timestamp, UserId};
use crate::store::sessions::Adoption;

/// The session of a token that was used before.
pub(crate) fn find(connection: &Connection, token: &Adoption) -> Result<Option<SessionId>> {
    connection
        .prepare_cached(
            "SELECT sessions.id FROM sessions JOIN users ON users.id = user_id
             WHERE user_id = ?1 AND kind = ?2 AND ended_at IS NULL AND expires_at >= ?3
               AND imported_tokens_ended_at < ?4",
        )?
        .query_row(
            params![
                token.user.0,
                SessionKind::Imported.as_str(),
                token.expires_at.0,
                token.issued_at.0
            ],
            |row| row.get(0).map(SessionId),
        )
        .optional()
}

/// Lets the user's session last as long as the token, or opens one.
pub(crate) fn adopt(
    connection: &Connection,
    token: &Adoption,
    actor: &Stamp,
) -> Result<Option<SessionId>> {
    let is_good = connection
        .prepare_cached(
            "SELECT 1 FROM users WHERE id = ? AND is_active = 1 AND imported_tokens_ended_at < ?",
        )?
        .exists(params![token.user.0, token.issued_at.0])?;
    if !is_good {
        return Ok(None);
    }
    let kind = SessionKind::Imported.as_str();
    let lengthened = connection
        .prepare_cached(
            "UPDATE sessions SET expires_at = max(expires_at, ?3)
             WHERE user_id = ?1 AND kind = ?2 AND ended_at IS NULL AND expires_at > ?4 RETURNING id",
        )?
        .query_row(
            params![token.user.0, kind, token.expires_at.0, actor.at.0],
            |row| row.get(0).map(SessionId),
        )
        .optional()?;
    if lengthened.is_some() {
        return Ok(lengthened);
    }
    connection
        .prepare_cached(
            "INSERT INTO sessions (id, user_id, kind, created_at, expires_at, address, user_agent, rotated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?4)",
        )?
        .execute(params![
            token.session.0,
            token.user.0,
            kind,
            actor.at.0,
            token.expires_at.0,
            actor.actor.address,
            token.user_agent,
        ])?;
    audit::write(
        connection,
        actor,
        "session.open",
        Some(token.user),
        Some(kind),
    )?;
    Ok(Some(token.session))
}

/// Refuses what was issued until now. None are all users.
pub(crate) fn end_tokens(
    connection: &Connection,
    user: Option<UserId>,
    now: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE users SET imported_tokens_ended_at = ?2 WHERE ?1 IS NULL OR id = ?1",
        )?
        .execute(params![user.map(|it| it.0), now.0])?;
    Ok(())
}

/// Until when issued tokens are refused.
pub(crate) fn tokens_ended_at(connection: &Connection, user: UserId) -> Result<Option<Timestamp>> {
    connection
        .prepare_cached("SELECT imported_tokens_ended_at FROM users WHERE id = ?")?
        .query_row([user.0], |row| row.get(0).map(Timestamp))
        .optional()
}
