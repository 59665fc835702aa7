//! What an operator asks about everybody's sessions.

use super::pending::Pending;
use super::sessions::SeenSession;
use crate::domain::Stamp;
use crate::domain::{SessionId, Timestamp};

/// Sessions of everybody.
pub trait Oversight {
    /// The user name or address that is most like `typed`, which is in lower case; none if none is
    /// alike. Reads all of them.
    fn similar_name(&self, typed: &str) -> Pending<Option<String>>;
    /// Sessions that have not ended at `now`, the youngest first, from below `before` on.
    fn live_sessions(
        &self,
        now: Timestamp,
        before: Option<SessionId>,
        limit: usize,
    ) -> Pending<Vec<SeenSession>>;
    /// A session, whether alive or not.
    fn session(&self, id: SessionId) -> Pending<Option<SeenSession>>;
    /// Ends every session, and returns how many.
    fn end_all_sessions(&self, actor: Stamp) -> Pending<usize>;
}
