//! What the operator does.

use std::time::Duration;

use super::Operator;
use crate::accounts::Trouble;
use crate::accounts::register::{OperatorChoice, RegisterError, Registrar, Registration};
use crate::domain::{Actor, Invalid, Profile, Rule, User, UserId, UserRef};
use crate::failure::Failure;
use crate::store::users::{Taken, UserChange, UserPage};

/// Which users to list.
pub type UserQuery = UserPage;

/// What to change of a user.
pub type UserUpdate = UserChange;

/// Why the operator was refused.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// Nobody goes by that.
    #[error("there is no user {typed:?}; {}", instead(typed, .similar.as_deref()))]
    NoSuchUser {
        /// What was asked for.
        typed: String,
        /// Who may have been meant.
        similar: Option<String>,
    },
    /// Nobody acts for an inactive user.
    #[error("{0} is inactive; `user activate {0}` lets them in")]
    Inactive(String),
    /// It breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Somebody else has the new name or address.
    #[error("another user has this {}; choose another one", if *.0 == Taken::Email { "address" } else { "user name" })]
    Taken(Taken),
    /// Longer than any session may last.
    #[error("a token may live {}; ask for less, or raise session_ttl", days(.0))]
    TooLong(Duration),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl ManageError {
    /// Somebody deleted the user meanwhile.
    fn gone(user: &User) -> Self {
        Self::NoSuchUser {
            typed: user.username.to_string(),
            similar: None,
        }
    }
}

fn instead(typed: &str, similar: Option<&str>) -> String {
    match similar {
        Some(name) => format!("did you mean {name}?"),
        None => {
            format!("`user list --search {typed}` looks for parts of names and addresses")
        }
    }
}

impl Operator {
    /// The user that `typed` names: by number, address or user name.
    pub async fn user(&self, typed: &str) -> Result<User, ManageError> {
        for who in UserRef::candidates(typed, true) {
            if let Some(user) = self.parts.store.user(&who).await? {
                return Ok(user);
            }
        }
        let similar = self.parts.store.similar_name(&typed.to_lowercase()).await?;
        let typed = typed.to_owned();
        Err(ManageError::NoSuchUser { typed, similar })
    }

    /// Users in the order of their numbers, a page at a time.
    pub async fn users(&self, query: &UserQuery) -> Result<Vec<User>, Failure> {
        self.parts.store.users(query).await
    }

    /// A user's profile.
    pub async fn profile(&self, user: UserId) -> Result<Profile, Failure> {
        Ok(self.parts.store.profile(user).await?.unwrap_or_default())
    }

    /// Adds a user as the operator decides, with the very function behind `register/`.
    pub async fn create_user(
        &self,
        registration: Registration,
        choice: OperatorChoice,
        caller: &Actor,
    ) -> Result<User, RegisterError> {
        let registrar = Registrar::Operator(choice);
        self.accounts.create(registration, registrar, caller).await
    }

    /// Lets a user in, or ends every session and lets nobody in.
    pub async fn set_active(
        &self,
        user: &User,
        active: bool,
        caller: &Actor,
    ) -> Result<(), ManageError> {
        if self
            .parts
            .store
            .set_active(user.id, active, caller.at(self.now()))
            .await?
        {
            tracing::info!(
                event = "user_updated",
                user_id = user.id.0,
                active,
                by = caller.name
            );
            Ok(())
        } else {
            Err(ManageError::gone(user))
        }
    }

    /// Sets a user's password, ends all their sessions and tells them by mail.
    pub async fn set_password(
        &self,
        user: &User,
        chosen: &str,
        caller: &Actor,
    ) -> Result<Result<(), Rule>, Trouble> {
        let found = self.parts.store.credentials(&UserRef::Id(user.id)).await?;
        let gone = || Failure::new("setting a password", "the user has been deleted");
        let owner = found.ok_or_else(gone)?;
        let password = match self.accounts.choose_password(chosen, &owner).await? {
            Ok(password) => password,
            Err(rule) => return Ok(Err(rule)),
        };
        let actor = caller.at(self.now());
        self.parts
            .store
            .set_password(user.id, password, None, None, actor)
            .await?;
        tracing::info!(
            event = "authn_password_change",
            user_id = user.id.0,
            by = caller.name
        );
        Ok(Ok(()))
    }

    /// Changes a user as the operator says, all or nothing.
    pub async fn update_user(
        &self,
        user: &User,
        change: UserUpdate,
        caller: &Actor,
    ) -> Result<User, ManageError> {
        check(&change)?;
        let actor = caller.at(self.now());
        let updated = self.parts.store.update_user(user.id, change, actor).await?;
        let gone = || ManageError::gone(user);
        let updated = updated.map_err(ManageError::Taken)?.ok_or_else(gone)?;
        tracing::info!(
            event = "user_updated",
            user_id = user.id.0,
            by = caller.name
        );
        Ok(updated)
    }

    /// Forgets a user and all that belongs to them. False if there is no such user.
    pub async fn delete_user(&self, user: UserId, caller: &Actor) -> Result<bool, Failure> {
        self.accounts.delete(user, caller).await
    }
}

fn check(change: &UserUpdate) -> Result<(), Invalid> {
    let names = [
        ("first_name", &change.first_name),
        ("last_name", &change.last_name),
    ];
    for (field, name) in names {
        let checked = name.as_deref().map_or(Ok(()), User::check_name);
        checked.map_err(|rule| Invalid::new(field, rule))?;
    }
    let Some(profile) = &change.profile else {
        return Ok(());
    };
    for (field, text) in [
        ("organisation_type", &profile.organisation_type),
        ("organisation_name", &profile.organisation_name),
        ("country", &profile.country),
    ] {
        Profile::check_text(text).map_err(|rule| Invalid::new(field, rule))?;
    }
    Ok(())
}

fn days(most: &Duration) -> String {
    format!("{} days at most", most.as_secs() / 86_400)
}
