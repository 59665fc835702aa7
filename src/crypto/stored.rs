//! A stored password hash of any kind that may be computed.

use super::cost::Cost;
use super::foreign::Foreign;
use super::scrypt::OwnHash;
use crate::domain::Password;

pub(super) enum Stored {
    Own(OwnHash),
    Foreign(Foreign),
}

impl Stored {
    /// None if its kind is unknown, or if it costs too much.
    pub(super) fn parse(stored: &str) -> Option<Self> {
        if stored.starts_with('$') {
            OwnHash::parse(stored).map(Self::Own)
        } else {
            Foreign::parse(stored).map(Self::Foreign)
        }
    }

    /// None if it is none of ours.
    pub(super) fn cost(&self) -> Option<Cost> {
        match self {
            Self::Own(hash) => Some(hash.cost),
            Self::Foreign(_) => None,
        }
    }

    /// Equal for hashes that cost the same.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Own(hash) => format!("scrypt {}", hash.cost),
            Self::Foreign(hash) => hash.kind(),
        }
    }

    /// Whether it is of `password`, and how many hashes that took to say. Not inlined: whoever calls
    /// it, it takes the same time.
    #[inline(never)]
    pub(super) fn matches(&self, password: &Password) -> (bool, usize) {
        // Where nobody asks for the answer it is computed all the same.
        std::hint::black_box(match self {
            Self::Own(hash) => (hash.matches(password.as_bytes()), 1),
            Self::Foreign(hash) => hash.matches_any(password.spellings()),
        })
    }
}
