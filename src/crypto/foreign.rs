//! Password hashes that Django made: computed as Django does, so that accounts which come from there
//! keep their passwords.

use std::num::NonZeroU32;
use std::str::FromStr;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2;
use subtle::ConstantTimeEq;

use super::cost::Cost;
use super::digest::sha256;
use super::scrypt;
use crate::domain::hexadecimal;

/// A stored hash that asks for more than this is not computed. Django 5.2 asks for 1 million
/// iterations of PBKDF2, 100 MiB of Argon2 in 2 passes, and a bcrypt cost of 12.
const MOST_ITERATIONS: u32 = 10_000_000;
const MOST_ARGON2_KIB: u32 = 1 << 20;
const MOST_ARGON2_PASSES: u32 = 64;
const MOST_ARGON2_LANES: u32 = 64;
const MOST_BCRYPT_COST: u32 = 16;

/// The version of Argon2 that did not write its number.
const FIRST_ARGON2: u32 = 0x10;

/// bcrypt reads no more of a password than this many bytes.
const BCRYPT_BYTES: usize = 72;

/// One of Django's hashes that may be computed.
pub(crate) enum Foreign {
    /// `pbkdf2_sha256$…`, `pbkdf2_sha1$…`
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        iterations: NonZeroU32,
        salt: String,
        hash: Vec<u8>,
    },
    /// `argon2$argon2id$…`
    Argon2(Box<PasswordHash>),
    /// `bcrypt_sha256$$2b$…`, and `bcrypt$$2b$…` without the SHA-256.
    Bcrypt { hash: String, with_sha256: bool },
    /// `scrypt$…`
    Scrypt {
        cost: Cost,
        salt: String,
        hash: Vec<u8>,
    },
}

impl Foreign {
    /// Reads a stored hash; none if its kind is unknown, or if it costs too much.
    pub(crate) fn parse(stored: &str) -> Option<Self> {
        let (kind, rest) = stored.split_once('$')?;
        match kind {
            "pbkdf2_sha256" => parse_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, 32, rest),
            "pbkdf2_sha1" => parse_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, 20, rest),
            "argon2" => parse_argon2(rest),
            "bcrypt_sha256" => parse_bcrypt(rest, true),
            "bcrypt" => parse_bcrypt(rest, false),
            "scrypt" => parse_scrypt(rest),
            _ => None,
        }
    }

    /// Whether one of these passwords is the one behind it, and how many were tried.
    pub(crate) fn matches_any<'a>(
        &self,
        passwords: impl Iterator<Item = &'a [u8]>,
    ) -> (bool, usize) {
        let mut tried = 0;
        for password in passwords {
            tried += 1;
            if self.matches(password) {
                return (true, tried);
            }
        }
        (false, tried)
    }

    /// Equal for hashes that cost the same.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Pbkdf2 {
                iterations, hash, ..
            } => {
                let digest = if hash.len() == 32 { "sha256" } else { "sha1" };
                format!("pbkdf2_{digest} {iterations}")
            }
            Self::Argon2(hash) => format!("{} {}", hash.algorithm, hash.params),
            // Its version and its cost.
            Self::Bcrypt { hash, .. } => format!("bcrypt {}", hash.get(..6).unwrap_or_default()),
            Self::Scrypt { cost, .. } => format!("Django's scrypt {cost}"),
        }
    }

    /// Whether `password` is the one behind it.
    pub(crate) fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Pbkdf2 {
                algorithm,
                iterations,
                salt,
                hash,
            } => pbkdf2::verify(*algorithm, *iterations, salt.as_bytes(), password, hash).is_ok(),
            Self::Argon2(hash) => Argon2::default().verify_password(password, &**hash).is_ok(),
            Self::Bcrypt {
                hash,
                with_sha256: true,
            } => bcrypt::verify(hexadecimal(&sha256(password)), hash).unwrap_or(false),
            Self::Bcrypt { hash, .. } => {
                let read = &password[..password.len().min(BCRYPT_BYTES)];
                bcrypt::verify(read, hash).unwrap_or(false)
            }
            Self::Scrypt { cost, salt, hash } => scrypt::derive(*cost, password, salt.as_bytes())
                .is_some_and(|it| it.ct_eq(hash).into()),
        }
    }
}

fn parse_pbkdf2(algorithm: pbkdf2::Algorithm, length: usize, rest: &str) -> Option<Foreign> {
    let mut parts = rest.split('$');
    let iterations: NonZeroU32 = parts.next()?.parse().ok()?;
    let salt = parts.next()?.to_owned();
    let hash = STANDARD.decode(parts.next()?).ok()?;
    let fits =
        iterations.get() <= MOST_ITERATIONS && hash.len() == length && parts.next().is_none();
    fits.then_some(Foreign::Pbkdf2 {
        algorithm,
        iterations,
        salt,
        hash,
    })
}

fn parse_argon2(rest: &str) -> Option<Foreign> {
    let mut hash = PasswordHash::new(&format!("${rest}")).ok()?;
    // Hashes from before version 0x13 do not say that they are of the first one.
    hash.version.get_or_insert(FIRST_ARGON2);
    let params = argon2::Params::try_from(&hash).ok()?;
    let fits = hash.hash.is_some()
        && params.m_cost() <= MOST_ARGON2_KIB
        && params.t_cost() <= MOST_ARGON2_PASSES
        && params.p_cost() <= MOST_ARGON2_LANES;
    fits.then(|| Foreign::Argon2(Box::new(hash)))
}

fn parse_bcrypt(rest: &str, with_sha256: bool) -> Option<Foreign> {
    let parts = bcrypt::HashParts::from_str(rest).ok()?;
    (parts.get_cost() <= MOST_BCRYPT_COST).then(|| Foreign::Bcrypt {
        hash: rest.to_owned(),
        with_sha256,
    })
}

/// `n$salt$r$p$hash`, within the bounds of our own hashes.
fn parse_scrypt(rest: &str) -> Option<Foreign> {
    let [n, salt, r, p, hash] = rest.split('$').collect::<Vec<_>>().try_into().ok()?;
    let n: u64 = n.parse().ok().filter(|it: &u64| it.is_power_of_two())?;
    let cost = Cost {
        ln: u8::try_from(n.ilog2()).ok()?,
        r: r.parse().ok()?,
        p: p.parse().ok()?,
    };
    let hash = STANDARD.decode(hash).ok()?;
    (cost.is_bounded() && hash.len() == 64).then(|| Foreign::Scrypt {
        cost,
        salt: salt.to_owned(),
        hash,
    })
}
