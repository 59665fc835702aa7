//! Tokens that the service before this one issued. They name no session: each has one of its own,
//! whose name follows from the token.

use super::pending::Pending;
use super::sql::{Result, Sql, values};
use super::{Store, audit};
use crate::domain::{SessionId, SessionKind, Stamp, Timestamp, UserId};

/// A token that the service before this one issued, and its session.
#[derive(Clone, Debug)]
pub struct ImportedToken {
    pub user: UserId,
    pub issued_at: Timestamp,
    /// When its session ends at the latest.
    pub expires_at: Timestamp,
    /// The name of its session.
    pub session: SessionId,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// How many such sessions of a user may live; the oldest end.
    pub most: usize,
}

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
    /// Opens the session of an imported token that is used for the first time. False if the user is
    /// not there or inactive, if imported tokens of that age were ended, if it was blacklisted, or
    /// if its session has ended.
    pub fn open_imported_session(&self, token: ImportedToken, stamp: Stamp) -> Pending<bool> {
        let doing = "opening the session of an imported token";
        // A token that is not good is refused without a write, however often it comes.
        match self.read_now(doing, |sql| may_live(sql, &token)) {
            Ok(true) => self.write(doing, move |sql| open(sql, &token, &stamp)),
            refused => Pending::ready(refused),
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

    /// Whether the token of that session had been blacklisted before it came here.
    pub fn is_refused_token(&self, session: SessionId) -> Pending<bool> {
        self.read("looking up an imported token", |sql| {
            is_refused(sql, session)
        })
    }
}

/// Whether the token is good, but for its session.
fn may_live(sql: &mut dyn Sql, token: &ImportedToken) -> Result<bool> {
    let is_good = sql.exists(
        "SELECT 1 FROM users WHERE id = ?1 AND is_active AND imported_tokens_ended_at < ?2",
        values![token.user, token.issued_at],
    )?;
    let ended = "SELECT 1 FROM sessions WHERE id = ?1 AND ended_at IS NOT NULL";
    Ok(
        is_good
            && !is_refused(sql, token.session)?
            && !sql.exists(ended, values![token.session])?,
    )
}

fn is_refused(sql: &mut dyn Sql, session: SessionId) -> Result<bool> {
    sql.exists(
        "SELECT 1 FROM refused_tokens WHERE digest = ?1",
        values![session.tail()],
    )
}

/// Of two first uses at once, one opens the session, and both have it.
fn open(sql: &mut dyn Sql, token: &ImportedToken, stamp: &Stamp) -> Result<bool> {
    if !may_live(sql, token)? {
        return Ok(false);
    }
    let kind = SessionKind::Imported.as_str();
    let opened = sql.execute(
        "INSERT INTO sessions (id, user_id, kind, created_at, expires_at, address, user_agent, rotated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?4) ON CONFLICT (id) DO NOTHING",
        values![
            token.session,
            token.user,
            kind,
            token.issued_at,
            token.expires_at,
            stamp.actor.address,
            token.user_agent,
        ],
    )?;
    if opened == 1 {
        end_oldest(sql, token, stamp.at)?;
        audit::write(sql, stamp, "session.open", Some(token.user), Some(kind))?;
    }
    Ok(true)
}

/// While the other service still issues tokens, each of them that comes here opens a session.
fn end_oldest(sql: &mut dyn Sql, token: &ImportedToken, now: Timestamp) -> Result<()> {
    sql.execute(
        "UPDATE sessions SET ended_at = ?4 WHERE id IN (
             SELECT id FROM sessions
             WHERE user_id = ?1 AND kind = ?2 AND ended_at IS NULL AND expires_at > ?4 AND id <> ?3
             ORDER BY created_at DESC LIMIT ?6 OFFSET ?5)",
        values![
            token.user,
            SessionKind::Imported.as_str(),
            token.session,
            now,
            token.most.saturating_sub(1),
            i64::MAX,
        ],
    )
    .map(drop)
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
