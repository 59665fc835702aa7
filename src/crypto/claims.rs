//! What tokens say, and why they are not accepted.

use crate::domain::{SessionId, Timestamp, UserId};

/// What a token is for; neither kind is taken for the other (RFC 8725, section 3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Proves who asks.
    Access,
    /// Gets new access tokens.
    Refresh,
}

impl TokenKind {
    /// The `token_type` claim, as SimpleJWT writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// What a token says, once it was verified.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Its kind.
    pub kind: TokenKind,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// From then on it is not accepted.
    pub expires_at: Timestamp,
    /// Its own name: 32 hexadecimal digits.
    pub id: String,
    /// Whose it is.
    pub user: UserId,
    /// Which session decides whether it is still good. A token of the service before this one names
    /// none.
    pub session: Option<SessionId>,
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
    /// It does not say what it is for.
    #[error("Token has no type")]
    NoType,
    /// It has no name.
    #[error("Token has no id")]
    NoId,
}

/// A token taken apart, whoever made it.
#[derive(Clone, Debug)]
pub struct Dissected {
    /// The algorithm that its header names.
    pub algorithm: String,
    /// The key that its header names. The service before this one named none.
    pub kid: Option<String>,
    /// Whether that is a key of ours, or one of ours was imported.
    pub knows_key: bool,
    /// Whether the key signed it. Only then its claims mean anything.
    pub is_signed: bool,
    /// What it says.
    pub claims: serde_json::Map<String, serde_json::Value>,
}
