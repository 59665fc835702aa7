//! Tokens that the service before this one issued. They name no session: each has one of its own,
//! whose name follows from the token.

use super::Store;
use super::pending::Pending;
use super::sql::{Result, Sql, values};
use crate::domain::{Session, SessionId, SessionKind, Timestamp, UserId};

/// A token that the service before this one had blacklisted.
#[derive(Clone, Debug)]
pub struct RefusedToken {
    /// What the name of its session ends with, if it has one.
    pub digest: [u8; 12],
    /// Whose it is, if that is known.
    pub user: Option<UserId>,
    /// From then on it is refused anyway.
    pub expires_at: Timestamp,
}

impl Store {
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

    /// Whether the token of that session had been blacklisted before it came here.
    pub fn is_refused_token(&self, session: SessionId) -> Pending<bool> {
        self.read("looking up an imported token", |sql| {
            is_refused(sql, session)
        })
    }
}

/// Whether the token of that session is good, whatever has become of the session.
pub(super) fn is_good(sql: &mut dyn Sql, session: &Session) -> Result<bool> {
    let is_good = sql.exists(
        "SELECT 1 FROM users WHERE id = ?1 AND is_active AND imported_tokens_ended_at < ?2",
        values![session.user, session.created_at],
    )?;
    Ok(is_good && !is_refused(sql, session.id)?)
}

fn is_refused(sql: &mut dyn Sql, session: SessionId) -> Result<bool> {
    sql.exists(
        "SELECT 1 FROM refused_tokens WHERE digest = ?1",
        values![session.tail()],
    )
}

/// Ends the imported tokens of a user that were issued until now, and returns how many sessions they
/// had.
pub(super) fn end(sql: &mut dyn Sql, user: UserId, now: Timestamp) -> Result<usize> {
    sql.execute(
        "UPDATE users SET imported_tokens_ended_at = ?2
         WHERE id = ?1 AND imported_tokens_ended_at < ?2",
        values![user, now],
    )?;
    sql.execute(
        "UPDATE sessions SET ended_at = ?2 WHERE user_id = ?1 AND kind = ?3 AND ended_at IS NULL",
        values![user, now, SessionKind::Imported.as_str()],
    )
}

/// Refuses the tokens of everybody that were issued until now. Their sessions are ended elsewhere.
pub(super) fn end_of_everybody(sql: &mut dyn Sql, now: Timestamp) -> Result<()> {
    sql.execute(
        "UPDATE users SET imported_tokens_ended_at = ?1 WHERE imported_tokens_ended_at < ?1",
        values![now],
    )
    .map(drop)
}

/// Refuses imported tokens for a user for good: their number is not the one that those mean.
pub(super) fn never(sql: &mut dyn Sql, user: UserId) -> Result<()> {
    sql.execute(
        "UPDATE users SET imported_tokens_ended_at = ?2 WHERE id = ?1",
        values![user, i64::MAX],
    )
    .map(drop)
}

/// Remembers a token that the service before this one had blacklisted, and ends its session. False
/// if it is known already.
pub(super) fn refuse(sql: &mut dyn Sql, token: &RefusedToken, now: Timestamp) -> Result<bool> {
    let added = sql.execute(
        "INSERT INTO refused_tokens (digest, expires_at) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING",
        values![token.digest, token.expires_at],
    )?;
    sql.execute(
        "UPDATE sessions SET ended_at = ?4
         WHERE user_id = ?1 AND kind = ?2 AND ended_at IS NULL AND substr(id, 5) = ?3",
        values![
            token.user,
            SessionKind::Imported.as_str(),
            token.digest,
            now
        ],
    )?;
    Ok(added == 1)
}

/// Forgets refused tokens that expired before `before`.
pub(super) fn purge(sql: &mut dyn Sql, before: Timestamp, limit: usize) -> Result<usize> {
    sql.execute(
        "DELETE FROM refused_tokens WHERE digest IN (
             SELECT digest FROM refused_tokens WHERE expires_at < ?1 LIMIT ?2)",
        values![before, limit],
    )
}
