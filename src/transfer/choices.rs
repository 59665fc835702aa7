//! What is done with users who cannot come over as they are, because an address is missing or what
//! must be unique is taken: what the operator chose.

use crate::crypto::sha256;
use crate::domain::{Email, Rule, UserId, Username, hexadecimal};
use crate::store::transfer::Record;

/// Names below it lead nowhere (RFC 2606): what is sent there reaches nobody, a stranger least of all.
const NOWHERE: &str = "invalid";

/// How many suffixes are tried for a user without a number.
const SUFFIXES: usize = 99;

/// As many characters as a user name has at most.
const LONGEST_NAME: usize = 150;

/// What happens to users without an address that mail can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBlankEmail {
    /// They are left out.
    Skip,
    /// They get an address that leads nowhere.
    Placeholder,
}

/// What happens to users whose name or address belongs to somebody else here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    /// They are left out.
    Skip,
    /// Theirs gets a suffix.
    Suffix,
}

/// The address of a user is missing, or is none that mail can be sent to.
#[derive(Debug, thiserror::Error)]
#[error("email: {0}")]
pub(super) struct NoAddress(pub(super) Rule);

/// An address for somebody who has none. The same user gets the same one again.
pub(super) fn placeholder(id: Option<i64>, username: &str) -> Result<Email, Rule> {
    let key = match id {
        Some(id) => id.to_string(),
        None => {
            let name = Username::stored(username.to_owned());
            let digest = sha256(name.canonical().as_bytes());
            hexadecimal(&digest[..8])
        }
    };
    Email::parse(&format!("user-{key}@no-address.{NOWHERE}"))
}

/// Whether an address was made here, so that no mail is to be sent to it.
pub fn leads_nowhere(email: &Email) -> bool {
    email.canonical().rsplit('.').next() == Some(NOWHERE)
}

/// What to try, one after the other, for somebody whose name or address is taken: another name, the
/// name and another address, both. Always in the same order, so that whoever came over so is found
/// again.
pub(super) fn instead(record: &Record, attempt: usize) -> Option<Record> {
    let (round, step) = (attempt / 3, attempt % 3);
    let suffix = match record.id {
        Some(UserId(id)) if round == 0 => id.to_string(),
        None if round < SUFFIXES => (round + 2).to_string(),
        _ => return None,
    };
    let mut other = record.clone();
    let is_address = record.username.canonical().contains('@');
    if step > 0 || is_address {
        let email = format!("{}.{suffix}.{NOWHERE}", record.email);
        let email = Email::parse(&email);
        let id = record.id.map(|it| it.0);
        let email = email.or_else(|_| placeholder(id, record.username.as_str()));
        other.email = email.ok()?;
    }
    if is_address {
        other.username = Username::parse_given(other.email.as_str()).ok()?;
    } else if step != 1 {
        let room = LONGEST_NAME.saturating_sub(suffix.len() + 1);
        let name: String = record.username.as_str().chars().take(room).collect();
        other.username = Username::parse_given(&format!("{name}-{suffix}")).ok()?;
    }
    Some(other)
}
