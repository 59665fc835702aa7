//! Links that mails carry.

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::outbox::NewRow;
use super::{Sqlite, audit, changes, outbox, users};
use crate::domain::Stamp;
use crate::domain::{Email, MailKind, Timestamp, UserId};
use crate::store::links::{Links, NewLink};
use crate::store::pending::Pending;
use crate::store::users::{Credentials, NewPassword, Taken};

/// Seconds in which `most_per_hour` is counted.
const HOUR: i64 = 3600;

fn add(
    connection: &Connection,
    user: Option<UserId>,
    link: &NewLink,
    most_per_hour: Option<usize>,
    actor: &Stamp,
) -> Result<()> {
    let recipient = recipient(connection, user, link.purpose, most_per_hour, actor.at.0)?;
    let user = user.filter(|_| recipient.is_some());
    write(connection, user, recipient.as_deref(), link, actor.at)?;
    let action = if link.is_mailed {
        "mail.queue"
    } else {
        "link.print"
    };
    audit::write(connection, actor, action, user, Some(link.purpose.as_str()))
}

/// Writes a link, and the mail that takes it to `recipient`.
pub(crate) fn write(
    connection: &Connection,
    user: Option<UserId>,
    recipient: Option<&str>,
    link: &NewLink,
    now: Timestamp,
) -> Result<()> {
    let purpose = link.purpose.as_str();
    let id: i64 = connection
        .prepare_cached(
            "INSERT INTO links (purpose, user_id, nonce, digest, created_at, expires_at, email)
             VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        )?
        .query_row(
            params![
                purpose,
                user.map(|it| it.0),
                link.nonce,
                link.digest,
                now.0,
                link.expires_at.0,
                link.email.as_ref().map(Email::as_str),
            ],
            |row| row.get(0),
        )?;
    // Only the newest link works.
    connection
        .prepare_cached(
            "UPDATE links SET used_at = ?4 WHERE user_id = ?1 AND purpose = ?2 AND id <> ?3 AND used_at IS NULL",
        )?
        .execute(params![user.map(|it| it.0), purpose, id, now.0])?;
    if !link.is_mailed {
        return Ok(());
    }
    let mail = NewRow {
        kind: link.purpose,
        user,
        link: Some(id),
        recipient: recipient.unwrap_or(outbox::NOBODY),
        details: None,
    };
    outbox::queue(connection, &mail, now)
}

/// The stored address of a user who may use the link and has not been written to too often.
fn recipient(
    connection: &Connection,
    user: Option<UserId>,
    purpose: MailKind,
    most_per_hour: Option<usize>,
    now: i64,
) -> Result<Option<String>> {
    connection
        .prepare_cached(
            "SELECT email FROM users
             WHERE id = ?1 AND (is_active OR awaits_confirmation) AND (?4 IS NULL OR ?4 > (
                 SELECT count(*) FROM links WHERE user_id = ?1 AND purpose = ?2 AND created_at > ?3))",
        )?
        .query_row(
            params![
                user.map(|it| it.0),
                purpose.as_str(),
                now - HOUR,
                most_per_hour.map(|most| i64::try_from(most).unwrap_or(i64::MAX))
            ],
            |row| row.get(0),
        )
        .optional()
}

fn find(
    connection: &Connection,
    purpose: MailKind,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Credentials>> {
    connection
        .prepare_cached(&format!(
            "SELECT {}, {}
             FROM links JOIN users ON users.id = links.user_id JOIN profiles ON profiles.user_id = users.id
             WHERE digest = ? AND purpose = ? AND used_at IS NULL AND expires_at > ?
               AND (is_active OR awaits_confirmation)",
            users::COLUMNS,
            users::CREDENTIAL_COLUMNS
        ))?
        .query_row(
            params![digest, purpose.as_str(), now.0],
            users::credentials_from_row,
        )
        .optional()
}

fn written_since(
    connection: &Connection,
    user: UserId,
    purpose: MailKind,
    since: Timestamp,
) -> Result<usize> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM links WHERE user_id = ? AND purpose = ? AND created_at > ?",
        )?
        .query_row(params![user.0, purpose.as_str(), since.0], |row| {
            row.get::<_, i64>(0)
        })
        .map(|count| usize::try_from(count).unwrap_or_default())
}

