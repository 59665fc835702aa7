//! Choosing a password, changing it, and what else asks for it.

use super::attempts::counter_of;
use super::invalid_fields::InvalidFields;
use super::own::OwnError;
use super::{Accounts, Trouble};
use crate::crypto::Verdict;
use crate::domain::{Actor, LiveSession, Password, Profile, Rule, User, UserId, UserRef};
use crate::failure::Failure;
use crate::store::credentials::Credentials;
use crate::store::passwords::NewPassword;

impl Accounts {
    /// Checks and hashes a password that somebody chose for `owner`'s account. The current one and
    /// the earlier ones are refused.
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
        let (user, hasher) = (owner.user.id, &self.parts.hasher);
        let remember = self.parts.rules.password_history;
        if remember > 0 {
            let mut used = self.parts.store.password_history(user).await?;
            used.truncate(remember);
            used.extend(owner.password_hash.clone());
            if hasher.matches_any(password.clone(), used).await? {
                return Ok(Err(Rule::PasswordUsed));
            }
        }
        Ok(Ok(NewPassword {
            hash: hasher.hash(password).await?,
            attempts: counter_of(user),
            remember,
        }))
    }

    /// Changes the password of a session's user, ends all their other sessions and tells them by
    /// mail. A wrong old password counts as a failed login.
    pub async fn change_own_password(
        &self,
        session: &LiveSession,
        old: &str,
        (new, again): (&str, &str),
        caller: &Actor,
    ) -> Result<(), OwnError> {
        let owner = self.verified_owner(session, old).await?;
        let mut invalid = InvalidFields::default();
        if owner.is_none() {
            invalid.note("old_password", Rule::PasswordWrong);
        }
        if new != again {
            invalid.note("confirm_password", Rule::ConfirmationMismatch);
        }
        let Some(owner) = owner.filter(|_| invalid.0.is_empty()) else {
            let plain = Password::choose(new, self.parts.rules.password, &[]);
            invalid.check("password", plain);
            return Err(OwnError::Invalid(invalid.0));
        };
        let password = self.choose_password(new, &owner).await?;
        let password = password.map_err(|rule| OwnError::field("password", rule))?;
        let (user, keep, actor) = (session.user.id, Some(session.id), caller.at(self.now()));
        let store = &self.parts.store;
        let is_set = store
            .set_password(user, password, owner.password_hash, keep, actor)
            .await?;
        if !is_set {
            return Err(OwnError::field("old_password", Rule::PasswordWrong));
        }
        let by = &caller.name;
        tracing::info!(event = "authn_password_change", user_id = user.0, by);
        Ok(())
    }

    /// Deletes the account of a session for good, if the password is right.
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

    /// Deletes a user and all that belongs to them. False if there is no such user.
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
        let (store, counter) = (&self.parts.store, counter_of(user));
        let is_counted = self.parts.rules.throttle;
        if is_counted && !self.count_attempt(&counter).await? {
            return Ok(None);
        }
        let found = store.credentials(&UserRef::Id(user)).await?;
        let hash = found.as_ref().and_then(|it| it.password_hash.as_deref());
        let attempt = Password::attempt(password);
        if self.parts.hasher.verify(attempt, hash).await? == Verdict::Wrong {
            tracing::info!(event = "authn_password_change_fail", user_id = user.0);
            return Ok(None);
        }
        if is_counted {
            store.forget_attempts(counter).await?;
        }
        Ok(found)
    }
}

/// The names that a password of this account may not be.
pub(super) fn names_of<'a>(user: &'a User, profile: &'a Profile) -> [&'a str; 6] {
    [
        user.username.as_str(),
        user.email.as_str(),
        user.email.local_part(),
        &user.first_name,
        &user.last_name,
        &profile.organisation_name,
    ]
}
