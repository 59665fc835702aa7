//! What tokens say, and why they are not accepted.

use std::hash::{Hash, Hasher};

use crate::domain::{SessionId, Timestamp, UserId};

/// What a token is for; neither kind is taken for the other (RFC 8725, section 3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Proves who asks.
    Access,
    /// Gets new access tokens.
    Refresh,
}

impl TokenKind {
    /// The `token_type` claim, as SimpleJWT writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// What a token says, once it was verified.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claims {
    pub kind: TokenKind,
    pub issued_at: Timestamp,
    /// From this second on it is not accepted.
    pub expires_at: Timestamp,
    /// The name of this one token: 32 hexadecimal digits.
    pub id: String,
    pub user: UserId,
    /// The session that decides whether it is still good. A token of the service before this one
    /// names none.
    pub session: Option<SessionId>,
}

/// What the claims of a refresh token follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub session: SessionId,
    pub user: UserId,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// How often it was rotated.
    pub rotations: i64,
}

/// By what tells most of them apart.
impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.session, self.rotations).hash(state);
    }
}

/// Why a token is not accepted; the sentences are those of SimpleJWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Malformed, forged, expired, or its session has ended.
    #[error("Token is invalid or expired")]
    Invalid,
    /// A refresh token where an access token is wanted, or the other way round.
    #[error("Token has wrong type")]
    WrongType,
    #[error("Token has no type")]
    NoType,
    #[error("Token has no id")]
    NoId,
}

/// What stands in a token, whoever made it.
#[derive(Clone, Debug)]
pub struct InspectedToken {
    pub algorithm: String,
    /// The key that its header names. The service before this one named none.
    pub kid: Option<String>,
    /// Whether that is a key of ours, or one of ours was imported.
    pub knows_key: bool,
    /// Whether the key signed it. Only then its claims mean anything.
    pub is_signed: bool,
    pub claims: serde_json::Map<String, serde_json::Value>,
}
