//! Passwords, tokens and random numbers: each library is named by one file.

mod claims;
mod cost;
mod foreign;
mod hash_pool;
mod key_file;
mod keys;
mod link;
mod password;
mod random;
mod token;

pub use crate::crypto::claims::{Claims, Dissected, TokenFault, TokenKind};
pub use crate::crypto::cost::Cost;
pub use crate::crypto::hash_pool::Busy;
pub use crate::crypto::keys::{KeyError, Keyring, LinkKey, SigningKey};
pub use crate::crypto::link::LinkToken;
pub use crate::crypto::password::{HashError, Hasher, Verdict};
pub use crate::crypto::random::Random;
pub use crate::crypto::token::Signer;

use aws_lc_rs::digest;

/// SHA-256, which is all that is stored of a secret that was random to begin with.
#[must_use]
pub fn sha256(secret: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
    out
}
