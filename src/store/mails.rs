//! Mails that wait, were sent, or could not be.

use std::time::Duration;

use super::credentials;
use super::pending::Pending;
use super::sql::{self, Row, Sql, values};
use super::{Store, audit};
use crate::clock::Clock;
use crate::domain::{Email, MailKind, MailState, Stamp, Timestamp, User, UserId};

/// A mail that waits, and that is in the hands of whoever holds it until then: by a clock that was set back
/// meanwhile, until an earlier time. Whoever takes it over holds it until a later one, unless the clock was set
/// back by more than a lease: then the word of the one before counts too.
const IN_HAND: &str =
    "SELECT 1 FROM outbox WHERE id = ?1 AND state = 'queued' AND leased_until <= ?2";

/// The recipient of a decoy, about whom nothing is known.
pub(super) const NOBODY: &str = "";

/// A mail to be queued.
pub(super) struct NewMail<'a> {
    pub(super) kind: MailKind,
    pub(super) user: Option<UserId>,
    pub(super) link: Option<i64>,
    pub(super) recipient: &'a str,
    /// A JSON object.
    pub(super) details: Option<&'a str>,
}

/// A mail that is due.
#[derive(Clone, Debug)]
pub struct DueMail {
    /// Its number in the outbox.
    pub id: i64,
    pub kind: MailKind,
    /// Whom it is about, if anybody.
    pub user: Option<User>,
    /// Where it goes; nowhere if it is a decoy.
    pub recipient: String,
    /// What the token of its link is derived from.
    pub nonce: Option<[u8; 32]>,
    /// When its link stops working.
    pub expires_at: Option<Timestamp>,
    /// What it says beside its link, as a JSON object.
    pub details: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// How often it was tried in vain since it was queued, or queued again.
    pub attempts: u32,
}

/// A mail that somebody has in hand.
#[derive(Clone, Debug)]
pub struct Leased {
    pub mail: DueMail,
    /// When it was taken.
    pub at: Timestamp,
    /// Nobody else is given it before.
    pub until: Timestamp,
}

/// A mail as it stands in the outbox, for the operator: all but its link.
#[derive(Clone, Debug)]
pub struct MailRecord {
    /// Its number in the outbox.
    pub id: i64,
    pub kind: MailKind,
    pub state: MailState,
    /// Whom it is about, if anybody: number and user name.
    pub user: Option<(UserId, String)>,
    pub recipient: String,
    /// How often it was tried since it was queued, or queued again.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it is tried next, if it is queued; when it was given up, if it was not sent.
    pub next_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When its link stops working, if it has one.
    pub expires_at: Option<Timestamp>,
    /// Whether its link was used, or replaced by a newer one.
    pub is_link_used: bool,
    /// What it says beside its link, as a JSON object.
    pub details: Option<String>,
}

/// Which mails, in the order of their numbers.
#[derive(Clone, Copy, Debug)]
pub struct MailPage {
    /// Only those in this state.
    pub state: Option<MailState>,
    /// Only those with a higher number.
    pub after: i64,
    pub limit: usize,
}

/// Why a mail cannot be queued again.
#[derive(Clone, Debug)]
pub enum NoRetry {
    /// There is none of that number.
    Unknown(i64),
    /// It was sent.
    Sent(i64),
    /// Its link does not work any more, so the mail would be of no use.
    LinkEnded(Box<MailRecord>),
}

/// What was queued again of a page of mails.
#[derive(Clone, Debug, Default)]
pub struct Retried {
    pub ids: Vec<i64>,
    /// How many were left, because their links do not work any more.
    pub left: usize,
    /// The last mail of the page; None if there are no more.
    pub last: Option<i64>,
}

/// What became of a mail.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// It was sent, or written to a file.
    Sent,
    /// It was not; to be tried again at that time.
    Retry(Timestamp, String),
    /// It was refused for good, in these words.
    Failed(String),
    /// It was about nobody, and is forgotten.
    Decoy,
    /// Its link stopped working before it could be sent.
    Expired,
}

impl Store {
    /// Mails due at `now` that nobody has in hand, oldest first.
    pub fn due_mail(&self, now: Timestamp, limit: usize) -> Pending<Vec<DueMail>> {
        self.read("reading the outbox", move |sql| due(sql, now, limit))
    }

