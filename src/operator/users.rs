//! What the operator does.

use std::time::Duration;

use crate::accounts::{Accounts, Trouble};
use crate::domain::Actor;
use crate::domain::{Invalid, MailKind, Profile, Rule, User, UserId, UserRef};
use crate::failure::Failure;
use crate::store::links::NewLink;
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

impl Accounts {
    /// The user that `typed` names: by number, address or user name.
    ///
    /// # Errors
    /// [`ManageError::NoSuchUser`], or what broke.
    pub async fn user(&self, typed: &str) -> Result<User, ManageError> {
        for who in UserRef::candidates(typed, true) {
            if let Some(user) = self.0.store.user(&who).await? {
                return Ok(user);
            }
        }
        let similar = self.0.store.similar_name(&typed.to_lowercase()).await?;
        let typed = typed.to_owned();
        Err(ManageError::NoSuchUser { typed, similar })
    }

    /// Users in the order of their numbers, a page at a time.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn users(&self, query: &UserQuery) -> Result<Vec<User>, Failure> {
        self.0.store.users(query).await
    }

    /// A user's profile.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn profile(&self, user: UserId) -> Result<Profile, Failure> {
        Ok(self.0.store.profile(user).await?.unwrap_or_default())
    }

    /// Lets a user in, or ends every session and lets nobody in.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn set_active(
        &self,
        user: &User,
        active: bool,
        caller: &Actor,
    ) -> Result<(), ManageError> {
        if self
            .0
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
    ///
    /// # Errors
    /// The rule that the password breaks, or why it was not served.
    pub async fn set_password(
        &self,
        user: &User,
        chosen: &str,
        caller: &Actor,
    ) -> Result<Result<(), Rule>, Trouble> {
        let found = self.0.store.credentials(&UserRef::Id(user.id)).await?;
        let gone = || Failure::new("setting a password", "the user has been deleted");
        let owner = found.ok_or_else(gone)?;
        let password = match self.choose_password(chosen, &owner).await? {
            Ok(password) => password,
            Err(rule) => return Ok(Err(rule)),
        };
        let actor = caller.at(self.now());
        self.0
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
    ///
    /// # Errors
    /// [`ManageError::Taken`], [`ManageError::NoSuchUser`], or what broke.
    pub async fn update_user(
        &self,
        user: &User,
        change: UserUpdate,
        caller: &Actor,
    ) -> Result<User, ManageError> {
        check(&change)?;
        let actor = caller.at(self.now());
        let updated = self.0.store.update_user(user.id, change, actor).await?;
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
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn delete_user(&self, user: UserId, caller: &Actor) -> Result<bool, Failure> {
        let deleted = self
            .0
            .store
            .delete_user(user, caller.at(self.now()))
            .await?;
        if deleted {
            tracing::info!(event = "user_deleted", user_id = user.0, by = caller.name);
        }
        Ok(deleted)
    }

    /// Links with which users choose a password, for the operator to hand over. Each works once.
    ///
    /// # Errors
    /// [`ManageError::Inactive`] if one of them is, and nobody gets a link then; or what broke.
    pub async fn password_links_by_hand(
        &self,
        users: &[User],
        caller: &Actor,
    ) -> Result<Vec<String>, ManageError> {
        let is_out = |user: &&User| !user.is_active && !user.awaits_confirmation;
        if let Some(user) = users.iter().find(is_out) {
            return Err(ManageError::Inactive(user.username.to_string()));
        }
        let mut links = Vec::with_capacity(users.len());
        for user in users {
            links.push(self.new_password_link(user, caller).await?);
        }
        Ok(links)
    }

    async fn new_password_link(&self, user: &User, caller: &Actor) -> Result<String, Failure> {
        let found = self.0.store.credentials(&UserRef::Id(user.id)).await?;
        let purpose = match found.and_then(|it| it.password_hash) {
            Some(_) => MailKind::PasswordReset,
            None => MailKind::Invitation,
        };
        let link = NewLink {
            is_mailed: false,
            ..self.new_link(purpose)?
        };
        let url = self.link_url(link.purpose, user.id, &link.nonce);
        let actor = caller.at(self.now());
        self.0
            .store
            .add_link(Some(user.id), link, None, actor)
            .await?;
        Ok(url)
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
