//! Publishing the privacy policy.

use super::Operator;
use crate::domain::{Actor, Invalid, Policy};
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

impl Operator {
    /// Publishes a version of the policy: from now on everybody is asked to agree to it.
    pub async fn publish_policy(
        &self,
        version: &str,
        url: &str,
        caller: &Actor,
    ) -> Result<Policy, PolicyError> {
        Policy::check_version(version).map_err(|rule| Invalid::new("version", rule))?;
        Policy::check_url(url).map_err(|rule| Invalid::new("url", rule))?;
        let stamp = caller.at(self.now());
        let published = self
            .parts
            .store
            .publish_policy(version.to_owned(), url.to_owned(), stamp)
            .await?;
        published.ok_or_else(|| PolicyError::Published(version.to_owned()))
    }
}
