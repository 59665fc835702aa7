//! The use cases: what it means to log in, to register, to log out. HTTP and the command line call
//! the same functions. They are `async` only to wait for a hash or a commit: no runtime is needed,
//! and nothing here blocks a thread.

pub mod activation;
pub mod contact;
pub mod imported_tokens;
pub mod links;
pub mod login;
pub mod lookup;
pub mod own;
pub mod password;
pub mod privacy_policy;
pub mod register;
pub mod reset;
pub mod session;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::crypto::{HashError, Hasher, LinkKey, Random, Signer};
use crate::domain::{Email, PasswordRules, Timestamp};
use crate::failure::Failure;
use crate::mail::Mailer;
use crate::store::Store;

/// What the use cases work with. Put together in one place, `cli/config.rs`.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Makes and checks password hashes.
    pub hasher: Hasher,
    /// Signs and verifies tokens.
    pub signer: Signer,
    /// What the tokens of mailed links follow from.
    pub links: LinkKey,
    /// Sends mail.
    pub mailer: Mailer,
    /// The time.
    pub clock: Clock,
    /// Random bytes.
    pub random: Random,
    /// What the operator decided.
    pub rules: Rules,
}

/// What the operator decided; the names are those of the settings.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// How long a session of a web login lasts.
    pub session_ttl: Duration,
    /// How long a session of a mobile login lasts.
    pub mobile_session_ttl: Duration,
    /// How long a session of `token/` lasts.
    pub token_session_ttl: Duration,
    /// How long a reset link works.
    pub reset_ttl: Duration,
    /// How long the links of all other mails work.
    pub activation_ttl: Duration,
    /// After its first failure a mail is tried again so much later; then later and later.
    pub mail_retry: Duration,
    /// Whether a new account is inactive until its mailed link is used.
    pub require_verified_email: bool,
    /// So many earlier passwords are refused.
    pub password_history: usize,
    /// Who reads the contact form.
    pub contact_to: Option<Email>,
    /// What a chosen password must meet.
    pub password: PasswordRules,
    /// Whether a refresh token is good only once.
    pub rotate_refresh: bool,
    /// Whether failures and mails are limited.
    pub throttle: bool,
    /// What links in mails start with, without a slash at the end.
    pub public_url: String,
}

/// What people do with their own account. Cloning is cheap.
#[derive(Clone)]
pub struct Accounts {
    parts: Arc<Parts>,
}

impl Accounts {
    /// The use cases over these parts.
    #[must_use]
    pub fn new(parts: Arc<Parts>) -> Self {
        Self { parts }
    }

    /// What the operator decided.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.parts.rules
    }

    /// Whether writes reach the disk.
    ///
    /// # Errors
    /// If they do not.
    pub async fn check_writable(&self) -> Result<(), Failure> {
        self.parts.store.check_writable().await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}

/// Why a request that is in order was not served.
#[derive(Debug)]
pub enum Trouble {
    /// Too many attempts; the next one is evaluated after so many seconds.
    TooMany(u64),
    /// Too many logins at once; come back after so many seconds.
    Busy(u64),
    /// Something broke.
    Failed(Failure),
}

/// A full queue is worked off in about this time.
const BUSY_SECONDS: u64 = 5;

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<HashError> for Trouble {
    fn from(err: HashError) -> Self {
        match err {
            HashError::Busy => Self::Busy(BUSY_SECONDS),
            HashError::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooMany(seconds) => {
                write!(f, "too many attempts; try again in {seconds} seconds")
            }
            Self::Busy(seconds) => {
                write!(f, "too many logins at once; try again in {seconds} seconds")
            }
            Self::Failed(failure) => f.write_str(&failure.chain()),
        }
    }
}
