//! Passwords: chosen (the rules apply) or attempted (they do not).

use std::fmt;

use zeroize::Zeroizing;

use super::invalid::Rule;
use super::text::{canonical, nfc};

/// More than anyone types, and little enough to hash at once.
const MAX_LENGTH: usize = 128;

/// The number of passwords in zxcvbn's list of common ones. A listed password needs at most this
/// many guesses, the list being in order of frequency (and one more, for the estimate's rounding).
const LISTED: u64 = 30_001;

/// The longest password of that list has 20 characters; nothing longer can be in it.
const LONGEST_LISTED: usize = 20;

/// The shortest name that a password is compared with: "li" in "li2026" says nothing.
const SHORTEST_NAME: usize = 3;

/// What a chosen password must meet (NIST SP 800-63B-4, section 3.1.1.2).
#[derive(Clone, Copy, Debug)]
pub struct PasswordRules {
    /// Characters (Unicode code points after NFC); never below 8.
    pub min_length: usize,
}

/// A password, wiped from memory when dropped. It cannot print itself.
#[derive(Clone)]
pub struct Password {
    nfc: Zeroizing<String>,
    /// As it was typed, if that is not NFC.
    typed: Option<Zeroizing<String>>,
}

impl Password {
    /// A password somebody typed to log in: old accounts may predate today's rules.
    pub fn attempt(raw: &str) -> Self {
        let normal = Zeroizing::new(nfc(raw).into_owned());
        let is_normal = *normal == raw;
        Self {
            nfc: normal,
            typed: (!is_normal).then(|| Zeroizing::new(raw.to_owned())),
        }
    }

    /// A password somebody chose for an account that goes by `names`.
    pub fn choose(raw: &str, rules: PasswordRules, names: &[&str]) -> Result<Self, Rule> {
        let password = Self::attempt(raw);
        password.check(rules, names)?;
        Ok(password)
    }

    /// Whether this password could be chosen today.
    pub fn check(&self, rules: PasswordRules, names: &[&str]) -> Result<(), Rule> {
        let length = self.nfc.chars().count();
        if length == 0 {
            return Err(Rule::Blank);
        }
        if self.nfc.contains('\0') {
            return Err(Rule::NullCharacter);
        }
        if length < rules.min_length {
            return Err(Rule::PasswordTooShort(rules.min_length));
        }
        if length > MAX_LENGTH {
            return Err(Rule::TooLong(MAX_LENGTH));
        }
        if self.is_personal(names) {
            return Err(Rule::PasswordPersonal);
        }
        if self.is_common() {
            return Err(Rule::PasswordCommon);
        }
        Ok(())
    }

    /// The bytes to hash, in NFC.
    pub fn as_bytes(&self) -> &[u8] {
        self.nfc.as_bytes()
    }

    /// What another service may have hashed, which did not normalise: the bytes as they were typed,
    /// then in NFC if that is something else.
    pub fn spellings(&self) -> impl Iterator<Item = &[u8]> {
        let typed = self.typed.iter().map(|it| it.as_bytes());
        typed.chain([self.as_bytes()])
    }

    /// The product's name or one of `names`, alone or with digits behind it.
    fn is_personal(&self, names: &[&str]) -> bool {
        let whole = Zeroizing::new(canonical(&self.nfc));
        let bare = whole.trim_end_matches(char::is_numeric);
        names
            .iter()
            .chain(&["minisass"])
            .map(|name| canonical(name))
            .filter(|name| name.chars().count() >= SHORTEST_NAME)
            .any(|name| {
                *whole == name
                    || bare == name.trim_end_matches(char::is_numeric) && !bare.is_empty()
            })
    }

    /// zxcvbn knows ASCII; of other scripts its estimate says nothing.
    fn is_common(&self) -> bool {
        self.nfc.is_ascii()
            && self.nfc.len() <= LONGEST_LISTED
            && zxcvbn::zxcvbn(&self.nfc, &[]).guesses() <= LISTED
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
