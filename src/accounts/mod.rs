//! The use cases: what it means to log in, to register, to log out. HTTP and the command line call
//! the same functions. They are `async` only to wait for a hash or a commit: no runtime is needed,
//! and nothing here blocks a thread.

mod adopted;
mod confirm;
mod contact;
mod issue;
mod links;
mod login;
mod lookup;
mod mails;
mod manage;
mod outbox;
mod own;
mod password;
mod policy;
mod register;
mod reset;
mod session;
mod sessions;
mod transfer;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

pub use crate::crypto::{KeyError, SigningKey};
pub use crate::store::{AuditEntry, BackedUp, Chain, DatabaseStatus, SeenSession};
pub use confirm::ConfirmError;
pub use contact::ContactMessage;
pub use issue::{NewToken, Tokens};
pub use login::{LoggedIn, LoginError};
pub use lookup::LookupError;
pub use mails::MailError;
pub use manage::{ManageError, UserQuery, UserUpdate};
pub use own::{OwnAccount, OwnChange, OwnData, OwnError};
pub use policy::PolicyError;
pub use register::{RegisterError, Registrar, Registration};
pub use reset::ResetError;
pub use session::{BearerError, RefreshError, Refreshed, Status, TokenPair};
pub use sessions::{SessionError, TokenReport};
pub use upkeep::AuditQuery;

use crate::clock::Clock;
use crate::crypto::{HashError, Hasher, LinkKey, Random, Signer};
use crate::domain::{Email, PasswordRules, Timestamp};
use crate::failure::Failure;
use crate::mail::Mailer;
use crate::store::{Actor, Store};

/// What the use cases work with. Put together in one place, `cli/config.rs`.
pub struct Parts {
    /// The database.
    pub store: Box<dyn Store>,
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

/// The use cases. Cloning is cheap.
#[derive(Clone)]
pub struct Accounts(Arc<Parts>);

impl Accounts {
    /// The use cases over these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// What the operator decided.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Whether writes reach the disk.
    ///
    /// # Errors
    /// If they do not.
    pub async fn check_writable(&self) -> Result<(), Failure> {
        self.0.store.check_writable().await
    }

    /// Finishes what was asked for and closes the database.
    pub fn close(&self) {
        self.0.store.close();
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// `http`, or `cli:` and the operating system's user.
    pub name: String,
    /// The client's address, if there is one.
    pub address: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

impl Caller {
    fn at(&self, now: Timestamp) -> Actor {
        Actor {
            name: self.name.clone(),
            address: self.address.clone(),
            at: now,
        }
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
