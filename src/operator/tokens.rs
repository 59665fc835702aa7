//! Tokens that the operator issues.

use std::time::Duration;

use super::Operator;
use super::users::ManageError;
use crate::accounts::login::MOST_SESSIONS;
use crate::accounts::session::TokenPair;
use crate::domain::{Actor, Session, SessionKind, User};
use crate::store::sessions::Opening;

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

impl Operator {
    /// Opens a session for a user and returns its tokens. They obey the rules of any others: the
    /// session ends them, and so does deactivating the user.
    pub async fn issue_token(
        &self,
        user: &User,
        what: NewToken,
        ttl: Option<Duration>,
        caller: &Actor,
    ) -> Result<Tokens, ManageError> {
        let rules = &self.parts.rules;
        let most = rules.session_ttl.max(rules.mobile_session_ttl);
        let lasts = ttl.unwrap_or(if what == NewToken::Access {
            rules.access_ttl
        } else {
            rules.token_session_ttl
        });
        if lasts > most {
            return Err(ManageError::TooLong(most));
        }
        let kind = SessionKind::CommandLine;
        let accounts = &self.accounts;
        let session = accounts.new_session(user.id, kind, lasts, caller)?;
        let mut pair = self
            .accounts
            .pair(session.id, user.id, session.expires_at, 0)?;
        if what == NewToken::Access {
            pair.access = self
                .accounts
                .access(session.id, user.id, session.expires_at)?;
        }
        let opening = Opening {
            session: session.clone(),
            checked: None,
            rehashed: None,
            attempts: None,
            most: MOST_SESSIONS,
        };
        if !self
            .parts
            .store
            .open_session(opening, caller.at(self.now()))
            .await?
        {
            return Err(ManageError::Inactive(user.username.to_string()));
        }
        tracing::info!(event = "authn_token_created", user_id = user.id.0, session = %session.id, by = caller.name);
        Ok(Tokens { pair, session })
    }
}
