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
    /// From then on it is refused anyway.
    pub expires_at: Timestamp,
}

/// Which imported tokens of a user are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedAges {
    /// Those that were issued before the account was made: they mean somebody else.
    pub before: Timestamp,
    /// Those that were issued up to then: they were ended.
    pub up_to: Timestamp,
}

impl Store {
    /// None if no imported token is of this user: the account did not come from there, or there is
    /// none.
    pub fn refused_imported_tokens(&self, user: UserId) -> Pending<Option<RefusedAges>> {
        self.read("looking up imported tokens", move |sql| {
            sql.one(
                "SELECT created_at, imported_tokens_ended_at FROM users
                 WHERE id = ?1 AND takes_imported_tokens",
                values![user],
                |row| {
                    Ok(RefusedAges {
                        before: row.get(0)?,
                        up_to: row.get(1)?,
                    })
                },
            )
        })
    }

    /// Whether the token of that session had been blacklisted before it came here.
    pub fn is_refused_token(&self, session: SessionId) -> Pending<bool> {
        self.read("looking up an imported token", move |sql| {
            is_refused(sql, session)
        })
    }
}

/// Whether the token of that session is good, whatever has become of the session.
pub(super) fn is_good(sql: &mut dyn Sql, session: &Session) -> Result<bool> {
    let is_good = sql.exists(
        "SELECT 1 FROM users WHERE id = ?1 AND is_active AND takes_imported_tokens
                               AND created_at <= ?2 AND imported_tokens_ended_at < ?2",
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
        // What was ended before the clock was set back stays ended.
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

/// Remembers a token that the service before this one had blacklisted, and ends its session. False
/// if it is known already. Whose it is does not matter: a dump may not say.
pub(super) fn refuse(sql: &mut dyn Sql, token: &RefusedToken, now: Timestamp) -> Result<bool> {
    let added = sql.execute(
        "INSERT INTO refused_tokens (digest, expires_at) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING",
        values![token.digest, token.expires_at],
    )?;
    sql.execute(
        // The kind as the index has it, which a parameter would hide.
        "UPDATE sessions SET ended_at = ?2
         WHERE kind = 'imported' AND ended_at IS NULL AND substr(id, 5) = ?1",
        values![token.digest, now],
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
