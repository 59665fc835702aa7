//! What is asked about privacy policies and who agreed to them.

use super::pending::Pending;
use crate::domain::Stamp;
use crate::domain::{Agreement, Consent, Policy, UserId};

/// Versions of the privacy policy.
pub trait Policies {
    /// All versions, the latest first.
    fn policies(&self) -> Pending<Vec<Policy>>;
    /// Publishes a version, which is the latest from now on. `None` if it exists.
    fn publish_policy(&self, version: String, url: String, actor: Stamp)
    -> Pending<Option<Policy>>;
    /// What a user has said to the latest version.
    fn agreement(&self, user: UserId) -> Pending<Agreement>;
    /// All that a user has said, the latest first.
    fn consents(&self, user: UserId) -> Pending<Vec<Consent>>;
    /// Notes what a user says to the latest version. `None` if there is no version.
    fn give_consent(&self, user: UserId, given: bool, actor: Stamp) -> Pending<Option<Consent>>;
}
