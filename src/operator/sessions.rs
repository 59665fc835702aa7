//! Everybody's sessions: seeing them, and ending them.

use super::Operator;
use crate::domain::{Actor, Session, SessionId, UserId};
use crate::failure::Failure;
use crate::store::sessions::SeenSession;

/// Why there is no session to show or to end.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is none of that id, or it has ended.
    #[error("there is no live session {0:?}; `session list` shows them")]
    NoSuchSession(String),
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Operator {
    /// Live sessions of everybody, the youngest first, a page at a time.
    pub async fn live_sessions(
        &self,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SeenSession>, Failure> {
        let store = &self.parts.store;
        store.live_sessions(self.now(), before, limit).await
    }

    /// Live sessions of a user, the youngest first.
    pub async fn live_sessions_of(&self, user: UserId) -> Result<Vec<Session>, Failure> {
        self.parts.store.sessions_of(user, self.now()).await
    }

    /// The live session of that id.
    pub async fn find_live_session(&self, typed: &str) -> Result<SeenSession, SessionError> {
        let found = match SessionId::parse(typed) {
            Some(id) => self.parts.store.session(id).await?,
            None => None,
        };
        found
            .filter(|it| it.is_live(self.now()))
            .ok_or_else(|| SessionError::NoSuchSession(typed.to_owned()))
    }

    /// Ends a session. False if it had ended before.
    pub async fn revoke_session(&self, id: SessionId, caller: &Actor) -> Result<bool, Failure> {
        let stamp = caller.at(self.now());
        self.parts.store.end_session(id, "revoked", stamp).await
    }

    /// Ends all sessions of a user, and returns how many.
    pub async fn revoke_sessions_of(&self, user: UserId, caller: &Actor) -> Result<usize, Failure> {
        let stamp = caller.at(self.now());
        self.parts.store.end_sessions_of(user, None, stamp).await
    }

    /// Ends every session there is, and returns how many.
    pub async fn revoke_all_sessions(&self, caller: &Actor) -> Result<usize, Failure> {
        let stamp = caller.at(self.now());
        self.parts.store.end_all_sessions(stamp).await
    }
}
