//! What people do with their own account: log in, register, reset, change, leave. HTTP and the
//! command line call the same functions. They are `async` only to wait for a hash or a commit: no
//! runtime is needed. Reads of SQLite and the removal of files of mails are short, and done in place.

pub mod activation;
mod attempts;
pub mod contact;
pub mod imported_tokens;
mod invalid_fields;
mod keys;
pub mod links;
pub mod login;
pub mod lookup;
pub mod own;
pub mod password;
pub mod privacy_policy;
mod refunds;
pub mod register;
pub mod reset;
pub mod session;

use std::sync::Arc;
use std::time::Duration;

use self::refunds::Refunds;
use crate::clock::Clock;
use crate::crypto::{HashError, Hasher, LinkKey, MasterKey, Random, Signer};
use crate::domain::{Email, PasswordRules, Timestamp};
use crate::failure::Failure;
use crate::mail::Mailer;
use crate::store::Store;

/// What the use cases work with. Put together in one place, `compose.rs`.
pub struct Parts {
    pub store: Store,
    pub hasher: Hasher,
    pub signer: Signer,
    /// What the stored keys are sealed with.
    pub master: MasterKey,
    /// The tokens of mailed links are derived from it.
    pub links: LinkKey,
    pub mailer: Mailer,
    pub clock: Clock,
    pub random: Random,
    pub rules: Rules,
}

/// What the operator decided; the names are those of the settings.
#[derive(Clone, Debug)]
pub struct Rules {
    pub access_ttl: Duration,
    /// Of a web login.
    pub session_ttl: Duration,
    /// Of a mobile login.
    pub mobile_session_ttl: Duration,
    /// Of `token/`.
    pub token_session_ttl: Duration,
    /// Of the links to reset a password.
    pub reset_ttl: Duration,
    /// Of the links in all other mails.
    pub activation_ttl: Duration,
    /// The pause after the first failure of a mail; it doubles with each further one.
    pub mail_retry: Duration,
    /// Whether a new account is inactive until its mailed link is used.
    pub require_verified_email: bool,
    /// How many earlier passwords are refused.
    pub password_history: usize,
    /// Who reads the contact form.
    pub contact_to: Option<Email>,
    pub password: PasswordRules,
    /// Whether a refresh token is good only once.
    pub rotate_refresh: bool,
    /// Whether failures and mails are limited.
    pub throttle: bool,
    /// After how long mails go that were sent or failed, and their files.
    pub mail_keep: Duration,
    /// After how long rows of the audit trail go; never, if there is none.
    pub audit_keep: Option<Duration>,
    /// What links in mails start with, without a slash at the end.
    pub public_url: String,
}

impl Rules {
    /// No session lasts longer.
    #[must_use]
    pub fn longest_session(&self) -> Duration {
        self.session_ttl.max(self.mobile_session_ttl)
    }
}

/// What people do with their own account. Cloning is cheap.
#[derive(Clone)]
pub struct Accounts {
    parts: Arc<Parts>,
    refunds: Arc<Refunds>,
}

impl Accounts {
    #[must_use]
    pub fn new(parts: Arc<Parts>) -> Self {
        Self {
            parts,
            refunds: Arc::default(),
        }
    }

    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.parts.rules
    }

    /// How many password hashes were computed since the start.
    #[must_use]
    pub fn hashes_computed(&self) -> u64 {
        self.parts.hasher.computed()
    }

    /// Whether the tables can be used, and writes reach the disk.
    pub async fn check_writable(&self) -> Result<(), Failure> {
        self.parts.store.check_tables().await?;
        self.parts.store.check_sessions().await?;
        self.parts.store.check_writable().await
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}

/// Why a request that is in order was not served.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// After how many seconds the next attempt is evaluated.
    #[error("too many attempts; try again in {0} seconds")]
    TooMany(u64),
    /// For how many seconds all hash threads have work.
    #[error("too many logins at once; try again in {0} seconds")]
    Busy(u64),
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// A full queue is worked off in about this time.
const BUSY_SECONDS: u64 = 5;

impl From<HashError> for Trouble {
    fn from(err: HashError) -> Self {
        match err {
            HashError::Busy => Self::Busy(BUSY_SECONDS),
            HashError::Failed(failure) => failure.into(),
        }
    }
}
