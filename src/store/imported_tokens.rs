//! Tokens that the service before this one issued. They name no session; all of a user share one.

use super::pending::Pending;
use super::sql::{Result, Sql, values};
use super::{Store, audit};
use crate::domain::{SessionId, SessionKind, Stamp, Timestamp, UserId};

/// A token that the service before this one issued, and the session to open for it.
#[derive(Clone, Debug)]
pub struct ImportedToken {
    pub user: UserId,
    pub issued_at: Timestamp,
    /// When it expires; the session lasts as long.
    pub expires_at: Timestamp,
    /// The name of the session, if there is none for that user yet.
    pub session: SessionId,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

impl Store {
    /// The session of an imported token, opened at its first use. None if the user is not there or
    /// inactive, or if imported tokens of that age were ended: by the end of that session, or of all
    /// sessions of the user.
    pub fn session_of_imported_token(
        &self,
        token: ImportedToken,
        stamp: Stamp,
    ) -> Pending<Option<SessionId>> {
        let doing = "looking up an imported token";
        match self.read_now(doing, |sql| find(sql, &token)) {
            Ok(None) => self.write(doing, move |sql| open(sql, &token, &stamp)),
            found => Pending::ready(found),
        }
    }

    /// Imported tokens of the user that were issued up to then are refused; none for no such user.
    pub fn imported_tokens_ended_at(&self, user: UserId) -> Pending<Option<Timestamp>> {
        self.read("looking up imported tokens", |sql| {
            sql.one(
                "SELECT imported_tokens_ended_at FROM users WHERE id = ?1",
                values![user],
                |row| row.get(0),
            )
        })
    }
}

/// The session of a token that was used before.
fn find(sql: &mut dyn Sql, token: &ImportedToken) -> Result<Option<SessionId>> {
    sql.one(
        "SELECT sessions.id FROM sessions JOIN users ON users.id = user_id
         WHERE user_id = ?1 AND kind = ?2 AND ended_at IS NULL AND expires_at >= ?3
           AND imported_tokens_ended_at < ?4",
        values![
            token.user,
            SessionKind::Imported.as_str(),
            token.expires_at,
            token.issued_at,
        ],
        |row| row.get(0),
    )
}

/// Lets the user's session last as long as the token, or opens one.
fn open(sql: &mut dyn Sql, token: &ImportedToken, stamp: &Stamp) -> Result<Option<SessionId>> {
    let is_good = sql.exists(
        "SELECT 1 FROM users WHERE id = ?1 AND is_active AND imported_tokens_ended_at < ?2",
        values![token.user, token.issued_at],
    )?;
    if !is_good {
        return Ok(None);
    }
    let kind = SessionKind::Imported.as_str();
    let lengthened = sql.one(
        "UPDATE sessions SET expires_at = CASE WHEN expires_at < ?3 THEN ?3 ELSE expires_at END
         WHERE user_id = ?1 AND kind = ?2 AND ended_at IS NULL AND expires_at > ?4 RETURNING id",
        values![token.user, kind, token.expires_at, stamp.at],
        |row| row.get(0),
    )?;
    if lengthened.is_some() {
        return Ok(lengthened);
    }
    sql.execute(
        "INSERT INTO sessions (id, user_id, kind, created_at, expires_at, address, user_agent, rotated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?4)",
        values![
            token.session,
            token.user,
            kind,
            stamp.at,
            token.expires_at,
            stamp.actor.address,
            token.user_agent,
        ],
    )?;
    audit::write(sql, stamp, "session.open", Some(token.user), Some(kind))?;
    Ok(Some(token.session))
}

/// Refuses what was issued until now, of one user or of all.
pub(super) fn end(sql: &mut dyn Sql, user: Option<UserId>, now: Timestamp) -> Result<()> {
    // Two statements: one with `OR` would read all users for one of them.
    match user {
        Some(user) => sql.execute(
            "UPDATE users SET imported_tokens_ended_at = ?2 WHERE id = ?1",
            values![user, now],
        ),
        None => sql.execute(
            "UPDATE users SET imported_tokens_ended_at = ?1",
            values![now],
        ),
    }
    .map(drop)
}
