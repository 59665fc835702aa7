//! The tokens that SimpleJWT had blacklisted, in a dump of Django: one model has the tokens, another
//! one says which of them ended.

use anyhow::anyhow;
use serde::{Deserialize, Serialize};

use super::unshown::quoted;
use crate::crypto::sha256;
use crate::domain::{SessionId, Timestamp};
use crate::store::imported_tokens::RefusedToken;
use crate::store::transfer::Scratch;

/// A token that SimpleJWT issued.
#[derive(Serialize, Deserialize)]
pub(super) struct Issued {
    pub(super) jti: String,
    pub(super) expires_at: String,
}

/// Rows come in any order, so the tokens are put aside until all are known.
pub(super) struct Blacklist {
    /// By the number of the row.
    issued: Scratch,
    /// The numbers of those that ended.
    ended: Vec<String>,
    without_token: usize,
}

impl Blacklist {
    pub(super) fn new(issued: Scratch) -> Self {
        Self {
            issued,
            ended: Vec::new(),
            without_token: 0,
        }
    }

    pub(super) fn issue(&mut self, number: &str, token: &Issued) -> anyhow::Result<()> {
        let text = serde_json::to_string(token)?;
        Ok(self.issued.keep(number, &text)?)
    }

    pub(super) fn end(&mut self, number: String) {
        self.ended.push(number);
    }

    /// Whether none ended.
    pub(super) fn is_empty(&self) -> bool {
        self.ended.is_empty()
    }

    /// How many ended whose token the dump does not have.
    pub(super) fn without_token(&self) -> usize {
        self.without_token
    }

    /// Those that would still be good without the blacklist.
    pub(super) fn refused(&mut self, now: Timestamp) -> anyhow::Result<Vec<RefusedToken>> {
        let mut refused = Vec::new();
        for number in std::mem::take(&mut self.ended) {
            let Some(text) = self.issued.of(&number)?.pop() else {
                self.without_token += 1;
                continue;
            };
            let token: Issued = serde_json::from_str(&text)?;
            let expires_at = Timestamp::parse(&token.expires_at)
                .ok_or_else(|| anyhow!("expires_at: {} is no time", quoted(&token.expires_at)))?;
            if expires_at > now {
                let digest = sha256(token.jti.as_bytes());
                refused.push(RefusedToken {
                    digest: SessionId::of_imported(expires_at, digest).tail(),
                    expires_at,
                });
            }
        }
        Ok(refused)
    }
}
