//! Sessions in memory, for as long as nothing at all has been committed since they were read.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::Connection;

use super::header::{Generation, Header};
use crate::domain::{LiveSession, SessionId};
use crate::failure::Failure;

/// A few hundred bytes each.
const MOST: usize = 4096;

/// What was read of sessions at one generation of the database. A logout, here or by the command
/// line, makes a new generation and so empties it: there is no window in which an ended session
/// still counts.
pub(super) struct SessionCache {
    header: Header,
    known: RwLock<Known>,
}

struct Known {
    at: Generation,
    sessions: HashMap<SessionId, Arc<LiveSession>>,
}

impl SessionCache {
    pub(super) fn over(connection: Connection) -> Result<Self, Failure> {
        let header = Header::over(connection)?;
        let known = RwLock::new(Known {
            at: header.read(),
            sessions: HashMap::new(),
        });
        Ok(Self { header, known })
    }

    /// The session from memory, else from `read`.
    pub(super) fn find(
        &self,
        id: SessionId,
        read: impl FnOnce() -> Result<Option<LiveSession>, Failure>,
    ) -> Result<Option<LiveSession>, Failure> {
        // Before the read: a commit between here and there makes this entry useless, not wrong.
        let now = self.header.read();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.at == now
            && let Some(session) = known.sessions.get(&id)
        {
            return Ok(Some(LiveSession::clone(session)));
        }
        drop(known);
        let found = read()?;
        if let Some(session) = &found {
            self.remember(now, session);
        }
        Ok(found)
    }

    fn remember(&self, at: Generation, session: &LiveSession) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.at != at || known.sessions.len() >= MOST {
            known.sessions.clear();
            known.at = at;
        }
        known.sessions.insert(session.id, Arc::new(session.clone()));
    }
}
