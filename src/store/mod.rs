//! What is asked of a database, in the words of the domain. One method is one transaction; a lookup
//! returns `Option`, because "not there" is an answer; times and random bytes are passed in.
//! What each method means is told by `tests/it/store*.rs`, which run over every engine.

pub mod attempts;
pub mod audit;
pub mod links;
pub mod mails;
pub mod maintenance;
pub mod oversight;
pub mod pending;
pub mod privacy_policy;
pub mod sessions;
pub mod sqlite;
pub mod transfer;
pub mod users;

use crate::domain::Timestamp;
use audit::Audit;
use links::Links;
use mails::Outbox;
use maintenance::Upkeep;
use oversight::Oversight;
use pending::Pending;
use privacy_policy::Policies;
use sessions::Sessions;
use transfer::Transfer;
use users::Users;

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
