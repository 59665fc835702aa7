//! What is asked when accounts move in from another service, or out.

use super::pending::Pending;
use super::sqlite::spool::Spool;
use crate::domain::Stamp;
use crate::domain::{Email, Profile, Timestamp, UserId, Username};
use crate::failure::Failure;

/// An account with all that moves with it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The number to keep; none for the next free one.
    pub id: Option<UserId>,
    /// Unique in its canonical form.
    pub username: Username,
    /// Unique in its canonical form.
    pub email: Email,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// Whether the user may log in.
    pub is_active: bool,
    /// Whether the user is staff.
    pub is_staff: bool,
    /// Inactive only until the mailed link is used.
    pub awaits_confirmation: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When a session was last opened.
    pub last_login_at: Option<Timestamp>,
    /// When the owner of the address last proved to be one.
    pub email_confirmed_at: Option<Timestamp>,
    /// Kept beside the account.
    pub profile: Profile,
    /// What the user said to which version of the policy, the earliest version first.
    pub consents: Vec<RecordedConsent>,
    /// Of any kind that a login can check; none if no password can log in.
    pub password_hash: Option<String>,
    /// The earlier ones, the oldest first.
    pub password_history: Vec<EarlierPassword>,
}

/// What a user said to a version of the privacy policy.
#[derive(Clone, Debug)]
pub struct RecordedConsent {
    /// Must be published.
    pub version: String,
    /// Whether the user agreed.
    pub is_given: bool,
    /// When it was said last.
    pub given_at: Timestamp,
    /// From where, if that is known.
    pub address: Option<String>,
}

/// A password that counts no more.
#[derive(Clone, Debug)]
pub struct EarlierPassword {
    /// Its hash.
    pub password_hash: String,
    /// When it was replaced.
    pub created_at: Timestamp,
}

/// A version of the privacy policy that moves along.
#[derive(Clone, Debug)]
pub struct RecordedPolicy {
    /// Unique.
    pub version: String,
    /// Where it can be read; empty if nowhere.
    pub url: String,
    /// The latest one counts.
    pub published_at: Timestamp,
}

/// Accounts to add together.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// Versions to publish first; those that are there already stay as they are.
    pub policies: Vec<RecordedPolicy>,
    /// The accounts.
    pub users: Vec<Record>,
    /// Whether the others are added if one cannot be; else nothing is.
    pub skip_clashes: bool,
    /// Whether to undo everything at the end.
    pub dry_run: bool,
}

/// What became of an account that was to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was added, unless the whole transaction was undone.
    Added,
    /// The user with this number, name and address is there already and stays as it is.
    Present,
    /// Another user has its number, name or address.
    Clash {
        /// Which of them.
        with: &'static str,
        /// Who has it.
        owner: UserId,
    },
    /// It says something to a version of the policy that is not published.
    NoSuchPolicy(String),
}

/// Moving in and out.
pub trait Transfer {
    /// Adds batches of accounts in one transaction, one after the other and each by itself. Says for
    /// each account what became of it, in their order.
    fn import(&self, batches: Vec<Import>, actor: Stamp) -> Pending<Vec<Vec<Fate>>>;
    /// A place for what is known of accounts before they can be added.
    ///
    /// # Errors
    /// If it cannot be made.
    fn spool(&self) -> Result<Spool, Failure>;
    /// At most `limit` accounts with a number above `after`, in the order of their numbers.
    fn export(&self, after: UserId, limit: usize) -> Pending<Vec<Record>>;
}
