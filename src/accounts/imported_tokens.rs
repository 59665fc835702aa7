//! Tokens that the service before this one issued.

use super::Accounts;
use super::login::MOST_SESSIONS;
use crate::crypto::{Claims, sha256};
use crate::domain::{Actor, Session, SessionId, SessionKind, Timestamp};
use crate::failure::Failure;

impl Accounts {
    /// The session of a token that the service before this one issued, if it is still good. Each
    /// such token has one, whose name follows from the token: it is written at the first use, and
    /// only looked up later.
    pub(crate) async fn imported_session(
        &self,
        claims: &Claims,
        caller: &Actor,
    ) -> Result<Option<SessionId>, Failure> {
        let (now, expires_at) = (self.now(), self.end_of_imported(claims));
        if expires_at <= now {
            return Ok(None);
        }
        let id = imported_session_id(claims.issued_at, &claims.id);
        let store = &self.parts.store;
        if store.live_session(id, now).await?.is_some() {
            return Ok(Some(id));
        }
        // Nobody could say whether it was issued before all of them were ended.
        if claims.issued_at > now {
            return Ok(None);
        }
        let session = Session {
            id,
            user: claims.user,
            kind: SessionKind::Imported,
            created_at: claims.issued_at,
            expires_at,
            address: caller.address.map(|it| it.to_string()),
            user_agent: caller.user_agent.clone(),
            cookie_digest: None,
        };
        if !store.may_open_imported_session(&session).await? {
            return Ok(None);
        }
        let opened = store.open_imported_session(session, MOST_SESSIONS, caller.at(now));
        Ok(opened.await?.then_some(id))
    }

    /// When an imported token ends at the latest. It does not say whether it is of the web or of the
    /// phone, so the longer session counts; and for access tokens too, because SimpleJWT copies the
    /// `iat` of the refresh token into each access token that it gets.
    pub(crate) fn end_of_imported(&self, claims: &Claims) -> Timestamp {
        let longest = self.parts.rules.longest_session();
        claims.expires_at.min(claims.issued_at.plus(longest))
    }
}

/// The name of the session of an imported token. The second it was issued in stands first, as in
/// other names of sessions.
pub(crate) fn imported_session_id(issued_at: Timestamp, token_id: &str) -> SessionId {
    SessionId::of_imported(issued_at, sha256(token_id.as_bytes()))
}
