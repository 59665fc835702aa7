//! What operators do: manage users, sessions, tokens, mails and keys, and keep the database sound.

pub mod audit;
pub mod clock;
pub mod delivery;
pub mod first_keys;
pub mod hash_kinds;
mod in_hand;
pub mod keys;
pub mod maintenance;
pub mod outbox;
pub mod password_links;
pub mod privacy_policy;
pub mod sessions;
pub mod tokens;
pub mod transfer;
pub mod users;

use std::sync::Arc;

use crate::accounts::{Accounts, Parts};
use crate::domain::{Actor, Timestamp};
use crate::failure::Failure;
use crate::mail::Letters;

/// What operators do, and what the server does in the background. Cloning is cheap.
#[derive(Clone)]
pub struct Operator {
    /// What people do with their own account.
    pub accounts: Accounts,
    parts: Arc<Parts>,
    senders: in_hand::Senders,
}

impl Operator {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let parts = Arc::new(parts);
        Self {
            accounts: Accounts::new(Arc::clone(&parts)),
            parts,
            senders: in_hand::Senders::default(),
        }
    }

    /// Fails when the database is not in its place any more, and writes would be lost.
    pub fn check_place(&self) -> Result<(), Failure> {
        self.parts.store.check_place()
    }

    /// Works with the keys that are stored now, and writes mails in the words of `letters`.
    pub async fn reload(&self, letters: Letters) -> Result<(), Failure> {
        self.parts.change_keys().await?;
        self.parts.mailer.change_letters(letters);
        Ok(())
    }

    /// Finishes what was asked for and closes the database.
    pub fn close(&self) {
        self.parts.store.close();
    }

    /// Notes in the audit trail what happened outside the database.
    async fn note(
        &self,
        action: &'static str,
        detail: String,
        caller: &Actor,
    ) -> Result<(), Failure> {
        let stamp = caller.at(self.now());
        self.parts.store.note(action, detail, stamp).await
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}
