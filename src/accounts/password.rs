//! Choosing a password, changing it, and what else asks for it.

use super::login::{attempts_key, names_of};
use super::own::OwnError;
use super::register::Checks;
use super::{Accounts, Trouble};
use crate::crypto::Verdict;
use crate::domain::Actor;
use crate::domain::{LiveSession, Password, Rule, UserId, UserRef};
use crate::failure::Failure;
use crate::store::attempts::Attempt;
use crate::store::credentials::Credentials;
use crate::store::passwords::NewPassword;

impl Accounts {
    /// Checks and hashes a password that somebody chose for `owner`'s account. The one that counts
    /// and the earlier ones are refused.
    pub(crate) async fn choose_password(
        &self,
        chosen: &str,
        owner: &Credentials,
    ) -> Result<Result<NewPassword, Rule>, Trouble> {
        let names = names_of(&owner.user, &owner.profile);
        let password = match Password::choose(chosen, self.parts.rules.password, &names) {
            Ok(password) => password,
            Err(rule) => return Ok(Err(rule)),
        };
        let remember = self.parts.rules.password_history;
        if remember > 0 {
            let user = owner.user.id;
            let mut used = self.parts.store.password_history(user).await?;
            used.truncate(remember);
            used.extend(owner.password_hash.clone());
            if self
                .parts
                .hasher
                .matches_any(password.clone(), used)
                .await?
            {
                return Ok(Err(Rule::PasswordUsed));
            }
        }
        Ok(Ok(NewPassword {
            hash: self.parts.hasher.hash(password).await?,
            attempts: attempts_key(Some(owner.user.id), ""),
            remember,
        }))
    }

    /// Changes the password of a session's user, ends all their other sessions and tells them by
    /// mail. A wrong old password counts as a failed login.
    ///
    /// # Errors
    /// What is wrong, or why it was not served; nothing has changed then.
    pub async fn change_own_password(
        &self,
        session: &LiveSession,
        old: &str,
        (new, again): (&str, &str),
        caller: &Actor,
    ) -> Result<(), OwnError> {
        let owner = self.verified_owner(session, old).await?;
        let mut checks = Checks::default();
        if owner.is_none() {
            checks.take::<()>("old_password", Err(Rule::PasswordWrong));
        }
        if new != again {
            checks.take::<()>("confirm_password", Err(Rule::ConfirmationMismatch));
        }
        let Some(owner) = owner.filter(|_| checks.broken.is_empty()) else {
            let plain = Password::choose(new, self.parts.rules.password, &[]);
            checks.take("password", plain);
            return Err(OwnError::Invalid(checks.broken));
        };
        let password = self
            .choose_password(new, &owner)
            .await?
            .map_err(|rule| OwnError::field("password", rule))?;
        let (user, keep) = (session.user.id, Some(session.id));
        let actor = caller.at(self.now());
        let store = &self.parts.store;
        if !store
            .set_password(user, password, owner.password_hash, keep, actor)
            .await?
        {
            return Err(OwnError::field("old_password", Rule::PasswordWrong));
        }
        tracing::info!(
            event = "authn_password_change",
            user_id = user.0,
            by = caller.name
        );
        Ok(())
    }

    /// Forgets the account of a session for good, if the password is right.
    ///
    /// # Errors
    /// [`OwnError::Invalid`] if it is not; or why it was not served.
    pub async fn delete_own(
        &self,
        session: &LiveSession,
        password: &str,
        caller: &Actor,
    ) -> Result<(), OwnError> {
        if self.verified_owner(session, password).await?.is_none() {
            return Err(OwnError::field("password", Rule::PasswordWrong));
        }
        self.delete(session.user.id, caller).await?;
        Ok(())
    }

    /// Forgets a user and all that belongs to them. False if there is no such user.
    pub(crate) async fn delete(&self, user: UserId, caller: &Actor) -> Result<bool, Failure> {
        let actor = caller.at(self.now());
        let deleted = self.parts.store.delete_user(user, actor).await?;
        if deleted {
            tracing::info!(event = "user_deleted", user_id = user.0, by = caller.name);
        }
        Ok(deleted)
    }

    /// The owner of a session, if `password` is theirs. The attempt is counted like a login.
    async fn verified_owner(
        &self,
        session: &LiveSession,
        password: &str,
    ) -> Result<Option<Credentials>, Trouble> {
        let user = session.user.id;
        let key = attempts_key(Some(user), "");
        if self.parts.rules.throttle {
            match self
                .parts
                .store
                .reserve_attempt(key.clone(), self.now())
                .await?
            {
                Attempt::Allowed => {}
                Attempt::Wait(seconds) => return Err(Trouble::TooMany(seconds)),
                Attempt::Disabled => return Ok(None),
            }
        }
        let found = self.parts.store.credentials(&UserRef::Id(user)).await?;
        let hash = found.as_ref().and_then(|it| it.password_hash.as_deref());
        let verdict = self
            .parts
            .hasher
            .verify(Password::attempt(password), hash)
            .await?;
        if verdict == Verdict::Wrong {
            tracing::info!(event = "authn_password_change_fail", user_id = user.0);
            return Ok(None);
        }
        if self.parts.rules.throttle {
            self.parts.store.forget_attempts(key).await?;
        }
        Ok(found)
    }
}
