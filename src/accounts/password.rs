//! Choosing a password, and changing it.

use super::login::{attempts_key, names_of};
use super::{Accounts, Trouble};
use crate::domain::{Password, Rule};
use crate::store::{Credentials, NewPassword};

impl Accounts {
    /// Checks and hashes a password that somebody chose for `owner`'s account. The one that counts
    /// and the earlier ones are refused.
    pub(super) async fn choose_password(
        &self,
        chosen: &str,
        owner: &Credentials,
    ) -> Result<Result<NewPassword, Rule>, Trouble> {
        let names = names_of(&owner.user, &owner.profile);
        let password = match Password::choose(chosen, self.0.rules.password, &names) {
            Ok(password) => password,
            Err(rule) => return Ok(Err(rule)),
        };
        let remember = self.0.rules.password_history;
        if remember > 0 {
            let user = owner.user.id;
            let mut used = self.0.store.password_history(user).await?;
            used.truncate(remember);
            used.extend(owner.password_hash.clone());
            if self.0.hasher.matches_any(password.clone(), used).await? {
                return Ok(Err(Rule::PasswordUsed));
            }
        }
        Ok(Ok(NewPassword {
            hash: self.0.hasher.hash(password).await?,
            attempts: attempts_key(Some(owner.user.id), ""),
            remember,
        }))
    }
}
