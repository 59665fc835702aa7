//! What is asked about sessions and login attempts.

use super::attempts::Attempt;
use super::pending::Pending;
use crate::domain::Stamp;
use crate::domain::{LiveSession, Session, SessionId, Timestamp, UserId};

/// A session to open when a password was right.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The session.
    pub session: Session,
    /// The hash that the password was checked against; none opens without a password.
    pub checked: Option<String>,
    /// A hash at today's cost that replaces it.
    pub rehashed: Option<String>,
    /// The counter of failed attempts to clear.
    pub attempts: Option<Vec<u8>>,
    /// At most so many sessions of a user live; the oldest end.
    pub most: usize,
}

/// A session and how it stands.
#[derive(Clone, Debug)]
pub struct SeenSession {
    /// The session.
    pub session: Session,
    /// The name of its user.
    pub username: String,
    /// When it was ended, if it was before its time.
    pub ended_at: Option<Timestamp>,
}

/// A token that the service before this one issued, and the session to open for it.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// Whose it is.
    pub user: UserId,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it expires; the session lasts as long.
    pub expires_at: Timestamp,
    /// The name of the session, if there is none for that user yet.
    pub session: SessionId,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

/// Sessions, and the counters of failed logins.
pub trait Sessions {
    /// The session, if it has not ended at `now` and its user is active.
    fn live_session(&self, id: SessionId, now: Timestamp) -> Pending<Option<LiveSession>>;
    /// The session of a cookie, whether alive or not.
    fn session_of_cookie(&self, digest: &[u8; 32]) -> Pending<Option<SessionId>>;
    /// A user's sessions that have not ended at `now`, the youngest first.
    fn sessions_of(&self, user: UserId, now: Timestamp) -> Pending<Vec<Session>>;
    /// Counts an attempt before it is evaluated, so that parallel guesses cannot outrun the count.
    fn reserve_attempt(&self, key: Vec<u8>, now: Timestamp) -> Pending<Attempt>;
    /// Forgets the failed attempts.
    fn forget_attempts(&self, key: Vec<u8>) -> Pending<()>;
    /// Opens a session and clears the user's failed attempts, if the user is still active and the
    /// password still the one that was checked. False otherwise.
    fn open_session(&self, opening: Opening, actor: Stamp) -> Pending<bool>;
    /// The session of an imported token, opened at its first use. None if the user is not there or
    /// inactive, or if imported tokens of that age were ended: by the end of that session, or of all
    /// sessions of the user.
    fn adopt_token(&self, token: Adoption, actor: Stamp) -> Pending<Option<SessionId>>;
    /// Imported tokens of the user that were issued up to then are refused; none for no such user.
    fn imported_tokens_ended_at(&self, user: UserId) -> Pending<Option<Timestamp>>;
    /// Counts a rotation of the refresh token, if `rotations` is still the count.
    fn rotate(&self, id: SessionId, rotations: i64, now: Timestamp) -> Pending<bool>;
    /// Ends a session. False if it had ended before.
    fn end_session(&self, id: SessionId, reason: &'static str, actor: Stamp) -> Pending<bool>;
    /// Ends a user's sessions but `keep`, and returns how many.
    fn end_sessions_of(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        actor: Stamp,
    ) -> Pending<usize>;
}
