//! Looking an account up: one's own, or anybody's for staff.

use super::Accounts;
use crate::domain::{Email, LiveSession, User, UserRef, Username};
use crate::failure::Failure;

/// Why nothing is said about an account.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// Only staff may look up others. Whether the account exists is not said either.
    #[error("only staff may look up others")]
    Forbidden,
    /// Only staff learn that.
    #[error("there is no such account")]
    NotFound,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// The account that has an address.
    pub async fn look_up_email(
        &self,
        session: &LiveSession,
        email: &str,
    ) -> Result<User, LookupError> {
        let who = Email::parse(email).ok();
        let is_own = who
            .as_ref()
            .is_some_and(|it| it.canonical() == session.user.email.canonical());
        self.look_up(session, who.map(UserRef::Email), is_own).await
    }

    /// The account that has a user name.
    pub async fn look_up_username(
        &self,
        session: &LiveSession,
        username: &str,
    ) -> Result<User, LookupError> {
        let who = Username::typed(username);
        let is_own = who
            .as_ref()
            .is_some_and(|it| it.canonical() == session.user.username.canonical());
        self.look_up(session, who.map(UserRef::Username), is_own)
            .await
    }

    async fn look_up(
        &self,
        session: &LiveSession,
        who: Option<UserRef>,
        is_own: bool,
    ) -> Result<User, LookupError> {
        if is_own {
            return Ok(User::clone(&session.user));
        }
        if !session.user.is_staff {
            return Err(LookupError::Forbidden);
        }
        let found = match who {
            Some(who) => self.parts.store.user(&who).await?,
            None => None,
        };
        found.ok_or(LookupError::NotFound)
    }
}
