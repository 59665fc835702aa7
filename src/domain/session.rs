//! Sessions: what a login opens and a logout ends.

use std::fmt;
use std::sync::Arc;

use super::privacy_policy::Agreement;
use super::text::hexadecimal;
use super::time::Timestamp;
use super::user::{User, UserId};

/// The id of a session, the `sid` claim of its tokens: the second it was opened in and 96 random
/// bits, printed as hexadecimal. It is no secret (the tokens are signed), and young sessions, which
/// are used most, stand side by side in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

impl SessionId {
    /// As tokens name it.
    pub fn in_hexadecimal(&self) -> String {
        hexadecimal(&self.0)
    }

    pub fn new(now: Timestamp, random: [u8; 12]) -> Self {
        let mut id = [0; 16];
        // The lower half of the number is enough until 2106; after that only the order is lost.
        id[..4].copy_from_slice(&now.0.to_be_bytes()[4..]);
        id[4..].copy_from_slice(&random);
        Self(id)
    }

    /// The session of a token that the service before this one issued: it follows from the token.
    pub fn of_imported(issued_at: Timestamp, token: [u8; 32]) -> Self {
        let mut tail = [0; 12];
        tail.copy_from_slice(&token[..12]);
        Self::new(issued_at, tail)
    }

    /// The second that it was opened in; until 2106, see [`Self::new`].
    pub fn opened_at(self) -> Timestamp {
        let [a, b, c, d, ..] = self.0;
        Timestamp(u32::from_be_bytes([a, b, c, d]).into())
    }

    /// What follows the time in a name.
    pub fn tail(self) -> [u8; 12] {
        let mut tail = [0; 12];
        tail.copy_from_slice(&self.0[4..]);
        tail
    }

    /// Reads 32 lower-case hexadecimal digits, and nothing else.
    pub fn parse(raw: &str) -> Option<Self> {
        let digits = raw.len() == 32 && raw.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        digits.then_some(())?;
        u128::from_str_radix(raw, 16)
            .ok()
            .map(|id| Self(id.to_be_bytes()))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_hexadecimal())
    }
}

/// A client whose answer got lost may use the refresh token before the current one for so many seconds
/// (RFC 9700, section 4.14.2, leaves the grace to us).
pub const ROTATION_GRACE: i64 = 10;

/// How a session was opened; it decides how long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// `POST login/`.
    Web,
    /// `POST login/?app=mobile`.
    Mobile,
    /// `POST token/`.
    Token,
    /// `token issue` on the command line.
    CommandLine,
    /// The first use of a token that the service before this one issued.
    Imported,
}

impl SessionKind {
    pub const ALL: [Self; 5] = [
        Self::Web,
        Self::Mobile,
        Self::Token,
        Self::CommandLine,
        Self::Imported,
    ];

    /// The name that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Mobile => "mobile",
            Self::Token => "token",
            Self::CommandLine => "command-line",
            Self::Imported => "imported",
        }
    }

    /// Restores a stored name.
    pub fn stored(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == name)
            .unwrap_or(Self::Web)
    }
}

/// A session as it is opened.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub kind: SessionKind,
    pub created_at: Timestamp,
    /// When it ends at the latest; no use of it extends that.
    pub expires_at: Timestamp,
    /// The client's network address, if known.
    pub address: Option<String>,
    pub user_agent: Option<String>,
    /// SHA-256 of the cookie, for sessions that have one.
    pub cookie_digest: Option<[u8; 32]>,
}

/// A session that a request may use, with its user as the database has them now.
#[derive(Clone, Debug)]
pub struct LiveSession {
    pub id: SessionId,
    pub user: Arc<User>,
    pub expires_at: Timestamp,
    /// How often its refresh token was rotated.
    pub rotations: i64,
    /// When that was last.
    pub rotated_at: Timestamp,
    /// Whether the user's profile is filled in.
    pub has_profile: bool,
    pub agreement: Agreement,
}