fn is_link_of(
    connection: &Connection,
    user: UserId,
    purpose: MailKind,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<bool> {
    let owner = find(connection, purpose, digest, now)?;
    Ok(owner.is_some_and(|it| it.user.id == user))
}

pub(crate) fn void_all(connection: &Connection, user: UserId, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached("UPDATE links SET used_at = ?2 WHERE user_id = ?1 AND used_at IS NULL")?
        .execute(params![user.0, now.0])?;
    Ok(())
}

/// Whoever used a mailed link owns the address, and may log in if that was all that was missing.
fn confirm(connection: &Connection, user: UserId, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE users SET email_confirmed_at = ?2, is_active = is_active OR awaits_confirmation,
                              awaits_confirmation = 0
             WHERE id = ?1",
        )?
        .execute(params![user.0, now.0])?;
    Ok(())
}

fn redeem_password(
    connection: &Connection,
    user: UserId,
    (purpose, digest): (MailKind, [u8; 32]),
    password: &NewPassword,
    actor: &Stamp,
) -> Result<bool> {
    if !is_link_of(connection, user, purpose, &digest, actor.at)? {
        return Ok(false);
    }
    changes::set_password(connection, user, password, None, None, actor)?;
    confirm(connection, user, actor.at)?;
    changes::note_password(connection, user, "password.reset", actor)?;
    Ok(true)
}

fn redeem_activation(
    connection: &Connection,
    user: UserId,
    digest: &[u8; 32],
    actor: &Stamp,
) -> Result<bool> {
    let purpose = MailKind::Activation;
    if !is_link_of(connection, user, purpose, digest, actor.at)? {
        return Ok(false);
    }
    connection
        .prepare_cached("UPDATE links SET used_at = ?2 WHERE digest = ?1")?
        .execute(params![digest, actor.at.0])?;
    confirm(connection, user, actor.at)?;
    audit::write(connection, actor, "user.confirm", Some(user), None)?;
    Ok(true)
}

fn redeem_address(
    connection: &Connection,
    user: UserId,
    digest: &[u8; 32],
    actor: &Stamp,
) -> Result<std::result::Result<bool, Taken>> {
    let purpose = MailKind::AddressChange;
    if !is_link_of(connection, user, purpose, digest, actor.at)? {
        return Ok(Ok(false));
    }
    let email = connection
        .prepare_cached("SELECT email FROM links WHERE digest = ?")?
        .query_row([digest], |row| row.get(0).map(Email::stored))?;
    if let Some(taken) = changes::taken(connection, None, Some(&email), Some(user))? {
        return Ok(Err(taken));
    }
    changes::replace_address(connection, user, &email, Some(actor.at), actor)?;
    audit::write(connection, actor, "user.address", Some(user), None)?;
    Ok(Ok(true))
}

impl Links for Sqlite {
    fn link_user(
        &self,
        purpose: MailKind,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Pending<Option<Credentials>> {
        self.read("looking up a link", |c| find(c, purpose, digest, now))
    }

    fn links_since(&self, user: UserId, purpose: MailKind, since: Timestamp) -> Pending<usize> {
        self.read("counting links", |c| written_since(c, user, purpose, since))
    }

    fn add_link(
        &self,
        user: Option<UserId>,
        link: NewLink,
        most_per_hour: Option<usize>,
        actor: Stamp,
    ) -> Pending<()> {
        self.write("writing a link", move |c| {
            add(c, user, &link, most_per_hour, &actor)
        })
    }

    fn redeem_password_link(
        &self,
        user: UserId,
        link: (MailKind, [u8; 32]),
        password: NewPassword,
        actor: Stamp,
    ) -> Pending<bool> {
        self.write("setting a password", move |c| {
            redeem_password(c, user, link, &password, &actor)
        })
    }

    fn redeem_activation(&self, user: UserId, digest: [u8; 32], actor: Stamp) -> Pending<bool> {
        self.write("confirming an account", move |c| {
            redeem_activation(c, user, &digest, &actor)
        })
    }

    fn redeem_address(
        &self,
        user: UserId,
        digest: [u8; 32],
        actor: Stamp,
    ) -> Pending<Result<bool, Taken>> {
        self.write("changing an address", move |c| {
            redeem_address(c, user, &digest, &actor)
        })
    }
}
