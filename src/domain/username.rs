//! A user name: parse, and the canonical form that makes it unique.

use std::fmt;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};

use super::email::Email;
use super::invalid::Rule;
use super::reserved_names::is_reserved;
use super::text::{canonical, check_text, nfc};

/// As in Django's user model, whose rows are imported.
const MAX_LENGTH: usize = 150;

/// ASCII that is neither letter nor digit and that anybody may choose.
const MARKS: &str = "@.+-_";

/// As above, and what else may stand in an e-mail address (RFC 5322, `atext`), because a blank user name
/// becomes the address.
const ASCII_MARKS: &str = "@.+-_!#$%&'*/=?^`{|}~";

/// The name that somebody chose: letters, marks and digits of any script and a little ASCII
/// punctuation; no spaces, no invisible characters (in the spirit of RFC 8265, `UsernameCaseMapped`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    shown: String,
    canonical: String,
}

impl Username {
    /// Reads a name. White space around it is no part of it.
    pub fn parse(raw: &str) -> Result<Self, Rule> {
        let raw = raw.trim();
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
        let raw = raw.trim();
        match Self::parse(raw) {
            Err(Rule::UsernameCharacters) if !raw.chars().any(char::is_control) => {
                Ok(Self::stored(nfc(raw).into_owned()))
            }
            parsed => parsed,
        }
    }

    /// Reads a name that somebody typed to be found by. What may be chosen today is no question
    /// here: other services gave names that may not.
    pub fn typed(raw: &str) -> Option<Self> {
        let raw = raw.trim();
        let is_name = !raw.is_empty() && check_text(raw, MAX_LENGTH).is_ok();
        is_name.then(|| Self::stored(nfc(raw).into_owned()))
    }

    /// Restores a name that was parsed before it was stored.
    pub fn stored(shown: String) -> Self {
        Self {
            canonical: canonical(&shown),
            shown,
        }
    }

    /// What nobody may choose whose address is `own`: a number, signs alone, and other people's
    /// addresses.
    pub fn check_chosen(&self, own: &Email) -> Result<(), Rule> {
        if self.is_address(own) {
            return Ok(());
        }
        let is_plain = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || MARKS.contains(c);
        // The canonical form too: it may have ASCII where the name has letters of full width.
        if !(self.shown.chars().all(is_plain) && self.canonical.chars().all(is_plain)) {
            return Err(Rule::UsernameCharacters);
        }
        if self.canonical.contains('@') {
            return Err(Rule::UsernameForeignEmail);
        }
        // `-` is standard input on the command line, and `+1` a number.
        let core = self.canonical.trim_matches(|c| MARKS.contains(c));
        if core.chars().all(char::is_numeric) {
            return Err(Rule::UsernameDigits);
        }
        Ok(())
    }

    /// Whether it is taken for a number on the command line. Digits of other scripts are not.
    pub fn is_number(&self) -> bool {
        is_number(&self.shown)
    }

    /// What a stranger may not call themselves: official-looking names.
    pub fn check_for_stranger(&self) -> Result<(), Rule> {
        if is_reserved(&self.canonical) {
            return Err(Rule::UsernameReserved);
        }
        Ok(())
    }

    /// A name with an `@` reads like an address, and has to be the account's own: else its owner
    /// would be taken for somebody else, and somebody else could not have it.
    pub fn may_be_of(&self, own: &Email) -> bool {
        // The canonical form too: a name of full-width letters reads like an address.
        !self.canonical.contains('@') || self.is_address(own)
    }

    /// Whether the name is this address, in some spelling.
    pub fn is_address(&self, email: &Email) -> bool {
        self.to_address()
            .is_some_and(|it| it.canonical() == email.canonical())
    }

    /// The address that the name is, if it is one.
    pub(super) fn to_address(&self) -> Option<Email> {
        let spellings = [&self.shown, &self.canonical];
        spellings.into_iter().find_map(|it| Email::parse(it).ok())
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

/// Whether what somebody typed on the command line is the number of a user.
pub(super) fn is_number(typed: &str) -> bool {
    !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_digit())
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
