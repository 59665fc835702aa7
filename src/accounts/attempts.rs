//! Counting attempts to guess a password.

use super::{Accounts, Trouble};
use crate::crypto::sha256;
use crate::domain::{UserId, UserRef};
use crate::store::attempts::Attempt;

impl Accounts {
    /// Counts an attempt. False if only a reset of the password helps any more.
    pub(super) async fn count_attempt(&self, counter: &[u8]) -> Result<bool, Trouble> {
        let (store, now) = (&self.parts.store, self.now());
        match store.reserve_attempt(counter.to_vec(), now).await? {
            Attempt::Allowed => Ok(true),
            Attempt::Wait(seconds) => {
                tracing::warn!(event = "excess_rate_limit_exceeded", limit = "account");
                Err(Trouble::TooMany(seconds))
            }
            Attempt::Disabled => {
                tracing::warn!(event = "authn_login_lock");
                Ok(false)
            }
        }
    }
}

/// The counter of an account, however its owner is called.
pub(super) fn counter_of(user: UserId) -> Vec<u8> {
    [b"user:".as_slice(), &user.0.to_be_bytes()].concat()
}

/// The counter of a name that nobody has, in the form that names are compared in: if its other
/// spellings had counters of their own, that would tell that nobody has it.
pub(super) fn counter_of_nobody(typed: &str) -> Vec<u8> {
    let name = match UserRef::candidates(typed, false).into_iter().next() {
        Some(UserRef::Email(email)) => email.canonical().to_owned(),
        Some(UserRef::Username(username)) => username.canonical().to_owned(),
        Some(UserRef::Id(_)) | None => typed.to_lowercase(),
    };
    [b"name:".as_slice(), &sha256(name.as_bytes())].concat()
}
