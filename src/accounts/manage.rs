//! What the operator does.

use std::time::Duration;

use super::login::MOST_SESSIONS;
use super::session::TokenPair;
use super::{Accounts, Caller, Trouble};
use crate::domain::{
    Invalid, MailKind, Profile, Rule, Session, SessionId, SessionKind, User, UserId, UserRef,
};
use crate::failure::Failure;
use crate::store::{NewLink, Opening, Taken, UserChange, UserPage};

/// Which users to list.
pub type UserQuery = UserPage;

/// What to change of a user.
pub type UserUpdate = UserChange;

/// Which tokens to issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewToken {
    /// An access token alone; its session lasts as long as it does.
    Access,
    /// A refresh token alone.
    Refresh,
    /// Both.
    Pair,
}

/// The tokens of a session that the operator opened.
pub struct Tokens {
    /// Both; whoever asked for one drops the other.
    pub pair: TokenPair,
    /// Their session.
    pub session: Session,
}

/// Why the operator was refused.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// Nobody goes by that.
    #[error(
        "there is no user {0:?}; `user list --search {0}` looks for parts of names and addresses"
    )]
    NoSuchUser(String),
    /// Nobody acts for an inactive user.
    #[error("{0} is inactive; `user activate {0}` lets them in")]
    Inactive(String),
    /// It breaks a rule.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// Somebody else has the new name or address.
    #[error("another user has this {}; choose another one", if *.0 == Taken::Email { "address" } else { "user name" })]
    Taken(Taken),
    /// Longer than any session may last.
    #[error("a token may live {}; ask for less, or raise session_ttl", days(.0))]
    TooLong(Duration),
    /// Something broke.
    #[error("{}", .0.chain())]
    Failed(#[from] Failure),
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
        Err(ManageError::NoSuchUser(typed.to_owned()))
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
        caller: &Caller,
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
            Err(ManageError::NoSuchUser(user.username.to_string()))
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
        caller: &Caller,
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
        caller: &Caller,
    ) -> Result<User, ManageError> {
        check(&change)?;
        let actor = caller.at(self.now());
        let updated = self.0.store.update_user(user.id, change, actor).await?;
        let gone = || ManageError::NoSuchUser(user.username.to_string());
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
    pub async fn delete_user(&self, user: UserId, caller: &Caller) -> Result<bool, Failure> {
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

    /// A link with which a user chooses a password, for the operator to hand over. It works once.
    ///
    /// # Errors
    /// [`ManageError::Inactive`], or what broke.
    pub async fn password_link_by_hand(
        &self,
        user: &User,
        caller: &Caller,
    ) -> Result<String, ManageError> {
        if !user.is_active && !user.awaits_confirmation {
            return Err(ManageError::Inactive(user.username.to_string()));
        }
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

    /// Opens a session for a user and returns its tokens. They obey the rules of any others: the
    /// session ends them, and so does deactivating the user.
    ///
    /// # Errors
    /// [`ManageError::Inactive`], [`ManageError::TooLong`], or what broke.
    pub async fn issue_token(
        &self,
        user: &User,
        what: NewToken,
        ttl: Option<Duration>,
        caller: &Caller,
    ) -> Result<Tokens, ManageError> {
        let rules = &self.0.rules;
        let most = rules.session_ttl.max(rules.mobile_session_ttl);
        let lasts = ttl.unwrap_or(if what == NewToken::Access {
            rules.access_ttl
        } else {
            rules.token_session_ttl
        });
        if lasts > most {
            return Err(ManageError::TooLong(most));
        }
        let now = self.now();
        let session = Session {
            id: SessionId::new(now, self.0.random.bytes()?),
            user: user.id,
            kind: SessionKind::CommandLine,
            created_at: now,
            expires_at: now.plus(lasts),
            address: None,
            user_agent: None,
            cookie_digest: None,
        };
        let mut pair = self.pair(session.id, user.id, session.expires_at, 0)?;
        if what == NewToken::Access {
            pair.access = self.access(session.id, user.id, session.expires_at)?;
        }
        let opening = Opening {
            session: session.clone(),
            checked: None,
            rehashed: None,
            attempts: None,
            most: MOST_SESSIONS,
        };
        if !self.0.store.open_session(opening, caller.at(now)).await? {
            return Err(ManageError::Inactive(user.username.to_string()));
        }
        tracing::info!(event = "authn_token_created", user_id = user.id.0, session = %session.id, by = caller.name);
        Ok(Tokens { pair, session })
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
