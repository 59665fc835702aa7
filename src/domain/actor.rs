//! Who does something, and when.

use std::borrow::Cow;
use std::net::IpAddr;

use super::time::Timestamp;

/// Who does something: a client over HTTP, or an operator at the command line.
#[derive(Clone, Debug)]
pub struct Actor {
    /// `http`, or `cli:` and the operating system's user.
    pub name: Cow<'static, str>,
    /// The client's network address, if there is one.
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
}

impl Actor {
    /// The server, in what it does by itself.
    pub fn server() -> Self {
        Self {
            name: "serve".into(),
            address: None,
            user_agent: None,
        }
    }

    pub fn at(&self, at: Timestamp) -> Stamp {
        Stamp {
            actor: self.clone(),
            at,
        }
    }
}

/// Who does something and when, for the audit trail.
#[derive(Clone, Debug)]
pub struct Stamp {
    pub actor: Actor,
    pub at: Timestamp,
}