    /// Takes the first mail that is due by `clock` in hand. If the common clock was changed, and this one does not
    /// follow it yet, nobody knows what is due, and nothing is taken.
    pub fn lease_mail(&self, clock: &Clock, lease: Duration) -> Pending<Option<Leased>> {
        let clock = clock.clone();
        self.write("taking a mail in hand", move |sql| {
            if sql.clock()?.is_some_and(|it| !clock.agrees_with(&it)) {
                return Ok(None);
            }
            // By no earlier look: it may follow another time since.
            let at = clock.now();
            let Some(mail) = due(sql, at, 1)?.pop() else {
                return Ok(None);
            };
            let until = at.plus(lease);
            sql.execute(
                "UPDATE outbox SET leased_until = ?2 WHERE id = ?1",
                values![mail.id, until],
            )?;
            Ok(Some(Leased { mail, at, until }))
        })
    }

    /// Gives back what senders that are gone had in hand.
    pub fn release_mail(&self) -> Pending<()> {
        self.write("giving mails back", |sql| {
            sql.execute(
                "UPDATE outbox SET leased_until = NULL WHERE leased_until IS NOT NULL",
                values![],
            )
            .map(drop)
        })
    }

    /// Notes what became of a mail that was `held` until then, and that nobody has in hand afterwards. If another
    /// process has it by now it was lost: only that it was sent counts then. False if it is gone:
    /// its user was deleted meanwhile.
    pub fn mark_mail(
        &self,
        id: i64,
        held: Timestamp,
        delivery: Delivery,
        now: Timestamp,
    ) -> Pending<bool> {
        self.write_regardless("marking a mail", move |sql| {
            let marked = match &delivery {
                Delivery::Retry(..) | Delivery::Failed(_) | Delivery::Expired
                    if !sql.exists(IN_HAND, values![id, held])? =>
                {
                    return sql.exists("SELECT 1 FROM outbox WHERE id = ?1", values![id]);
                }
                Delivery::Sent => sql.execute(
                    "UPDATE outbox SET state = 'sent', sent_at = ?2, error = NULL, leased_until = NULL,
                                       attempts = attempts + 1 WHERE id = ?1",
                    values![id, now],
                )?,
                Delivery::Retry(next_at, why) => sql.execute(
                    "UPDATE outbox SET next_at = ?2, error = ?3, leased_until = NULL,
                                       attempts = attempts + 1 WHERE id = ?1",
                    values![id, next_at, why],
                )?,
                Delivery::Failed(why) => sql.execute(
                    "UPDATE outbox SET state = 'failed', error = ?2, next_at = ?3, leased_until = NULL,
                                       attempts = attempts + 1 WHERE id = ?1",
                    values![id, why, now],
                )?,
                Delivery::Expired => sql.execute(
                    "UPDATE outbox SET state = 'expired', next_at = ?2, leased_until = NULL WHERE id = ?1",
                    values![id, now],
                )?,
                // The mail goes with its link.
                Delivery::Decoy => sql.execute(
                    "DELETE FROM links WHERE id = (SELECT link_id FROM outbox WHERE id = ?1)",
                    values![id],
                )?,
            };
            Ok(marked > 0)
        })
    }

    /// Queues a mail that is about no account; `details` is a JSON object.
    pub fn add_mail(
        &self,
        kind: MailKind,
        to: Email,
        details: String,
        stamp: Stamp,
    ) -> Pending<()> {
        self.write("queueing a mail", move |sql| {
            let mail = NewMail {
                kind,
                user: None,
                link: None,
                recipient: to.as_str(),
                details: Some(&details),
            };
            queue(sql, &mail, stamp.at)?;
            audit::write(sql, &stamp, "mail.queue", None, Some(kind.as_str()))
        })
    }

    /// Mails for the operator to look at. Decoys are left out.
    pub fn mail_page(&self, page: MailPage) -> Pending<Vec<MailRecord>> {
        self.read("listing mails", move |sql| page_of(sql, page))
    }

    /// The number of the mail before the last ones, as many as the page may have; 0 if there is none.
    pub fn mails_before(&self, page: MailPage) -> Pending<i64> {
        self.read("listing mails", move |sql| before_last(sql, page))
    }

    /// The numbers of the mails about a user.
    pub fn mails_of(&self, user: UserId) -> Pending<Vec<i64>> {
        self.read("listing the mails of a user", move |sql| of_user(sql, user))
    }

