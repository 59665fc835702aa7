//! Mails that wait, were sent, or could not be.

use rusqlite::types::Type;
use rusqlite::{Connection, Result, Row, params};

use super::{Sqlite, audit, mails, users};
use crate::domain::Stamp;
use crate::domain::{Email, MailKind, Timestamp, UserId};
use crate::store::mails::{Delivery, DueMail, MailPage, MailRecord, NoRetry, Outbox};
use crate::store::pending::Pending;

/// The recipient of a decoy, about whom nothing is known.
pub(crate) const NOBODY: &str = "";

/// A mail to be queued.
pub(crate) struct NewRow<'a> {
    pub(crate) kind: MailKind,
    pub(crate) user: Option<UserId>,
    pub(crate) link: Option<i64>,
    pub(crate) recipient: &'a str,
    pub(crate) details: Option<&'a str>,
}

pub(crate) fn queue(connection: &Connection, mail: &NewRow<'_>, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO outbox (kind, user_id, link_id, recipient, details, state, next_at, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?6)",
        )?
        .execute(params![
            mail.kind.as_str(),
            mail.user.map(|it| it.0),
            mail.link,
            mail.recipient,
            mail.details,
            now.0
        ])?;
    Ok(())
}

fn due(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<DueMail>> {
    connection
        .prepare_cached(&format!(
            "SELECT {}, outbox.id, outbox.kind, outbox.recipient, links.nonce,
                    iif(links.used_at IS NULL, links.expires_at, 0), outbox.details, outbox.created_at, outbox.attempts
             FROM outbox LEFT JOIN users ON users.id = outbox.user_id LEFT JOIN links ON links.id = outbox.link_id
             WHERE state = 'queued' AND next_at <= ?1 AND (leased_until IS NULL OR leased_until <= ?1)
             ORDER BY next_at, outbox.id LIMIT ?2",
            users::COLUMNS
        ))?
        .query_map(params![now.0, i64::try_from(limit).unwrap_or(i64::MAX)], due_from_row)?
        .collect()
}

fn due_from_row(row: &Row<'_>) -> Result<DueMail> {
    let first = users::WIDTH;
    let is_about_somebody = row.get::<_, Option<i64>>(0)?.is_some();
    let kind: String = row.get(first + 1)?;
    Ok(DueMail {
        user: is_about_somebody
            .then(|| users::from_row(row))
            .transpose()?,
        id: row.get(first)?,
        kind: MailKind::parse(&kind).ok_or_else(|| unknown(first + 1, &kind))?,
        recipient: row.get(first + 2)?,
        nonce: row.get(first + 3)?,
        expires_at: row.get::<_, Option<i64>>(first + 4)?.map(Timestamp),
        details: row.get(first + 5)?,
        created_at: Timestamp(row.get(first + 6)?),
        attempts: row.get(first + 7)?,
    })
}

fn lease(connection: &Connection, now: Timestamp, until: Timestamp) -> Result<Option<DueMail>> {
    let mail = due(connection, now, 1)?.pop();
    if let Some(mail) = &mail {
        connection
            .prepare_cached("UPDATE outbox SET leased_until = ?2 WHERE id = ?1")?
            .execute(params![mail.id, until.0])?;
    }
    Ok(mail)
}

fn release(connection: &Connection) -> Result<()> {
    connection
        .prepare_cached("UPDATE outbox SET leased_until = NULL WHERE leased_until IS NOT NULL")?
        .execute([])?;
    Ok(())
}

pub(crate) fn unknown(column: usize, kind: &str) -> rusqlite::Error {
    let why = format!("there is no mail called {kind}");
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}

fn mark(connection: &Connection, id: i64, delivery: &Delivery, now: Timestamp) -> Result<()> {
    match delivery {
        Delivery::Sent => connection
            .prepare_cached(
                "UPDATE outbox SET state = 'sent', sent_at = ?2, error = NULL, leased_until = NULL,
                                   attempts = attempts + 1 WHERE id = ?1",
            )?
            .execute(params![id, now.0])?,
        Delivery::Retry(next_at, why) => connection
            .prepare_cached(
                "UPDATE outbox SET next_at = ?2, error = ?3, leased_until = NULL,
                                   attempts = attempts + 1 WHERE id = ?1",
            )?
            .execute(params![id, next_at.0, why])?,
        Delivery::Failed(why) => connection
            .prepare_cached(
                "UPDATE outbox SET state = 'failed', error = ?2, leased_until = NULL,
                                   attempts = attempts + 1 WHERE id = ?1",
            )?
            .execute(params![id, why])?,
        Delivery::Expired => connection
            .prepare_cached(
                "UPDATE outbox SET state = 'expired', leased_until = NULL WHERE id = ?1",
            )?
            .execute([id])?,
        // The mail goes with its link.
        Delivery::Decoy => connection
            .prepare_cached(
                "DELETE FROM links WHERE id = (SELECT link_id FROM outbox WHERE id = ?1)",
            )?
            .execute([id])?,
    };
    Ok(())
}

pub(crate) fn purge(connection: &Connection, before: Timestamp) -> Result<()> {
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

impl Outbox for Sqlite {
    fn due_mail(&self, now: Timestamp, limit: usize) -> Pending<Vec<DueMail>> {
        self.read("reading the outbox", |c| due(c, now, limit))
    }

    fn lease_mail(&self, now: Timestamp, until: Timestamp) -> Pending<Option<DueMail>> {
        self.write("taking a mail in hand", move |c| lease(c, now, until))
    }

    fn release_mail(&self) -> Pending<()> {
        self.write("giving mails back", release)
    }

    fn mark_mail(&self, id: i64, delivery: Delivery, now: Timestamp) -> Pending<()> {
        self.write("marking a mail", move |c| mark(c, id, &delivery, now))
    }

    fn add_mail(&self, kind: MailKind, to: Email, details: String, actor: Stamp) -> Pending<()> {
        self.write("queueing a mail", move |c| {
            let mail = NewRow {
                kind,
                user: None,
                link: None,
                recipient: to.as_str(),
                details: Some(&details),
            };
            queue(c, &mail, actor.at)?;
            audit::write(c, &actor, "mail.queue", None, Some(kind.as_str()))
        })
    }

    fn mail_page(&self, page: MailPage) -> Pending<Vec<MailRecord>> {
        self.read("listing mails", |c| mails::page(c, page))
    }

    fn mail(&self, id: i64) -> Pending<Option<MailRecord>> {
        self.read("reading a mail", |c| mails::find(c, id))
    }

    fn retry_mail(&self, ids: Vec<i64>, actor: Stamp) -> Pending<std::result::Result<(), NoRetry>> {
        self.write("queueing mails again", move |c| {
            mails::retry(c, &ids, &actor)
        })
    }
}
