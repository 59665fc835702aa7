//! Managing users.

use super::Operator;
use crate::accounts::Trouble;
use crate::accounts::register::{OperatorChoice, RegisterError, Registrar, Registration};
use crate::crypto::MOST_HASHES;
use crate::domain::{Actor, Invalid, Profile, Rule, User, UserId, UserRef, Username};
use crate::failure::Failure;
use crate::store::users::{NotUpdated, Taken, UserChange, UserPage};

/// Why nothing was done with a user.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("there is no user {typed:?}; {}", instead(typed, .similar.as_deref()))]
    NoSuchUser {
        typed: String,
        /// Who may have been meant.
        similar: Option<String>,
    },
    #[error("{0} is inactive; `user activate {0}` lets them in")]
    Inactive(String),
    #[error("{0} is confirmed already; nothing was sent, `reset send {0}` helps with a password")]
    Confirmed(String),
    #[error("{0} is active already and has nothing to confirm; nothing was sent")]
    Active(String),
    #[error(
        "{name} has no address that mail reaches, only {email}, and nothing was sent; \
         `user update {name} --email ADDRESS` sets one, and `reset link {name}` prints a link to hand over",
        name = .0.username, email = .0.email
    )]
    Unreachable(Box<User>),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(
        "another user has this {}; choose another one",
        match .0 { Taken::Email => "address", Taken::Username => "user name" }
    )]
    Taken(Taken),
    #[error("too many new addresses were asked for within the hour; try again later")]
    TooManyAddresses,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl UserError {
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
        None => format!("`user list --search {typed}` looks for parts of names and addresses"),
    }
}

impl Operator {
    /// The user that `typed` names: by number, address or user name.
    pub async fn user(&self, typed: &str) -> Result<User, UserError> {
        let store = &self.parts.store;
        for who in UserRef::candidates(typed, true) {
            if let Some(user) = store.user(&who).await? {
                return Ok(user);
            }
        }
        let similar = store.similar_name(&typed.to_lowercase()).await?;
        let similar = match similar {
            // Digits are a number and nothing else, also where somebody has them for a name.
            Some(name) if name == typed => self.number_of(&name).await?,
            similar => similar,
        };
        let typed = typed.to_owned();
        Err(UserError::NoSuchUser { typed, similar })
    }

    async fn number_of(&self, name: &str) -> Result<Option<String>, Failure> {
        let Ok(username) = Username::parse(name) else {
            return Ok(None);
        };
        let found = self.parts.store.user(&UserRef::Username(username)).await?;
        Ok(found.map(|it| format!("{}, whose user name is {name}", it.id.0)))
    }

    /// Users and their profiles in the order of their numbers, a page at a time.
    pub async fn users(&self, page: &UserPage) -> Result<Vec<(User, Profile)>, Failure> {
        self.parts.store.users(page).await
    }

    /// Whether anybody has an account.
    pub async fn has_users(&self) -> Result<bool, Failure> {
        let first = UserPage {
            after: UserId(0),
            limit: 1,
            search: None,
            active: None,
            staff: None,
        };
        Ok(!self.users(&first).await?.is_empty())
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

    /// Lets a user log in; or ends all their sessions, and lets them log in no more.
    pub async fn set_active(
        &self,
        user: &User,
        active: bool,
        caller: &Actor,
    ) -> Result<(), UserError> {
        let (id, actor, by) = (user.id, caller.at(self.now()), &*caller.name);
        if !self.parts.store.set_active(id, active, actor).await? {
            return Err(UserError::gone(user));
        }
        tracing::info!(event = "user_updated", user_id = id.0, active, by);
        Ok(())
    }

    /// Sets a user's password, ends all their sessions and tells them by mail.
    pub async fn set_password(
        &self,
        user: &User,
        chosen: &str,
        caller: &Actor,
    ) -> Result<Result<(), Rule>, Trouble> {
        let store = &self.parts.store;
        let found = store.credentials(&UserRef::Id(user.id)).await?;
        let gone = || Failure::new("setting a password", "the user has been deleted");
        let owner = found.ok_or_else(gone)?;
        let chosen = match self.accounts.check_choice(chosen, &owner) {
            Ok(chosen) => chosen,
            Err(rule) => return Ok(Err(rule)),
        };
        let made = self.accounts.new_password(chosen, &owner, MOST_HASHES);
        let password = match made.await? {
            Ok(password) => password,
            Err(rule) => return Ok(Err(rule)),
        };
        let (actor, by) = (caller.at(self.now()), &*caller.name);
        let set = store.set_password(user.id, password, None, None, actor);
        if !set.await? {
            return Err(gone().into());
        }
        tracing::info!(event = "authn_password_change", user_id = user.id.0, by);
        Ok(Ok(()))
    }

    /// Changes a user as the operator says, all or nothing.
    pub async fn update_user(
        &self,
        user: &User,
        mut change: UserChange,
        caller: &Actor,
    ) -> Result<(User, Profile), UserError> {
        for name in [&mut change.first_name, &mut change.last_name] {
            *name = name.take().map(|it| it.trim().to_owned());
        }
        if let Some(profile) = &mut change.profile {
            profile.after = std::mem::take(&mut profile.after).trimmed();
        }
        check(user, &change)?;
        let (id, actor, by) = (user.id, caller.at(self.now()), &*caller.name);
        let updated = self.parts.store.update_user(id, change, actor).await?;
        let updated = updated.map_err(|why| match why {
            NotUpdated::Taken(taken) => UserError::Taken(taken),
            NotUpdated::TooManyAddresses => UserError::TooManyAddresses,
        })?;
        let updated = updated.ok_or_else(|| UserError::gone(user))?;
        tracing::info!(event = "user_updated", user_id = id.0, by);
        Ok(updated)
    }

    /// Deletes a user and all that belongs to them. False if there is no such user.
    pub async fn delete_user(&self, user: UserId, caller: &Actor) -> Result<bool, Failure> {
        self.accounts.delete(user, caller).await
    }
}

fn check(user: &User, change: &UserChange) -> Result<(), Invalid> {
    let email = change.email.as_ref().unwrap_or(&user.email);
    let name = |rule| Invalid::new("username", rule);
    if let Some(username) = &change.username {
        username.check_chosen(email).map_err(name)?;
    } else if user.username.is_address(&user.email) {
        // The name follows the address.
        Username::parse(email.as_str()).map_err(name)?;
    }
    let names = [
        ("first_name", &change.first_name),
        ("last_name", &change.last_name),
    ];
    for (field, name) in names {
        let checked = name.as_deref().map_or(Ok(()), User::check_name);
        checked.map_err(|rule| Invalid::new(field, rule))?;
    }
    let mut broken = change.profile.iter().flat_map(|it| it.after.broken());
    broken.next().map_or(Ok(()), Err)
}
