//! The kinds of mail, and what becomes of mails.

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
    PasswordChanged,
    /// What somebody wrote into the contact form.
    Contact,
}

impl MailKind {
    pub const ALL: [Self; 7] = [
        Self::Activation,
        Self::PasswordReset,
        Self::Invitation,
        Self::AddressChange,
        Self::AddressNotice,
        Self::PasswordChanged,
        Self::Contact,
    ];

    /// Whether it is there for the sake of a link.
    pub fn has_link(self) -> bool {
        match self {
            Self::Activation | Self::PasswordReset | Self::Invitation | Self::AddressChange => true,
            Self::AddressNotice | Self::PasswordChanged | Self::Contact => false,
        }
    }

    /// The names of what a mail of this kind says beside its link; whoever queues it gives the values.
    pub fn details(self) -> &'static [&'static str] {
        match self {
            Self::AddressNotice => &["email"],
            Self::Contact => &["name", "email", "phone", "message"],
            _ => &[],
        }
    }

    /// The name that is stored and shown.
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

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What has become of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailState {
    /// It waits for its first attempt or for the next one.
    Queued,
    /// The mail server took it, or it was written to a file.
    Sent,
    /// It was refused for good, or it was tried for too long.
    Failed,
    /// Its link stopped working before it could be sent.
    Expired,
}

impl MailState {
    pub const ALL: [Self; 4] = [Self::Queued, Self::Sent, Self::Failed, Self::Expired];

    /// The name that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}
