//! Who mails come from, as `mail_from` names them.

use std::str::FromStr;

use lettre::Address;
use lettre::message::Mailbox;

use crate::domain::on_the_wire;

const NOBODY: &str = "it is neither an address nor a name with an address behind it, as in \
                      Name <name@example.org>";

/// An address, perhaps with a name. The name may hold any character: quotes around it may be left out.
#[derive(Clone, Debug)]
pub struct Sender(pub(super) Mailbox);

impl Sender {
    pub(crate) fn is_of_localhost(&self) -> bool {
        self.0.email.domain() == "localhost"
    }
}

impl FromStr for Sender {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let raw = raw.trim();
        let (name, address) = match raw.strip_suffix('>') {
            Some(named) => named.rsplit_once('<').ok_or(NOBODY)?,
            None => ("", raw),
        };
        let address = on_the_wire(address.trim());
        if !address.is_ascii() {
            return Err("mail servers take only ASCII before the @");
        }
        let address: Address = address.parse().map_err(|_| NOBODY)?;
        let name = unquoted(name.trim());
        if name.contains(['<', '>']) || name.contains(char::is_control) {
            return Err("it names more than one sender");
        }
        Ok(Self(Mailbox::new(
            Some(name).filter(|it| !it.is_empty()),
            address,
        )))
    }
}

/// A quoted string (RFC 5322, section 3.2.4) as it is read.
fn unquoted(name: &str) -> String {
    let inner = name.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let Some(inner) = inner else {
        return name.to_owned();
    };
    let mut escaped = false;
    let is_read = |c: &char| {
        escaped = *c == '\\' && !escaped;
        !escaped
    };
    inner.chars().filter(is_read).collect()
}
