//! The privacy policy: its versions, and who agreed to them.

use super::Accounts;
use crate::domain::{Actor, Agreement, Consent, LiveSession, Policy, UserId};
use crate::failure::Failure;

impl Accounts {
    /// All versions, the latest first.
    pub async fn policies(&self) -> Result<Vec<Policy>, Failure> {
        self.parts.store.policies().await
    }

    /// Notes what the user of a session says to the latest version. `None` if there is none.
    pub async fn give_consent(
        &self,
        session: &LiveSession,
        given: bool,
        caller: &Actor,
    ) -> Result<Option<Consent>, Failure> {
        let (user, actor) = (session.user.id, caller.at(self.now()));
        self.parts.store.give_consent(user, given, actor).await
    }

    /// What a user has said to the latest version.
    pub(crate) async fn agreement(&self, user: UserId) -> Result<Agreement, Failure> {
        self.parts.store.agreement(user).await
    }
}
