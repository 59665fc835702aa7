//! Mails as the operator sees them: listed, shown, and queued again.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::audit;
use super::outbox::unknown;
use crate::domain::Stamp;
use crate::domain::{MailKind, MailState, Timestamp, UserId};
use crate::store::mails::{MailPage, MailRecord, NoRetry};

const COLUMNS: &str = "outbox.id, kind, state, outbox.user_id, users.username, recipient, attempts,
    outbox.created_at, next_at, sent_at, error, links.expires_at, links.used_at IS NOT NULL, details";

/// Decoys are about nobody, and nobody is told of them.
const REAL: &str = "outbox LEFT JOIN users ON users.id = outbox.user_id
    LEFT JOIN links ON links.id = outbox.link_id WHERE recipient <> ''";

pub(crate) fn page(connection: &Connection, page: MailPage) -> Result<Vec<MailRecord>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {REAL} AND outbox.id > ?1 AND (?2 IS NULL OR state = ?2)
             ORDER BY outbox.id LIMIT ?3"
        ))?
        .query_map(
            params![
                page.after,
                page.state.map(MailState::as_str),
                i64::try_from(page.limit).unwrap_or(i64::MAX)
            ],
            from_row,
        )?
        .collect()
}

pub(crate) fn find(connection: &Connection, id: i64) -> Result<Option<MailRecord>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM {REAL} AND outbox.id = ?"))?
        .query_row([id], from_row)
        .optional()
}

fn from_row(row: &Row<'_>) -> Result<MailRecord> {
    let kind: String = row.get(1)?;
    let state: String = row.get(2)?;
    let user: (Option<i64>, Option<String>) = (row.get(3)?, row.get(4)?);
    Ok(MailRecord {
        id: row.get(0)?,
        kind: MailKind::parse(&kind).ok_or_else(|| unknown(1, &kind))?,
        state: MailState::parse(&state).ok_or_else(|| unknown(2, &state))?,
        user: user.0.map(UserId).zip(user.1),
        recipient: row.get(5)?,
        attempts: row.get(6)?,
        created_at: Timestamp(row.get(7)?),
        next_at: Timestamp(row.get(8)?),
        sent_at: row.get::<_, Option<i64>>(9)?.map(Timestamp),
        error: row.get(10)?,
        expires_at: row.get::<_, Option<i64>>(11)?.map(Timestamp),
        is_link_used: row.get(12)?,
        details: row.get(13)?,
    })
}

pub(crate) fn retry(
    connection: &Connection,
    ids: &[i64],
    actor: &Stamp,
) -> Result<std::result::Result<(), NoRetry>> {
    for &id in ids {
        let Some(mail) = find(connection, id)? else {
            return Ok(Err(NoRetry::Unknown(id)));
        };
        if mail.state == MailState::Sent {
            return Ok(Err(NoRetry::Sent(id)));
        }
        if mail.is_link_used || mail.expires_at.is_some_and(|it| it <= actor.at) {
            return Ok(Err(NoRetry::LinkEnded(Box::new(mail))));
        }
    }
    for &id in ids {
        connection
            .prepare_cached(
                "UPDATE outbox SET state = 'queued', next_at = ?2, attempts = 0 WHERE id = ?1",
            )?
            .execute(params![id, actor.at.0])?;
        audit::write(connection, actor, "mail.retry", None, Some(&id.to_string()))?;
    }
    Ok(Ok(()))
}
