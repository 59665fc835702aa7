//! A value broke a rule: the sentence that people see.

/// A field, as the API names it, and the rule that its value broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct Invalid {
    pub field: &'static str,
    pub rule: Rule,
}

impl Invalid {
    pub fn new(field: &'static str, rule: Rule) -> Self {
        Self { field, rule }
    }
}

/// The rules. The first eight sentences are those of Django REST framework, which clients know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    #[error("This field is required.")]
    Required,
    #[error("This field may not be blank.")]
    Blank,
    #[error("This field may not be null.")]
    Null,
    #[error("Not a valid string.")]
    NotAString,
    #[error("Must be a valid boolean.")]
    NotABoolean,
    /// Many tools end a text at a NUL.
    #[error("Null characters are not allowed.")]
    NullCharacter,
    #[error("Ensure this field has no more than {0} characters.")]
    TooLong(usize),
    #[error("Enter a valid email address.")]
    NotAnEmail,
    #[error("Enter a valid URL, such as https://www.example.org/privacy.")]
    NotAUrl,
    #[error("This is not a valid choice. Choose one of {0}.")]
    NotAChoice(&'static str),
    #[error("Enter a valid username. It may contain letters, digits and @ . + - _, and no spaces.")]
    UsernameCharacters,
    #[error("A user with that username already exists.")]
    UsernameTaken,
    #[error("This username is reserved. Choose another one.")]
    UsernameReserved,
    #[error("A username with an @ must be the account's own email address.")]
    UsernameForeignEmail,
    #[error("A username needs a letter, so that it is not taken for a number or a sign.")]
    UsernameDigits,
    #[error("This password is too short. It must contain at least {0} characters.")]
    PasswordTooShort(usize),
    #[error(
        "This password is too common: it is among the first that are tried. Choose another one."
    )]
    PasswordCommon,
    /// It is the account's own name, address or organisation, or the product's name.
    #[error(
        "This password is too similar to your name, address or organisation. Choose another one."
    )]
    PasswordPersonal,
    #[error("This password has been used before. Please choose a new and unique password.")]
    PasswordUsed,
    #[error("Wrong old password")]
    PasswordWrong,
    /// At a registration.
    #[error("The two passwords are not the same.")]
    PasswordMismatch,
    /// When a password is changed or reset.
    #[error("Confirmed password is not same as new password.")]
    ConfirmationMismatch,
    #[error("This email is already registered.")]
    EmailTaken,
    #[error("Ensure there are no more than {0} additional fields.")]
    AdditionalFieldsTooMany(usize),
    #[error("Ensure the additional fields have no more than {0} bytes together.")]
    AdditionalFieldsTooLarge(usize),
}
