//! Links that mails carry, and the outbox.

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{audit, sessions, users};
use crate::domain::{Timestamp, UserId};
use crate::store::{Actor, Credentials, Delivery, DueMail, NewLink};

/// Seconds in which `most_per_hour` is counted.
const HOUR: i64 = 3600;

/// The recipient of a decoy, about whom nothing is known.
const NOBODY: &str = "";

pub(super) fn queue_link(
    connection: &Connection,
    user: Option<UserId>,
    link: &NewLink,
    most_per_hour: Option<usize>,
    actor: &Actor,
) -> Result<()> {
    let now = actor.at.0;
    let recipient = recipient(connection, user, link.purpose, most_per_hour, now)?;
    let user = user.filter(|_| recipient.is_some()).map(|it| it.0);
    let link_id: i64 = connection
        .prepare_cached(
            "INSERT INTO links (purpose, user_id, nonce, digest, created_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        )?
        .query_row(
            params![
                link.purpose,
                user,
                link.nonce,
                link.digest,
                now,
                link.expires_at.0
            ],
            |row| row.get(0),
        )?;
    // Only the newest link works.
    connection
        .prepare_cached(
            "UPDATE links SET used_at = ?4 WHERE user_id = ?1 AND purpose = ?2 AND id <> ?3 AND used_at IS NULL",
        )?
        .execute(params![user, link.purpose, link_id, now])?;
    connection
        .prepare_cached(
            "INSERT INTO outbox (kind, user_id, link_id, recipient, state, next_at, created_at)
             VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?5)",
        )?
        .execute(params![
            link.purpose,
            user,
            link_id,
            recipient.as_deref().unwrap_or(NOBODY),
            now
        ])?;
    audit::write(
        connection,
        actor,
        "mail.queue",
        user.map(UserId),
        Some(link.purpose),
    )
}

/// The stored address of an active user who has not been written to too often.
fn recipient(
    connection: &Connection,
    user: Option<UserId>,
    purpose: &str,
    most_per_hour: Option<usize>,
    now: i64,
) -> Result<Option<String>> {
    connection
        .prepare_cached(
            "SELECT email FROM users WHERE id = ?1 AND is_active = 1 AND (?4 IS NULL OR ?4 > (
                 SELECT count(*) FROM links WHERE user_id = ?1 AND purpose = ?2 AND created_at > ?3))",
        )?
        .query_row(
            params![
                user.map(|it| it.0),
                purpose,
                now - HOUR,
                most_per_hour.map(|most| i64::try_from(most).unwrap_or(i64::MAX))
            ],
            |row| row.get(0),
        )
        .optional()
}

pub(super) fn link_user(
    connection: &Connection,
    purpose: &str,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Credentials>> {
    connection
        .prepare_cached(&format!(
            "SELECT {}, {}
             FROM links JOIN users ON users.id = links.user_id JOIN profiles ON profiles.user_id = users.id
             WHERE digest = ? AND purpose = ? AND used_at IS NULL AND expires_at > ? AND is_active = 1",
            users::COLUMNS,
            users::CREDENTIAL_COLUMNS
        ))?
        .query_row(params![digest, purpose, now.0], users::credentials_from_row)
        .optional()
}

pub(super) fn redeem_password_link(
    connection: &Connection,
    user: UserId,
    (purpose, digest): (&str, [u8; 32]),
    password_hash: &str,
    attempts: &[u8],
    actor: &Actor,
) -> Result<bool> {
    if link_user(connection, purpose, &digest, actor.at)?.is_none_or(|owner| owner.user.id != user)
    {
        return Ok(false);
    }
    connection
        .prepare_cached("UPDATE links SET used_at = ?2 WHERE user_id = ?1 AND used_at IS NULL")?
        .execute(params![user.0, actor.at.0])?;
    connection
        .prepare_cached("UPDATE users SET password_hash = ?2 WHERE id = ?1")?
        .execute(params![user.0, password_hash])?;
    sessions::end_all(connection, user, actor.at)?;
    sessions::forget_attempts(connection, attempts)?;
    audit::write(connection, actor, "password.reset", Some(user), None)?;
    Ok(true)
}

pub(super) fn due(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<DueMail>> {
    connection
        .prepare_cached(&format!(
            "SELECT {}, outbox.id, outbox.kind, outbox.recipient, links.nonce, links.expires_at
             FROM outbox LEFT JOIN users ON users.id = outbox.user_id LEFT JOIN links ON links.id = outbox.link_id
             WHERE state = 'queued' AND next_at <= ? ORDER BY next_at, outbox.id LIMIT ?",
            users::COLUMNS
        ))?
        .query_map(params![now.0, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            let is_decoy = row.get::<_, Option<i64>>(0)?.is_none();
            Ok(DueMail {
                user: if is_decoy { None } else { Some(users::from_row(row)?) },
                id: row.get(9)?,
                kind: row.get(10)?,
                recipient: row.get(11)?,
                nonce: row.get(12)?,
                expires_at: row.get::<_, Option<i64>>(13)?.map(Timestamp),
            })
        })?
        .collect()
}

pub(super) fn mark(
    connection: &Connection,
    id: i64,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<()> {
    match delivery {
        Delivery::Sent => connection
            .prepare_cached("UPDATE outbox SET state = 'sent', sent_at = ?2, attempts = attempts + 1 WHERE id = ?1")?
            .execute(params![id, now.0])?,
        Delivery::Retry(next_at, why) => connection
            .prepare_cached("UPDATE outbox SET next_at = ?2, error = ?3, attempts = attempts + 1 WHERE id = ?1")?
            .execute(params![id, next_at.0, why])?,
        Delivery::Expired => connection
            .prepare_cached("UPDATE outbox SET state = 'expired' WHERE id = ?1")?
            .execute([id])?,
        // The mail goes with its link.
        Delivery::Decoy => connection
            .prepare_cached("DELETE FROM links WHERE id = (SELECT link_id FROM outbox WHERE id = ?1)")?
            .execute([id])?,
    };
    Ok(())
}

pub(super) fn purge(connection: &Connection, before: Timestamp) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM outbox WHERE state <> 'queued' AND created_at < ?")?
        .execute([before.0])?;
    connection
        .prepare_cached(
            "DELETE FROM links WHERE expires_at < ? AND NOT EXISTS (SELECT 1 FROM outbox WHERE link_id = links.id)",
        )?
        .execute([before.0])?;
    Ok(())
}
