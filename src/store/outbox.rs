//! What is asked about mails.

use super::{Actor, Pending};
use crate::domain::{Email, MailKind, Timestamp, User};

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
}

/// What became of a mail.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// It was sent, or written to a file.
    Sent,
    /// It was not; to be tried again at that time.
    Retry(Timestamp, String),
    /// It was about nobody, and is forgotten.
    Decoy,
    /// Its link stopped working before it could be sent.
    Expired,
}

/// Mails that wait, were sent, or could not be.
pub trait Outbox {
    /// Mails due at `now`, oldest first.
    fn due_mail(&self, now: Timestamp, limit: usize) -> Pending<Vec<DueMail>>;
    /// Notes what became of a mail.
    fn mark_mail(&self, id: i64, delivery: Delivery, now: Timestamp) -> Pending<()>;
    /// Queues a mail that is about no account; `details` is a JSON object.
    fn add_mail(&self, kind: MailKind, to: Email, details: String, actor: Actor) -> Pending<()>;
}
