//! Password hashes, tokens, keys and randomness.

mod choice;
mod claims;
mod cost;
mod digest;
mod foreign;
mod hash_pool;
mod issuer;
mod jws;
mod key_file;
mod keys;
mod link;
mod own_key;
mod pace;
mod password;
mod published_key;
mod random;
mod scrypt;
mod secret_text;
mod stored;
mod token;
mod unusable;
mod weak_key;

pub use self::choice::Choice;
pub use self::claims::{Claims, InspectedToken, TokenFault, TokenKind};
pub use self::cost::Cost;
pub use self::digest::sha256;
pub use self::hash_pool::HashError;
pub use self::issuer::{Issuer, IssuerName};
pub(crate) use self::keys::missing_keys;
pub use self::keys::{KeyError, Keyring, LinkKey, SigningKey};
pub use self::link::LinkToken;
pub use self::password::{Hasher, MOST_HASHES, Verdict};
pub use self::random::Random;
pub use self::secret_text::NotASecret;
pub use self::token::Signer;
pub use self::weak_key::Weakness;
