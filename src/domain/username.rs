//! A user name: parse, and the canonical form that makes it unique.

use std::fmt;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};

use super::email::Email;
use super::invalid::Rule;
use super::text::{canonical, check_text, nfc};

/// As in Django's user model, whose rows are imported.
const MAX_LENGTH: usize = 150;

/// ASCII that is neither letter nor digit but may stand in an e-mail address (RFC 5322, `atext`),
/// because a blank user name becomes the address.
const ASCII_MARKS: &str = "@.+-_!#$%&'*/=?^`{|}~";

/// Names that people would take for the operator's. Mailbox names of RFC 2142, and a few more.
const RESERVED: &[&str] = &[
    "abuse",
    "admin",
    "administrator",
    "anonymous",
    "hostmaster",
    "info",
    "mailer-daemon",
    "minisass",
    "moderator",
    "noc",
    "noreply",
    "official",
    "postmaster",
    "root",
    "security",
    "staff",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "webmaster",
];

/// The name that somebody chose: letters, marks and digits of any script and a little ASCII
/// punctuation; no spaces, no invisible characters (in the spirit of RFC 8265, `UsernameCaseMapped`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    shown: String,
    canonical: String,
}

impl Username {
    pub fn parse(raw: &str) -> Result<Self, Rule> {
        if raw.is_empty() {
            return Err(Rule::Blank);
        }
        check_text(raw, MAX_LENGTH)?;
        let name = Self::stored(nfc(raw).into_owned());
        if name.shown.chars().all(may_stand) && name.canonical.chars().all(may_stand) {
            Ok(name)
        } else {
            Err(Rule::UsernameCharacters)
        }
    }

    /// Reads a name that another service gave. It may hold a space and other characters that
    /// [`Self::parse`] refuses, so that nobody loses their account.
    pub fn parse_given(raw: &str) -> Result<Self, Rule> {
        match Self::parse(raw) {
            Err(Rule::UsernameCharacters) if !raw.chars().any(char::is_control) => {
                Ok(Self::stored(nfc(raw).into_owned()))
            }
            parsed => parsed,
        }
    }

    /// Restores a name that was parsed before it was stored.
    pub fn stored(shown: String) -> Self {
        Self {
            canonical: canonical(&shown),
            shown,
        }
    }

    /// What a stranger may not call themselves: official-looking names, and other people's addresses.
    pub fn check_for_stranger(&self, own: &Email) -> Result<(), Rule> {
        if RESERVED.contains(&self.canonical.as_str()) {
            return Err(Rule::UsernameReserved);
        }
        // The canonical form too: a name of full-width letters reads like an address and would keep
        // its owner from having it as a user name.
        let addresses = [&self.shown, &self.canonical].map(|it| Email::parse(it).ok());
        let is_own = |it: &Email| it.canonical() == own.canonical();
        let mut addresses = addresses.iter().flatten().peekable();
        if addresses.peek().is_some() && !addresses.any(is_own) {
            return Err(Rule::UsernameForeignEmail);
        }
        Ok(())
    }

    /// As its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Equal for names that are the same to the eye of this service.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

fn may_stand(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || ASCII_MARKS.contains(c);
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let visible = !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c);
    let word = GeneralCategoryGroup::Letter.contains(category)
        || GeneralCategoryGroup::Mark.contains(category)
        || category == GeneralCategory::DecimalNumber;
    visible && word
}
