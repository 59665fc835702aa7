//! Moving accounts in and out, password hashes included.

use super::{Accounts, Caller};
use crate::domain::{Timestamp, UserId};
use crate::failure::Failure;
use crate::store::{Fate, Import, Record};

impl Accounts {
    /// Adds accounts in one transaction, and says for each what became of it, in their order.
    ///
    /// # Errors
    /// If it could not be written; nothing was added then.
    pub async fn import(&self, import: Import, caller: &Caller) -> Result<Vec<Fate>, Failure> {
        let is_dry = import.dry_run;
        let fates = self.0.store.import(import, caller.at(self.now())).await?;
        let count = fates.len();
        tracing::info!(
            event = "users_imported",
            count,
            dry_run = is_dry,
            by = caller.name
        );
        Ok(fates)
    }

    /// A page of accounts in the order of their numbers, with all that belongs to them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn export(&self, after: UserId, limit: usize) -> Result<Vec<Record>, Failure> {
        self.0.store.export(after, limit).await
    }

    /// The time of accounts that come without one.
    #[must_use]
    pub fn import_time(&self) -> Timestamp {
        self.now()
    }
}
