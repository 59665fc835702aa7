//! Who does something, and when.

use super::time::Timestamp;

/// Who does something: a client over HTTP, or an operator at the command line.
#[derive(Clone, Debug)]
pub struct Actor {
    /// `http`, or `cli:` and the operating system's user.
    pub name: String,
    /// The client's address, if there is one.
    pub address: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

impl Actor {
    /// The actor doing something now.
    #[must_use]
    pub fn at(&self, at: Timestamp) -> Stamp {
        Stamp {
            actor: self.clone(),
            at,
        }
    }
}

/// Who does something and when, as the audit trail notes it: every changing method of the store
/// takes one.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}
