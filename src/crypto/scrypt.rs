//! Our own password hashes, which are scrypt (RFC 7914).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use scrypt::password_hash::phc::PasswordHash;
use scrypt::password_hash::{CustomizedPasswordHasher, PasswordVerifier};
use scrypt::{Params, Scrypt};
use subtle::ConstantTimeEq;

use super::cost::Cost;
use crate::failure::Failure;

impl Cost {
    /// How long a hash of this cost takes one thread of this machine: the better of two, because a
    /// server has its memory at hand after the first one.
    pub fn measure(self) -> Result<Duration, Failure> {
        let time = || {
            let started = Instant::now();
            derive(self, b"password", &[0; 16])
                .ok_or_else(|| Failure::new("measuring a hash", out_of_bounds(self)))?;
            Ok(started.elapsed())
        };
        Ok(time()?.min(time()?))
    }

    fn params(self) -> Option<Params> {
        let params = Params::new(self.ln, self.r, self.p).ok();
        params.filter(|_| self.is_bounded())
    }
}

pub(super) fn out_of_bounds(cost: Cost) -> String {
    format!("{cost} is out of bounds")
}

/// A stored hash whose cost is one that we compute.
#[derive(Clone)]
pub(super) struct OwnHash {
    phc: Arc<PasswordHash>,
    pub(super) cost: Cost,
}

impl OwnHash {
    pub(super) fn parse(stored: &str) -> Option<Self> {
        let phc = PasswordHash::new(stored).ok()?;
        if phc.algorithm.as_str() != "scrypt" || phc.salt.is_none() || phc.hash.is_none() {
            return None;
        }
        let params = Params::try_from(&phc).ok()?;
        let cost = Cost {
            ln: params.log_n(),
            r: params.r(),
            p: params.p(),
        };
        cost.params().is_some().then(|| Self {
            phc: Arc::new(phc),
            cost,
        })
    }

    /// A new hash.
    pub(super) fn make(cost: Cost, password: &[u8], salt: &[u8]) -> Result<Self, Failure> {
        let doing = "hashing a password";
        let params = cost.params();
        let params = params.ok_or_else(|| Failure::new(doing, out_of_bounds(cost)))?;
        Scrypt::new()
            .hash_password_customized(password, salt, None, None, params)
            .map(|phc| Self {
                phc: Arc::new(phc),
                cost,
            })
            .map_err(|err| Failure::new(doing, err.to_string()))
    }

    /// What it would be if it were of `password`; none if that cannot be computed.
    pub(super) fn of(&self, password: &[u8]) -> Option<Self> {
        let params = Params::try_from(&*self.phc).ok()?;
        let phc = Scrypt::new()
            .hash_password_customized(password, self.salt(), None, None, params)
            .ok()?;
        Some(Self {
            phc: Arc::new(phc),
            cost: self.cost,
        })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        Scrypt::new().verify_password(password, &*self.phc).is_ok()
    }

    pub(super) fn salt(&self) -> &[u8] {
        self.phc.salt.as_deref().unwrap_or_default()
    }

    /// Whether one password makes the same of both: salt, cost and length are equal.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let length = |it: &Self| it.phc.hash.map(|it| it.len());
        self.cost == other.cost && self.salt() == other.salt() && length(self) == length(other)
    }

    /// Whether two hashes that are alike are of the same password.
    pub(super) fn is_of_same_password(&self, other: &Self) -> bool {
        match (&self.phc.hash, &other.phc.hash) {
            (Some(one), Some(other)) => one.as_bytes().ct_eq(other.as_bytes()).into(),
            _ => false,
        }
    }
}

/// As a PHC string.
impl fmt::Display for OwnHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.phc.fmt(f)
    }
}

/// The 64 bytes that Django's scrypt makes of a password; None if the cost is out of bounds.
pub(super) fn derive(cost: Cost, password: &[u8], salt: &[u8]) -> Option<[u8; 64]> {
    let mut bytes = [0; 64];
    scrypt::scrypt(password, salt, &cost.params()?, &mut bytes).ok()?;
    Some(bytes)
}
