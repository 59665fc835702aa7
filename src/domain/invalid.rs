//! A value broke a rule: the sentence that people see.

use std::fmt;

/// A field and the rule that its value broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct Invalid {
    /// The field as the API names it.
    pub field: &'static str,
    /// What it broke.
    pub rule: Rule,
}

impl Invalid {
    /// `rule` was broken by `field`.
    #[must_use]
    pub fn new(field: &'static str, rule: Rule) -> Self {
        Self { field, rule }
    }
}

/// The rules. The first eight sentences are those of Django REST framework, which clients know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The field is absent.
    Required,
    /// The field is empty.
    Blank,
    /// The field is `null`.
    Null,
    /// The field is not text.
    NotAString,
    /// The field is neither true nor false.
    NotABoolean,
    /// The text has a NUL, which many tools end a text at.
    NullCharacter,
    /// More than so many characters.
    TooLong(usize),
    /// Not an address that mail can be sent to.
    NotAnEmail,
    /// Not the address of a page.
    NotAUrl,
    /// None of the values there are.
    NotAChoice(&'static str),
    /// A user name may not have this character.
    UsernameCharacters,
    /// Somebody has this user name.
    UsernameTaken,
    /// A user name that looks official.
    UsernameReserved,
    /// A user name that is somebody else's address.
    UsernameForeignEmail,
    /// Fewer than so many characters.
    PasswordTooShort(usize),
    /// Among the first that an attacker tries.
    PasswordCommon,
    /// The account's own name, address or organisation, or the product's name.
    PasswordPersonal,
    /// One of the passwords that the account had.
    PasswordUsed,
    /// Not the password of the account.
    PasswordWrong,
    /// The two passwords differ.
    PasswordMismatch,
    /// The two new passwords differ.
    ConfirmationMismatch,
    /// Somebody has this address.
    EmailTaken,
    /// More extra fields than are kept.
    AdditionalFieldsTooMany(usize),
    /// Extra fields of more than so many bytes together.
    AdditionalFieldsTooLarge(usize),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("This field is required."),
            Self::Blank => f.write_str("This field may not be blank."),
            Self::Null => f.write_str("This field may not be null."),
            Self::NotAString => f.write_str("Not a valid string."),
            Self::NotABoolean => f.write_str("Must be a valid boolean."),
            Self::NullCharacter => f.write_str("Null characters are not allowed."),
            Self::TooLong(most) => write!(f, "Ensure this field has no more than {most} characters."),
            Self::NotAnEmail => f.write_str("Enter a valid email address."),
            Self::NotAUrl => f.write_str("Enter a valid URL, such as https://www.example.org/privacy."),
            Self::NotAChoice(choices) => write!(f, "This is not a valid choice. Choose one of {choices}."),
            Self::UsernameCharacters => f.write_str(
                "Enter a valid username. It may contain letters, digits and @ . + - _, and no spaces.",
            ),
            Self::UsernameTaken => f.write_str("A user with that username already exists."),
            Self::UsernameReserved => f.write_str("This username is reserved. Choose another one."),
            Self::UsernameForeignEmail => {
                f.write_str("A username that is an email address must be the account's own.")
            }
            Self::PasswordTooShort(least) => {
                write!(f, "This password is too short. It must contain at least {least} characters.")
            }
            Self::PasswordCommon => f.write_str(
                "This password is too common: it is among the first that are tried. Choose another one.",
            ),
            Self::PasswordPersonal => f.write_str(
                "This password is too similar to your name, address or organisation. Choose another one.",
            ),
            Self::PasswordUsed => f.write_str(
                "This password has been used before. Please choose a new and unique password.",
            ),
            Self::PasswordWrong => f.write_str("Wrong old password"),
            Self::ConfirmationMismatch => {
                f.write_str("Confirmed password is not same as new password.")
            }
            Self::EmailTaken => f.write_str("This email is already registered."),
            Self::PasswordMismatch => f.write_str("The two passwords are not the same."),
            Self::AdditionalFieldsTooMany(most) => {
                write!(f, "Ensure there are no more than {most} additional fields.")
            }
            Self::AdditionalFieldsTooLarge(most) => {
                write!(f, "Ensure the additional fields have no more than {most} bytes together.")
            }
        }
    }
}
