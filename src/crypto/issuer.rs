//! Who tokens are from: the claim `iss`.

use std::str::FromStr;

use crate::domain::WebUrl;

/// What versions before the setting `issuer` wrote. Their sessions live on.
const BEFORE: &str = "minisass-auth";

/// Every token carries it.
const LONGEST: usize = 200;

/// A name that the operator chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerName(String);

impl FromStr for IssuerName {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if raw.trim() != raw || raw.is_empty() {
            return Err("it must not be empty, nor begin or end with a space");
        }
        if raw.chars().any(char::is_control) {
            return Err("it must be one line without control characters");
        }
        if raw.chars().count() > LONGEST {
            return Err("it must have 200 characters at most");
        }
        Ok(Self(raw.to_owned()))
    }
}

/// Whose tokens are ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    name: String,
    /// Whether the name comes from the address that the server happens to listen at.
    is_made_up: bool,
}

impl Issuer {
    /// What the operator set.
    #[must_use]
    pub fn set(name: IssuerName) -> Self {
        Self {
            name: name.0,
            is_made_up: false,
        }
    }

    /// The address that people open.
    #[must_use]
    pub fn of_url(url: &WebUrl) -> Self {
        Self {
            name: url.to_string(),
            is_made_up: false,
        }
    }

    /// An address of this machine that nobody set. The port may be another after each start, so it
    /// says nothing about who issued a token.
    #[must_use]
    pub fn of_loopback(url: &WebUrl) -> Self {
        Self {
            is_made_up: true,
            ..Self::of_url(url)
        }
    }

    /// What new tokens say.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn is_made_up(&self) -> bool {
        self.is_made_up
    }

    /// Whether a token that says so is ours.
    #[must_use]
    pub fn accepts(&self, iss: &str) -> bool {
        let is_of_this_machine = || {
            let url = WebUrl::base(iss);
            url.is_ok_and(|it| it.is_loopback() && !it.is_https())
        };
        iss == self.name || iss == BEFORE || self.is_made_up && is_of_this_machine()
    }
}
