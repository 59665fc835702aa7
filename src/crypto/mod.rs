//! Passwords, tokens and random numbers: each library is named by one file.

mod claims;
mod cost;
mod foreign;
mod key_file;
mod keys;
mod link;
mod password;
mod pool;
mod random;
mod token;

pub use claims::{Claims, Dissected, TokenFault, TokenKind};
pub use cost::Cost;
pub use keys::{KeyError, Keyring, LinkKey, SigningKey};
pub use link::LinkToken;
pub use password::{HashError, Hasher, Verdict};
pub use pool::Busy;
pub use random::Random;
pub use token::Signer;

use aws_lc_rs::digest;

/// SHA-256, which is all that is stored of a secret that was random to begin with.
#[must_use]
pub fn sha256(secret: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
    out
}
