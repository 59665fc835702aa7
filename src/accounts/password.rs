//! Choosing a password, changing it, and what else asks for it.

use super::attempts::{counters_of, counters_of_new_password};
use super::invalid_fields::InvalidFields;
use super::own::OwnError;
use super::{Accounts, Trouble};
use crate::crypto::{Choice, MOST_HASHES, Verdict};
use crate::domain::{Actor, LiveSession, Password, Profile, Rule, User, UserId, UserRef};
use crate::failure::Failure;
use crate::store::attempts::counter_of;
use crate::store::credentials::Credentials;
use crate::store::passwords::NewPassword;

impl Accounts {
    /// Checks a password that somebody chose for `owner`'s account. Costs nothing.
    pub(crate) fn check_choice(&self, chosen: &str, owner: &Credentials) -> Result<Password, Rule> {
        let names = names_of(&owner.user, &owner.profile);
        Password::choose(chosen, self.parts.rules.password, &names)
    }

    /// Hashes a password that somebody chose for `owner`'s account, for `budget` hashes at the most.
    /// The current one and the earlier ones are refused.
    pub(crate) async fn new_password(
        &self,
        chosen: Password,
        owner: &Credentials,
        budget: usize,
    ) -> Result<Result<NewPassword, Rule>, Trouble> {
        let remember = self.parts.rules.password_history;
        let mut used = Vec::new();
        if remember > 0 {
            let earlier = self.parts.store.password_history(owner.user.id).await?;
            used.extend(owner.password_hash.clone());
            used.extend(earlier.into_iter().take(remember));
        }
        let choice = self.parts.hasher.choose(chosen, used, budget).await?;
        Ok(match choice {
            Choice::Used => Err(Rule::PasswordUsed),
            Choice::New(hash) => Ok(NewPassword {
                hash,
                attempts: counters_of_new_password(&owner.user),
                remember,
            }),
        })
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
        let Some((owner, spent)) = owner.filter(|_| invalid.all.is_empty()) else {
            let plain = Password::choose(new, self.parts.rules.password, &[]);
            invalid.check("password", plain);
            return Err(OwnError::Invalid(invalid.all));
        };
        let refused = |rule| OwnError::field("password", rule);
        let chosen = self.check_choice(new, &owner).map_err(refused)?;
        let counted = self.count_choice(&owner.user.id.0.to_be_bytes()).await?;
        let budget = MOST_HASHES.saturating_sub(spent);
        let password = self.new_password(chosen, &owner, budget).await?;
        let (password, counted) = counted.judged(password).map_err(refused)?;
        let (user, keep, actor) = (session.user.id, Some(session.id), caller.at(self.now()));
        let store = &self.parts.store;
        let is_set = store
            .set_password(user, password, owner.password_hash, keep, actor)
            .await?;
        counted.was_evaluated();
        if !is_set {
            // The hash is another one since a moment ago, perhaps of the same password: who tries again
            // is judged by it.
            return Err(Trouble::Busy(1).into());
        }
        let by = &*caller.name;
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
        let (store, mailer) = (&self.parts.store, &self.parts.mailer);
        // Before and after: if this ends on the way, no file is left of somebody who is gone; and a
        // mail may be written to its file meanwhile.
        mailer.forget(&store.mails_of(user).await?)?;
        let stamp = caller.at(self.now());
        let Some(mails) = store.delete_user(user, stamp).await? else {
            return Ok(false);
        };
        mailer.forget(&mails)?;
        tracing::info!(event = "user_deleted", user_id = user.0, by = &*caller.name);
        Ok(true)
    }

    /// The owner of a session, if `password` is theirs, and how many hashes that took. The attempt
    /// is counted for the account, as a login is.
    async fn verified_owner(
        &self,
        session: &LiveSession,
        password: &str,
    ) -> Result<Option<(Credentials, usize)>, Trouble> {
        let user = session.user.id;
        let store = &self.parts.store;
        let is_counted = self.parts.rules.throttle;
        let counted = if is_counted {
            self.count_attempt(counter_of(user), None).await?
        } else {
            self.uncounted()
        };
        let found = store.credentials(&UserRef::Id(user)).await?;
        let tried = found.as_ref().filter(|_| counted.may_be_right);
        let hash = tried.and_then(|it| it.password_hash.as_deref());
        let attempt = Password::attempt(password);
        let verdict = self.parts.hasher.verify(attempt, hash).await?;
        let (Verdict::Right { hashes, .. }, Some(found)) = (verdict, found) else {
            counted.was_evaluated();
            tracing::info!(event = "authn_password_change_fail", user_id = user.0);
            return Ok(None);
        };
        if is_counted {
            store.forget_attempts(counters_of(&found.user)).await?;
        }
        counted.was_evaluated();
        Ok(Some((found, hashes)))
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
