//! Where the audit trail begins, once its oldest rows have gone. A row of the trail says so, with the
//! digest that the chain goes on from: so what is left can be verified, and whoever removes more, or
//! says that it begins later, shows.

use std::fmt;

use super::sql::{Result, Sql, values};
use crate::domain::hexadecimal;

pub(super) type Digest = [u8; 32];

/// What stands before the first row.
pub(super) const START: Digest = [0; 32];

/// The last row that has gone, or is to go.
pub(super) struct Start {
    pub(super) id: i64,
    pub(super) digest: Digest,
}

impl Start {
    pub(super) fn find(sql: &mut dyn Sql) -> Result<Self> {
        // A literal: the partial index does not serve a parameter.
        let noted: Option<String> = sql.one(
            "SELECT detail FROM audit WHERE action = 'audit.prune' ORDER BY id DESC LIMIT 1",
            values![],
            |row| row.get(0),
        )?;
        // What cannot be read was not written here: the trail is then broken at its first row.
        Ok(noted.and_then(|it| Self::parse(&it)).unwrap_or(Self {
            id: 0,
            digest: START,
        }))
    }

    fn parse(detail: &str) -> Option<Self> {
        let (id, hex) = detail.strip_prefix("to ")?.split_once(", digest ")?;
        let (id, mut digest) = (id.parse().ok()?, START);
        for (byte, at) in digest.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self { id, digest })
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {}, digest {}", self.id, hexadecimal(&self.digest))
    }
}
