//! What the operator does.

use std::time::Duration;

use super::login::MOST_SESSIONS;
use super::session::TokenPair;
use super::{Accounts, Caller};
use crate::domain::{Profile, Session, SessionId, SessionKind, User, UserId, UserRef};
use crate::failure::Failure;
use crate::store::{Opening, UserPage};

/// Which users to list.
pub type UserQuery = UserPage;

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

fn days(most: &Duration) -> String {
    format!("{} days at most", most.as_secs() / 86_400)
}