    /// Those of these numbers of which there is no mail any more.
    pub fn mails_gone(&self, ids: Vec<i64>) -> Pending<Vec<i64>> {
        self.read("looking for mails", move |sql| {
            let mut gone = Vec::new();
            for &id in &ids {
                if !sql.exists("SELECT 1 FROM outbox WHERE id = ?1", values![id])? {
                    gone.push(id);
                }
            }
            Ok(gone)
        })
    }

    /// The mail of a number, unless it is a decoy.
    pub fn mail(&self, id: i64) -> Pending<Option<MailRecord>> {
        self.read("reading a mail", move |sql| find(sql, id))
    }

    /// A mail with all that it is made of, whatever its state; none, if it is a decoy.
    pub fn mail_to_write(&self, id: i64) -> Pending<Option<DueMail>> {
        self.read("reading a mail", move |sql| {
            let query = select_due("outbox.id = ?1 AND recipient <> ''");
            sql.one(&query, values![id], due_from_row)
        })
    }

    /// Queues mails again, due at once, as if they had never been tried; all of them or none.
    pub fn retry_mail(&self, ids: Vec<i64>, stamp: Stamp) -> Pending<Result<(), NoRetry>> {
        self.write("queueing mails again", move |sql| {
            for &id in &ids {
                let Some(mail) = find(sql, id)? else {
                    return Ok(Err(NoRetry::Unknown(id)));
                };
                if mail.state == MailState::Sent {
                    return Ok(Err(NoRetry::Sent(id)));
                }
                if mail.has_ended(stamp.at) {
                    return Ok(Err(NoRetry::LinkEnded(Box::new(mail))));
                }
            }
            for &id in &ids {
                queue_again(sql, id, &stamp)?;
            }
            Ok(Ok(()))
        })
    }

    /// Queues the mails of a page again, all but those whose links do not work any more.
    pub fn retry_page(&self, page: MailPage, stamp: Stamp) -> Pending<Retried> {
        self.write("queueing mails again", move |sql| {
            let mut retried = Retried::default();
            for mail in page_of(sql, page)? {
                retried.last = Some(mail.id);
                if mail.has_ended(stamp.at) {
                    retried.left += 1;
                } else {
                    queue_again(sql, mail.id, &stamp)?;
                    retried.ids.push(mail.id);
                }
            }
            Ok(retried)
        })
    }
}

impl MailRecord {
    /// Whether it would lead nowhere.
    fn has_ended(&self, now: Timestamp) -> bool {
        self.is_link_used || self.expires_at.is_some_and(|it| it <= now)
    }
}

fn queue_again(sql: &mut dyn Sql, id: i64, stamp: &Stamp) -> sql::Result<()> {
    sql.execute(
        "UPDATE outbox SET state = 'queued', next_at = ?2, attempts = 0 WHERE id = ?1",
        values![id, stamp.at],
    )?;
    audit::write(sql, stamp, "mail.retry", None, Some(&id.to_string()))
}

pub(super) fn queue(sql: &mut dyn Sql, mail: &NewMail<'_>, now: Timestamp) -> sql::Result<()> {
    sql.execute(
        "INSERT INTO outbox (kind, user_id, link_id, recipient, details, state, next_at,
                             created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?6)",
        values![
            mail.kind.as_str(),
            mail.user,
            mail.link,
            mail.recipient,
            mail.details,
            now,
        ],
    )
    .map(drop)
}

fn due(sql: &mut dyn Sql, now: Timestamp, limit: usize) -> sql::Result<Vec<DueMail>> {
    let query = select_due(
        "state = 'queued' AND next_at <= ?1 AND (leased_until IS NULL OR leased_until <= ?1)
         ORDER BY next_at, outbox.id LIMIT ?2",
    );
    sql.all(&query, values![now, limit], due_from_row)
}

/// The query for mails of which `these` is true.
fn select_due(these: &str) -> String {
    format!(
        "SELECT {}, outbox.id, outbox.kind, outbox.recipient, links.nonce,
                CASE WHEN links.used_at IS NULL THEN links.expires_at ELSE 0 END,
                outbox.details, outbox.created_at, outbox.attempts
         FROM outbox LEFT JOIN users ON users.id = outbox.user_id
         LEFT JOIN links ON links.id = outbox.link_id
         WHERE {these}",
        credentials::COLUMNS
    )
}

