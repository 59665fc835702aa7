//! The kinds of mail.

/// A kind of mail, which is also the purpose of the link that it carries, if it carries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// Confirms the address of a new account.
    Activation,
    /// Lets somebody choose a new password.
    PasswordReset,
    /// Lets somebody for whom the operator made an account choose its password.
    Invitation,
    /// Goes to a new address, which its link makes the account's own.
    AddressChange,
    /// Tells the old address that a new one is on its way or in its place.
    AddressNotice,
    /// Tells that the password was changed.
    PasswordChanged,
    /// What somebody wrote into the contact form.
    Contact,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Activation,
        Self::PasswordReset,
        Self::Invitation,
        Self::AddressChange,
        Self::AddressNotice,
        Self::PasswordChanged,
        Self::Contact,
    ];

    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activation => "activation",
            Self::PasswordReset => "password-reset",
            Self::Invitation => "invitation",
            Self::AddressChange => "address-change",
            Self::AddressNotice => "address-notice",
            Self::PasswordChanged => "password-changed",
            Self::Contact => "contact",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
