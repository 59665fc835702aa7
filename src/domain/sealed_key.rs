//! Keys as they are stored: the secret sealed, and what it is.

use super::time::Timestamp;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// To sign and verify tokens.
    Sign,
    /// To derive the tokens of mailed links.
    Links,
}

impl KeyPurpose {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Links => "links",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Sign, Self::Links]
            .into_iter()
            .find(|it| it.as_str() == name)
    }
}

/// A key whose secret only the master key opens.
#[derive(Clone, Debug)]
pub struct SealedKey {
    pub name: String,
    pub purpose: KeyPurpose,
    pub algorithm: String,
    pub made_at: Timestamp,
    pub nonce: [u8; 12],
    pub sealed: Vec<u8>,
}
