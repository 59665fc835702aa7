//! What is asked of a database, in the words of the domain. One method is one transaction; a lookup
//! returns `Option`, because "not there" is an answer; times and random bytes are passed in.
//! What each method means is told by `tests/it/store*.rs`, which run over every engine.

mod audit;
mod links;
mod outbox;
mod oversight;
mod pending;
mod policies;
mod sessions;
mod sqlite;
mod transfer;
mod upkeep;
mod users;

pub use audit::{Audit, AuditEntry, AuditPage, Chain};
pub use links::{Links, NewLink};
pub use outbox::{Delivery, DueMail, MailPage, MailRecord, NoRetry, Outbox};
pub use oversight::{Oversight, SeenSession};
pub use pending::Pending;
pub use policies::Policies;
pub use sessions::{Adoption, Attempt, Opening, Sessions};
pub use sqlite::{Inspection, Spool, Sqlite};
pub use transfer::{
    EarlierPassword, Fate, Import, Record, RecordedConsent, RecordedPolicy, Transfer,
};
pub use upkeep::{BackedUp, DatabaseStatus, Progress, Step, Upkeep, unwatched};
pub use users::{Credentials, NewPassword, NewUser, Taken, UserChange, UserPage, Users};

use crate::domain::Timestamp;

/// Who does something, for the audit trail: every changing method takes one.
#[derive(Clone, Debug)]
pub struct Actor {
    /// `http`, or `cli:` and the name or number of the operating system's user.
    pub name: String,
    /// The client's address, if there is one.
    pub address: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The database.
pub trait Store:
    Users + Sessions + Links + Outbox + Policies + Oversight + Audit + Upkeep + Transfer + Send + Sync
{
    /// Whether the database can be written.
    fn check_writable(&self) -> Pending<()>;
    /// Forgets what nobody needs any more: sessions, links, counters and mails that ended before `before`.
    fn purge(&self, before: Timestamp) -> Pending<()>;
    /// Waits for what was asked for, moves the write-ahead log into the database and closes it.
    fn close(&self);
}
