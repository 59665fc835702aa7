//! The privacy policy: its versions, and who agreed to them.

use super::Accounts;
use crate::domain::Actor;
use crate::domain::{Agreement, Consent, Invalid, LiveSession, Policy, UserId};
use crate::failure::Failure;

/// Why no policy was published.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It has been published before.
    #[error("version {0:?} has been published before; give the new text a new version")]
    Published(String),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// All versions, the latest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn policies(&self) -> Result<Vec<Policy>, Failure> {
        self.0.store.policies().await
    }

    /// Publishes a version of the policy: from now on everybody is asked to agree to it.
    ///
    /// # Errors
    /// [`PolicyError`]; nothing was published then.
    pub async fn publish_policy(
        &self,
        version: &str,
        url: &str,
        caller: &Actor,
    ) -> Result<Policy, PolicyError> {
        Policy::check_version(version).map_err(|rule| Invalid::new("version", rule))?;
        Policy::check_url(url).map_err(|rule| Invalid::new("url", rule))?;
        let actor = caller.at(self.now());
        let published = self
            .0
            .store
            .publish_policy(version.to_owned(), url.to_owned(), actor)
            .await?;
        published.ok_or_else(|| PolicyError::Published(version.to_owned()))
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
        self.0
            .store
            .give_consent(session.user.id, given, actor)
            .await
    }

    /// What a user has said to the latest version.
    pub(crate) async fn agreement(&self, user: UserId) -> Result<Agreement, Failure> {
        self.0.store.agreement(user).await
    }
}
