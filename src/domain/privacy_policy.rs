//! Versions of the privacy policy, and what people say to them.

use super::invalid::Rule;
use super::text::check_text;
use super::time::Timestamp;
use super::user::UserId;
use super::web_url::WebUrl;

/// As in Django's policy model, whose rows are imported.
const LONGEST_VERSION: usize = 20;
/// Long enough for any address that people click.
const LONGEST_URL: usize = 2000;

/// A published version of the privacy policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub id: i64,
    /// Unique.
    pub version: String,
    /// Where people read it.
    pub url: String,
    /// The latest one counts.
    pub published_at: Timestamp,
}

impl Policy {
    pub fn check_version(version: &str) -> Result<(), Rule> {
        if version.trim().is_empty() {
            return Err(Rule::Blank);
        }
        check_text(version, LONGEST_VERSION)
    }

    pub fn check_url(url: &str) -> Result<(), Rule> {
        WebUrl::parse(url)?;
        check_text(url, LONGEST_URL)
    }

    /// The rule for an address that was published before: a version must be able to move along even
    /// if its address would not be taken today.
    pub fn check_published_url(url: &str) -> Result<(), Rule> {
        WebUrl::behind_scheme(url)?;
        check_text(url, LONGEST_URL)
    }
}

/// What a user said to a version of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub id: i64,
    pub user: UserId,
    pub policy: Policy,
    /// False if the user refused.
    pub is_given: bool,
    /// When the user said so last.
    pub given_at: Timestamp,
    /// The client's network address, if known.
    pub address: Option<String>,
}

/// What a user has said to the latest policy, as login and check-auth-status report it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// The latest version, if any has been published.
    pub latest: Option<String>,
    /// Whether the user agreed to that one.
    pub is_given: bool,
}

impl Agreement {
    /// Whether nothing is left to agree to.
    pub fn is_settled(&self) -> bool {
        self.latest.is_none() || self.is_given
    }
}
