//! The privacy policy: its versions, and who agreed to them.

use super::Accounts;
use crate::domain::Actor;
use crate::domain::{Agreement, Consent, LiveSession, Policy, UserId};
use crate::failure::Failure;

impl Accounts {
    /// All versions, the latest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn policies(&self) -> Result<Vec<Policy>, Failure> {
        self.parts.store.policies().await
    }

    /// Notes what the user of a session says to the latest version. `None` if there is none.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn give_consent(
        &self,
        session: &LiveSession,
        given: bool,
        caller: &Actor,
    ) -> Result<Option<Consent>, Failure> {
        let actor = caller.at(self.now());
        self.parts
            .store
            .give_consent(session.user.id, given, actor)
            .await
    }

    /// What a user has said to the latest version.
    pub(crate) async fn agreement(&self, user: UserId) -> Result<Agreement, Failure> {
        self.parts.store.agreement(user).await
    }
}
