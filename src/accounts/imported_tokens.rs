//! Tokens that the service before this one issued.

use super::Accounts;
use crate::crypto::Claims;
use crate::domain::{Actor, SessionId};
use crate::failure::Failure;
use crate::store::imported_tokens::ImportedToken;

impl Accounts {
    /// The session of a token that the service before this one issued. All such tokens of a user
    /// share one, because they do not say which login they are from: logging out with one of them
    /// ends all of them.
    pub(crate) async fn imported_session(
        &self,
        claims: &Claims,
        caller: &Actor,
    ) -> Result<Option<SessionId>, Failure> {
        let now = self.now();
        let token = ImportedToken {
            user: claims.user,
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            session: SessionId::new(now, self.parts.random.bytes()?),
            user_agent: caller.user_agent.clone(),
        };
        self.parts
            .store
            .session_of_imported_token(token, caller.at(now))
            .await
    }
}
