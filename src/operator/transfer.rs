//! Moving accounts in and out, password hashes included.

use super::Operator;
use crate::domain::Actor;
use crate::domain::{Timestamp, UserId};
use crate::failure::Failure;
use crate::store::pending::Pending;
use crate::store::transfer::{Fate, Import, Record, Spool};

impl Operator {
    /// Adds batches of accounts in one transaction, each by itself, and says for each account what
    /// became of it, in their order. The work begins at once, so that the next accounts can be read
    /// meanwhile. If it fails, nothing was added.
    pub fn import(&self, batches: Vec<Import>, caller: &Actor) -> Pending<Vec<Vec<Fate>>> {
        self.parts.store.import(batches, caller.at(self.now()))
    }

    /// A place for what is known of accounts before they can be added.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn spool(&self) -> Result<Spool, Failure> {
        self.parts.store.spool()
    }

    /// A page of accounts in the order of their numbers, with all that belongs to them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn export(&self, after: UserId, limit: usize) -> Result<Vec<Record>, Failure> {
        self.parts.store.export(after, limit).await
    }

    /// The time of accounts that come without one.
    #[must_use]
    pub fn import_time(&self) -> Timestamp {
        self.now()
    }
}
