//! Users, and the ways to name one.

use std::fmt;

use super::email::{Email, ascii_host};
use super::invalid::Rule;
use super::mail::MailKind;
use super::text::{canonical, check_text};
use super::time::Timestamp;
use super::username::{Username, is_number};

/// As in Django's user model, whose rows are imported.
const LONGEST_NAME: usize = 150;

/// The number of a user. Never used twice, so that an old token cannot name a new user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(pub i64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    /// Unique in its canonical form.
    pub username: Username,
    /// Unique in its canonical form.
    pub email: Email,
    /// May be empty, as the last name may.
    pub first_name: String,
    pub last_name: String,
    /// An inactive user gets no token by any path.
    pub is_active: bool,
    /// Staff, which the API calls `is_admin`.
    pub is_staff: bool,
    pub created_at: Timestamp,
    /// When a session was last opened.
    pub last_login_at: Option<Timestamp>,
    /// When the owner of the address last proved to be one, by using a mailed link.
    pub email_confirmed_at: Option<Timestamp>,
    /// Inactive only until the mailed link is used.
    pub awaits_confirmation: bool,
}

impl User {
    /// Whether a mail of this kind, and the page that its link leads to, may use the user's name. The
    /// name was chosen by whoever registered: to an address that is not confirmed, which may be a
    /// stranger's, it could say anything.
    pub fn is_called_by_name(&self, mail: MailKind) -> bool {
        let is_confirmed = self.email_confirmed_at.is_some() && mail != MailKind::AddressChange;
        // Operators name whom they invite.
        is_confirmed || mail == MailKind::Invitation
    }

    /// The rules of a first or last name.
    pub fn check_name(name: &str) -> Result<(), Rule> {
        check_text(name, LONGEST_NAME)
    }
}

/// A way to name a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    Id(UserId),
    /// In any case.
    Username(Username),
    /// In any case.
    Email(Email),
}

impl UserRef {
    /// What somebody meant. What is an address in some spelling is that address and no user name:
    /// older accounts may have somebody else's address for a name, and must not be found by it. On
    /// the command line digits are a number and nothing else.
    pub fn candidates(typed: &str, with_numbers: bool) -> Vec<Self> {
        let typed = typed.trim();
        if with_numbers && is_number(typed) {
            let number = typed.parse().ok().map(|id| Self::Id(UserId(id)));
            return number.into_iter().collect();
        }
        let username = Username::typed(typed);
        let email = Email::parse(typed).ok();
        let email = email.or_else(|| username.as_ref()?.to_address());
        let meant = email.map(Self::Email).or(username.map(Self::Username));
        meant.into_iter().collect()
    }
}

/// How a part of a name or of an address is spelt in the forms that make those unique.
pub fn spellings_of_part(typed: &str) -> (String, String) {
    let typed = typed.trim();
    let name = canonical(typed);
    let (local, domain) = name.rsplit_once('@').unwrap_or(("", &name));
    // A piece of a domain that is no domain, or of what stands before the @, is itself.
    let domain = ascii_host(domain).filter(|it| !it.is_empty());
    let address = match domain {
        Some(domain) if name.contains('@') => format!("{local}@{domain}"),
        Some(domain) if !name.is_ascii() => domain,
        _ => name.clone(),
    };
    (name, address)
}

/// One form for all spellings of a name or an address, whether or not anybody has it. Whatever
/// leads to an account has the form of its user name or of its address.
pub fn spelling(typed: &str) -> String {
    let typed = typed.trim();
    let folded = canonical(typed);
    let email = [typed, &folded]
        .into_iter()
        .find_map(|it| Email::parse(it).ok());
    email.map_or(folded, |it| it.canonical().to_owned())
}
