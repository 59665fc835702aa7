//! What is asked about mails.

use super::pending::Pending;
use crate::domain::Stamp;
use crate::domain::{Email, MailKind, MailState, Timestamp, User, UserId};

/// A mail that is due.
#[derive(Clone, Debug)]
pub struct DueMail {
    /// Its number in the outbox.
    pub id: i64,
    /// Which mail.
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

/// A mail as it stands in the outbox, for the operator: all but its link.
#[derive(Clone, Debug)]
pub struct MailRecord {
    /// Its number in the outbox.
    pub id: i64,
    /// Which mail.
    pub kind: MailKind,
    /// What has become of it.
    pub state: MailState,
    /// Whom it is about, if anybody: number and user name.
    pub user: Option<(UserId, String)>,
    /// Where it goes.
    pub recipient: String,
    /// How often it was tried since it was queued, or queued again.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it is tried next, if it is queued.
    pub next_at: Timestamp,
    /// When it was sent.
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
    /// At most so many.
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

/// Mails that wait, were sent, or could not be.
pub trait Outbox {
    /// Mails due at `now` that nobody has in hand, oldest first.
    fn due_mail(&self, now: Timestamp, limit: usize) -> Pending<Vec<DueMail>>;
    /// Takes the first mail due at `now` in hand: nobody else is given it before `until`.
    fn lease_mail(&self, now: Timestamp, until: Timestamp) -> Pending<Option<DueMail>>;
    /// Gives back what senders that are gone had in hand.
    fn release_mail(&self) -> Pending<()>;
    /// Notes what became of a mail, which nobody has in hand then.
    fn mark_mail(&self, id: i64, delivery: Delivery, now: Timestamp) -> Pending<()>;
    /// Queues a mail that is about no account; `details` is a JSON object.
    fn add_mail(&self, kind: MailKind, to: Email, details: String, actor: Stamp) -> Pending<()>;
    /// Mails for the operator to look at. Decoys are left out.
    fn mail_page(&self, page: MailPage) -> Pending<Vec<MailRecord>>;
    /// The mail of a number, unless it is a decoy.
    fn mail(&self, id: i64) -> Pending<Option<MailRecord>>;
    /// Queues mails again, due at once, as if they had never been tried; all of them or none.
    fn retry_mail(&self, ids: Vec<i64>, actor: Stamp) -> Pending<Result<(), NoRetry>>;
}