fn due_from_row(row: &dyn Row) -> sql::Result<DueMail> {
    let first = credentials::WIDTH;
    let user: Option<UserId> = row.get(0)?;
    Ok(DueMail {
        user: user.map(|_| credentials::user_from_row(row)).transpose()?,
        id: row.get(first)?,
        kind: kind(&row.get::<String>(first + 1)?)?,
        recipient: row.get(first + 2)?,
        nonce: row.get(first + 3)?,
        expires_at: row.get(first + 4)?,
        details: row.get(first + 5)?,
        created_at: row.get(first + 6)?,
        attempts: row.get(first + 7)?,
    })
}

fn kind(name: &str) -> sql::Result<MailKind> {
    MailKind::parse(name)
        .ok_or_else(|| sql::Error::fault(format!("there is no mail called {name}")))
}

fn state(name: &str) -> sql::Result<MailState> {
    MailState::parse(name).ok_or_else(|| sql::Error::fault(format!("no mail can be {name}")))
}

const COLUMNS: &str = "outbox.id, kind, state, outbox.user_id, users.username, recipient, attempts,
    outbox.created_at, next_at, sent_at, error, links.expires_at, links.used_at IS NOT NULL, details";

/// Decoys are about nobody, and nobody is told of them.
const REAL: &str = "outbox LEFT JOIN users ON users.id = outbox.user_id
    LEFT JOIN links ON links.id = outbox.link_id WHERE recipient <> ''";

fn page_of(sql: &mut dyn Sql, page: MailPage) -> sql::Result<Vec<MailRecord>> {
    sql.all(
        &format!(
            "SELECT {COLUMNS} FROM {REAL} AND outbox.id > ?1 AND (state = ?2 OR ?2 IS NULL)
             ORDER BY outbox.id LIMIT ?3"
        ),
        values![page.after, page.state.map(MailState::as_str), page.limit],
        record_from_row,
    )
}

fn before_last(sql: &mut dyn Sql, page: MailPage) -> sql::Result<i64> {
    sql.number(
        &format!(
            "SELECT outbox.id FROM {REAL} AND (state = ?1 OR ?1 IS NULL)
             ORDER BY outbox.id DESC LIMIT 1 OFFSET ?2"
        ),
        values![page.state.map(MailState::as_str), page.limit],
    )
}

pub(super) fn find(sql: &mut dyn Sql, id: i64) -> sql::Result<Option<MailRecord>> {
    let query = format!("SELECT {COLUMNS} FROM {REAL} AND outbox.id = ?1");
    sql.one(&query, values![id], record_from_row)
}

fn record_from_row(row: &dyn Row) -> sql::Result<MailRecord> {
    let user: Option<UserId> = row.get(3)?;
    Ok(MailRecord {
        id: row.get(0)?,
        kind: kind(&row.get::<String>(1)?)?,
        state: state(&row.get::<String>(2)?)?,
        user: user.zip(row.get(4)?),
        recipient: row.get(5)?,
        attempts: row.get(6)?,
        created_at: row.get(7)?,
        next_at: row.get(8)?,
        sent_at: row.get(9)?,
        error: row.get(10)?,
        expires_at: row.get(11)?,
        is_link_used: row.get(12)?,
        details: row.get(13)?,
    })
}

/// The numbers of the mails about a user.
pub(super) fn of_user(sql: &mut dyn Sql, user: UserId) -> sql::Result<Vec<i64>> {
    let query = "SELECT id FROM outbox WHERE user_id = ?1";
    sql.all(query, values![user], |row| row.get(0))
}

/// Forgets mails that were sent or given up before that time. One that ended in a time that is still to
/// come did so before the clock was set back. Returns the numbers of those that are gone.
pub(super) fn purge(
    sql: &mut dyn Sql,
    before: Timestamp,
    now: Timestamp,
    limit: usize,
) -> sql::Result<Vec<i64>> {
    sql.all(
        "DELETE FROM outbox WHERE id IN (
             SELECT id FROM outbox WHERE state <> 'queued' AND created_at < ?1
                 AND coalesce(sent_at, next_at) NOT BETWEEN ?1 AND ?2 LIMIT ?3) RETURNING id",
        values![before, now, limit],
        |row| row.get(0),
    )
}
