//! Links, each of which works once. Most are carried by mails.

use super::credentials::{self, Credentials};
use super::mails::NewMail;
use super::pending::Pending;
use super::sql::{Result, Sql, values};
use super::{Store, audit, counts, mails};
use crate::domain::{Email, FoundLink, LinkState, MailKind, Stamp, Timestamp, UserId};

/// Seconds in which `most_per_hour` is counted.
const HOUR: i64 = 3600;

/// The counts of links that somebody may use, and of those that nobody may.
const LINKS: &str = "links";
pub(super) const DECOYS: &str = "links for nobody";

/// A link, as it is stored.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// What it is for, and the mail that carries it; a link serves one purpose only.
    pub purpose: MailKind,
    /// What its token is derived from.
    pub nonce: [u8; 32],
    /// SHA-256 of its token.
    pub digest: [u8; 32],
    /// When it stops working.
    pub expires_at: Timestamp,
    /// The new address that it makes the account's own; its mail goes there.
    pub email: Option<Email>,
    /// Whether a mail carries it. Otherwise somebody hands it over.
    pub is_mailed: bool,
}

impl Store {
    /// The user whom a link lets in, if it is unused, has not expired at `now`, and the user is
    /// active or only waits for confirmation.
    pub fn link_user(
        &self,
        purpose: MailKind,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Pending<Option<Credentials>> {
        let digest = *digest;
        self.read("looking up a link", move |sql| {
            find(sql, purpose, &digest, now)
        })
    }

    /// A link of `user` that confirms an account or an address; none if it is false, too old or
    /// replaced by a newer one, and what it is for is not done.
    pub fn confirming_link(
        &self,
        user: UserId,
        purpose: MailKind,
        digest: [u8; 32],
        now: Timestamp,
    ) -> Pending<Option<FoundLink>> {
        self.read("looking up a link", move |sql| {
            confirming(sql, user, purpose, &digest, now)
        })
    }

    /// Writes a link and its mail to the user's stored address, or a decoy of the same cost if
    /// nobody may use it or `most_per_hour` were mailed within the hour.
    pub fn add_link(
        &self,
        user: Option<UserId>,
        link: NewLink,
        most_per_hour: Option<usize>,
        stamp: Stamp,
    ) -> Pending<()> {
        self.write("writing a link", move |sql| {
            let recipient = recipient(sql, user, link.purpose, most_per_hour, stamp.at)?;
            let user = user.filter(|_| recipient.is_some());
            write(sql, user, recipient.as_deref(), &link, stamp.at)?;
            record(sql, user, &link, &stamp)
        })
    }

    /// Uses up an activation link of `user`: the address is confirmed, and whoever waited for that
    /// may log in. Nothing is done unless the link, as it was found, works.
    pub fn redeem_activation(
        &self,
        user: UserId,
        digest: [u8; 32],
        stamp: Stamp,
    ) -> Pending<Option<LinkState>> {
        self.write("confirming an account", move |sql| {
            let found = confirming(sql, user, MailKind::Activation, &digest, stamp.at)?;
            let found = found.map(|it| it.state);
            if found == Some(LinkState::Works) {
                confirm(sql, user, stamp.at)?;
                audit::write(sql, &stamp, "user.confirm", Some(user), None)?;
            }
            Ok(found)
        })
    }
}

/// Writes into the audit trail that there is a link, and counts it.
pub(super) fn record(
    sql: &mut dyn Sql,
    user: Option<UserId>,
    link: &NewLink,
    stamp: &Stamp,
) -> Result<()> {
    let action = if link.is_mailed {
        "mail.queue"
    } else {
        "link.print"
    };
    let purpose = Some(link.purpose.as_str());
    sql.execute("SAVEPOINT entry", values![])?;
    audit::write(sql, stamp, action, user, purpose)?;
    if user.is_none() {
        // Strangers could fill the trail: a decoy is counted only. The entry is written all
        // the same, so that it costs what a link costs.
        sql.execute("ROLLBACK TO SAVEPOINT entry", values![])?;
    }
    sql.execute("RELEASE SAVEPOINT entry", values![])?;
    counts::add(sql, if user.is_none() { DECOYS } else { LINKS })
}

/// Writes a link, and the mail that takes it to `recipient`.
pub(super) fn write(
    sql: &mut dyn Sql,
    user: Option<UserId>,
    recipient: Option<&str>,
    link: &NewLink,
    now: Timestamp,
) -> Result<()> {
    let purpose = link.purpose.as_str();
    let id: i64 = sql.only(
        "INSERT INTO links (purpose, user_id, nonce, digest, created_at, expires_at, email)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
        values![
            purpose,
            user,
            link.nonce,
            link.digest,
            now,
            link.expires_at,
            link.email.as_ref().map(Email::as_str),
        ],
        |row| row.get(0),
    )?;
    // Whoever waits for an activation mail may have another link in hand already, and a stranger may
    // have asked for this one.
    if link.purpose != MailKind::Activation {
        void_before(sql, user, purpose, id, now)?;
    }
    if !link.is_mailed {
        return Ok(());
    }
    let mail = NewMail {
        kind: link.purpose,
        user,
        link: Some(id),
        recipient: recipient.unwrap_or(mails::NOBODY),
        details: None,
    };
    mails::queue(sql, &mail, now)
}

/// Links are searched by their time, so that this takes equally long for everybody. If the clock was set back,
/// others stand before the one that is looked for: so a hundred are looked at.
const LOOKED_AT: i64 = 100;

/// Of these links only the newest works, so of the others only the one before can still. To look at
/// them all would take the longer the more somebody has had, and strangers have none.
fn void_before(
    sql: &mut dyn Sql,
    user: Option<UserId>,
    purpose: &str,
    id: i64,
    now: Timestamp,
) -> Result<()> {
    sql.execute(
        "UPDATE links SET used_at = ?4
         WHERE id = (SELECT max(id) FROM (
                   SELECT id FROM links WHERE user_id = ?1 AND purpose = ?2 AND id < ?3
                   ORDER BY created_at DESC LIMIT ?5) AS latest)
           AND used_at IS NULL",
        values![user, purpose, id, now, LOOKED_AT],
    )
    .map(drop)
}

/// The links of a user, of a purpose, that were mailed after a time. Those that were printed do not count.
const MAILED: &str =
    "SELECT count(*) FROM links WHERE user_id = ?1 AND purpose = ?2 AND created_at > ?3
    AND EXISTS (SELECT 1 FROM outbox WHERE link_id = links.id)";

/// How many links were mailed to a user within the hour before `now`.
pub(super) fn count_in_hour(
    sql: &mut dyn Sql,
    user: UserId,
    purpose: MailKind,
    now: Timestamp,
) -> Result<usize> {
    let count = sql.number(MAILED, values![user, purpose.as_str(), now.0 - HOUR])?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// The stored address of a user who may use the link and has not been written to too often.
fn recipient(
    sql: &mut dyn Sql,
    user: Option<UserId>,
    purpose: MailKind,
    most_per_hour: Option<usize>,
    now: Timestamp,
) -> Result<Option<String>> {
    sql.one(
        &format!(
            "SELECT email FROM users
             WHERE id = ?1 AND (is_active OR awaits_confirmation) AND (?4 > ({MAILED}) OR ?4 IS NULL)"
        ),
        values![user, purpose.as_str(), now.0 - HOUR, most_per_hour],
        |row| row.get(0),
    )
}

fn find(
    sql: &mut dyn Sql,
    purpose: MailKind,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Credentials>> {
    sql.one(
        &credentials::select_credentials(
            "FROM links JOIN users ON users.id = links.user_id
             JOIN profiles ON profiles.user_id = users.id
             WHERE digest = ?1 AND purpose = ?2 AND used_at IS NULL AND expires_at > ?3
               AND (is_active OR awaits_confirmation)",
        ),
        values![digest, purpose.as_str(), now],
        credentials::credentials_from_row,
    )
}

/// Whether a link works, and for this user.
pub(super) fn is_of(
    sql: &mut dyn Sql,
    user: UserId,
    purpose: MailKind,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<bool> {
    let owner = find(sql, purpose, digest, now)?;
    Ok(owner.is_some_and(|it| it.user.id == user))
}

/// See [`Store::confirming_link`]. Whether it is done is told by the account: another link may have
/// done it.
pub(super) fn confirming(
    sql: &mut dyn Sql,
    user: UserId,
    purpose: MailKind,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<FoundLink>> {
    let found = sql.one(
        "SELECT used_at IS NULL AND expires_at > ?4,
                CASE WHEN links.email IS NULL THEN email_confirmed_at IS NOT NULL
                     ELSE links.email = users.email END,
                coalesce(links.email, users.email)
         FROM links JOIN users ON users.id = links.user_id
         WHERE digest = ?1 AND purpose = ?2 AND user_id = ?3
           AND (is_active OR awaits_confirmation)",
        values![digest, purpose.as_str(), user, now],
        |row| {
            let address = Email::stored(row.get(2)?);
            Ok((row.get(0)?, row.get(1)?, address))
        },
    )?;
    Ok(found.and_then(|(is_usable, is_done, address)| {
        let state = match (is_usable, is_done) {
            (true, _) => LinkState::Works,
            (false, true) => LinkState::Done,
            (false, false) => return None,
        };
        Some(FoundLink { state, address })
    }))
}

/// Keeps the link that gave a user the address of today, and no other that did so before.
pub(super) fn keep_address(sql: &mut dyn Sql, user: UserId, digest: &[u8; 32]) -> Result<()> {
    sql.execute(
        "UPDATE links SET is_kept = (digest = ?3) WHERE user_id = ?1 AND purpose = ?2",
        values![user, MailKind::AddressChange.as_str(), digest],
    )
    .map(drop)
}

/// Notes with the activation links which address they were about, before the account gets another one:
/// whoever has the old mail learns nothing about the new address.
pub(super) fn leave_address(sql: &mut dyn Sql, user: UserId) -> Result<()> {
    sql.execute(
        "UPDATE links SET email = (SELECT email FROM users WHERE id = ?1)
         WHERE user_id = ?1 AND purpose = ?2 AND email IS NULL",
        values![user, MailKind::Activation.as_str()],
    )
    .map(drop)
}

pub(super) fn void_all(sql: &mut dyn Sql, user: UserId, now: Timestamp) -> Result<()> {
    sql.execute(
        "UPDATE links SET used_at = ?2 WHERE user_id = ?1 AND used_at IS NULL",
        values![user, now],
    )
    .map(drop)
}

/// Whoever used a mailed link owns the address, and may log in if that was all that was missing.
/// Every link that was mailed for this says from now on that it is done.
pub(super) fn confirm(sql: &mut dyn Sql, user: UserId, now: Timestamp) -> Result<()> {
    sql.execute(
        "UPDATE links SET is_kept = TRUE, used_at = coalesce(used_at, ?3)
         WHERE user_id = ?1 AND purpose = ?2",
        values![user, MailKind::Activation.as_str(), now],
    )?;
    sql.execute(
        "UPDATE users SET email_confirmed_at = ?2, is_active = is_active OR awaits_confirmation,
                          awaits_confirmation = FALSE
         WHERE id = ?1",
        values![user, now],
    )
    .map(drop)
}

/// A link is kept as long as the mail that carries it, if not longer.
pub(super) fn purge(sql: &mut dyn Sql, before: Timestamp, limit: usize) -> Result<usize> {
    sql.execute(
        "DELETE FROM links WHERE id IN (
             SELECT id FROM links
             WHERE expires_at < ?1 AND NOT is_kept AND NOT EXISTS (SELECT 1 FROM outbox WHERE link_id = links.id) LIMIT ?2)",
        values![before, limit],
    )
}
