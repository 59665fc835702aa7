//! Access and refresh tokens.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};

use super::claims::{Claims, InspectedToken, TokenFault, TokenKind};
use super::issuer::Issuer;
use super::keys::{Keyring, is_imported};
use crate::domain::{SessionId, Timestamp, UserId};
use crate::failure::Failure;

/// Ours have about 400 bytes; what is longer is not looked at.
const LONGEST: usize = 4096;

#[derive(Serialize)]
struct Written<'a> {
    token_type: &'a str,
    exp: i64,
    iat: i64,
    jti: &'a str,
    user_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    iss: &'a str,
}

/// Numbers must be whole numbers here: a library that takes `exp: "1"` for "no exp" has let expired
/// tokens in before (CVE-2026-25537).
#[derive(Deserialize)]
struct Read {
    token_type: Option<String>,
    exp: Option<i64>,
    iat: Option<i64>,
    nbf: Option<i64>,
    jti: Option<String>,
    user_id: Option<Number>,
    sid: Option<String>,
    iss: Option<String>,
}

/// SimpleJWT writes the number of a user as a number until its version 5.4, later as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(i64),
    Quoted(String),
}

/// How often the folder of keys is looked at: `key rotate` and `key retire` act on a running server
/// within that time.
const LOOK: Duration = Duration::from_millis(100);

/// A command may issue a token just before the clock is set back, which the server sees a second later.
const LEEWAY: i64 = 2;

/// Signs and verifies with the keys that are in their folder now.
pub struct Signer {
    folder: PathBuf,
    /// Says that this service made the token, and not another one that has the same key. A command
    /// may not know it; then it signs nothing, and takes nothing for ours.
    issuer: Option<Issuer>,
    keys: RwLock<Arc<Keys>>,
    looked: Mutex<Instant>,
    validation: Validation,
    /// The latest time at which a token can have been issued: the clock may have been set back since.
    latest: AtomicI64,
}

struct Keys {
    kids: Vec<String>,
    header: Header,
    signing: EncodingKey,
    verifying: HashMap<String, DecodingKey>,
    /// The names of those that came from the service before this one.
    imported: Vec<String>,
}

impl Keys {
    fn of(ring: &Keyring) -> Result<Self, Failure> {
        let (kid, key) = ring
            .keys
            .last()
            .ok_or_else(|| Failure::new("loading the signing keys", "there are none"))?;
        Ok(Self {
            kids: ring.kids(),
            imported: ring
                .kids()
                .into_iter()
                .filter(|it| is_imported(it))
                .collect(),
            header: Header {
                kid: Some(kid.clone()),
                ..Header::new(Algorithm::HS256)
            },
            signing: EncodingKey::from_secret(key),
            verifying: ring
                .keys
                .iter()
                .map(|(kid, key)| (kid.clone(), DecodingKey::from_secret(key)))
                .collect(),
        })
    }
}

impl Signer {
    /// Signs with the newest key of the ring, HS256. Tokens may have been issued until `latest`.
    pub fn new(ring: &Keyring, issuer: Option<Issuer>, latest: Timestamp) -> Result<Self, Failure> {
        let mut validation = Validation::new(Algorithm::HS256);
        // The claims are checked below, against a clock that is passed in and without leeway.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        for weak in ring.list().into_iter().filter(|it| it.is_weak) {
            tracing::warn!(
                event = "sys_weak_key",
                kid = weak.kid,
                note = "Django made it for development; once its tokens have expired, \
                        run `key rotate` and retire it"
            );
        }
        Ok(Self {
            folder: ring.folder.clone(),
            issuer,
            keys: RwLock::new(Arc::new(Keys::of(ring)?)),
            looked: Mutex::new(Instant::now()),
            validation,
            latest: AtomicI64::new(latest.0),
        })
    }

    /// Tokens may have been issued until then, by others too.
    pub fn note_latest(&self, at: Timestamp) {
        self.latest.fetch_max(at.0, Ordering::Relaxed);
    }

    /// The latest time at which a token can have been issued, as far as is known.
    pub fn latest(&self) -> Timestamp {
        Timestamp(self.latest.load(Ordering::Relaxed))
    }

    fn keys(&self) -> Arc<Keys> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.elapsed() >= LOOK {
            *looked = Instant::now();
            drop(looked);
            self.look();
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&keys)
    }

    /// Reads the keys again, whatever their names.
    pub fn reload(&self) -> Result<(), Failure> {
        let keys = Keys::of(&Keyring::read(&self.folder)?)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// Reads the keys again if the folder has others than before. If they cannot be read, the server
    /// goes on with those that it has, and logs why.
    fn look(&self) {
        let known = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let read = || {
            if Keyring::kids_in(&self.folder)? == known.kids {
                return Ok(None);
            }
            Keys::of(&Keyring::read(&self.folder)?).map(Some)
        };
        match read() {
            Ok(None) => {}
            Ok(Some(keys)) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                tracing::info!(event = "sys_keys_changed");
            }
            Err(failure) => tracing::error!(event = "failure", error = failure.chain()),
        }
    }

    /// Whether a key of that name verifies. A token may name a key that was made a moment ago.
    fn knows(&self, kid: &str) -> bool {
        if self.keys().verifying.contains_key(kid) {
            return true;
        }
        self.look();
        self.keys().verifying.contains_key(kid)
    }

    /// Who our tokens are from, if that is known.
    pub fn issuer(&self) -> Option<&Issuer> {
        self.issuer.as_ref()
    }

    pub fn sign(&self, claims: &Claims) -> Result<String, Failure> {
        let issuer = self.issuer();
        let issuer = issuer.ok_or_else(|| Failure::new("signing a token", "it has no issuer"))?;
        let written = Written {
            token_type: claims.kind.as_str(),
            exp: claims.expires_at.0,
            iat: claims.issued_at.0,
            jti: &claims.id,
            user_id: claims.user.0,
            sid: claims.session.as_ref().map(SessionId::to_string),
            iss: issuer.name(),
        };
        self.note_latest(claims.issued_at);
        let keys = self.keys();
        encode(&keys.header, &written, &keys.signing).map_err(Failure::when("signing a token"))
    }

    /// What a token of this kind says, if it is ours and current.
    pub fn verify(
        &self,
        token: &str,
        kind: TokenKind,
        now: Timestamp,
    ) -> Result<Claims, TokenFault> {
        let (read, is_imported) = self.read(token).ok_or(TokenFault::Invalid)?;
        match read.token_type {
            None => return Err(TokenFault::NoType),
            Some(name) if name != kind.as_str() => return Err(TokenFault::WrongType),
            Some(_) => {}
        }
        let id = read.jti.ok_or(TokenFault::NoId)?;
        let time = |claim: Option<i64>| claim.map(Timestamp).ok_or(TokenFault::Invalid);
        let (issued_at, expires_at) = (time(read.iat)?, time(read.exp)?);
        // It may have been issued before the clock was set back, but at no time that never was.
        let may_be_ours = issued_at.seconds_since(now.max(self.latest())) <= LEEWAY;
        let not_before = read.nbf.map_or(now, Timestamp);
        let current = may_be_ours && not_before <= now && now < expires_at;
        let session = read.sid.as_deref().and_then(SessionId::parse);
        let is_whole = if is_imported {
            read.iss.is_none() && read.sid.is_none()
        } else {
            let (issuer, iss) = (self.issuer(), read.iss.as_deref());
            let is_from_us = issuer.zip(iss).is_some_and(|(ours, it)| ours.accepts(it));
            is_from_us && session.is_some()
        };
        if !(current && is_whole) {
            return Err(TokenFault::Invalid);
        }
        let user = match read.user_id {
            Some(Number::Plain(id)) => Some(id),
            Some(Number::Quoted(digits)) if is_imported => digits.parse().ok(),
            _ => None,
        };
        let user = user.map(UserId).ok_or(TokenFault::Invalid)?;
        Ok(Claims {
            kind,
            issued_at,
            expires_at,
            id,
            user,
            session,
        })
    }

    /// Reads a token that may be forged or expired; None if it has not the shape of one.
    pub fn inspect(&self, token: &str) -> Option<InspectedToken> {
        let header = decode_header(token).ok()?;
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let knows_key = match &header.kid {
            Some(kid) => self.knows(kid),
            None => !self.keys().imported.is_empty(),
        };
        Some(InspectedToken {
            algorithm: format!("{:?}", header.alg),
            knows_key,
            kid: header.kid,
            is_signed: self.read(token).is_some(),
            claims: serde_json::from_slice(&payload).ok()?,
        })
    }

    /// The claims, if a key of ours signed them, and whether that was an imported one. The header of
    /// the service before this one names no key: each imported one is tried. Nothing in the header
    /// chooses anything but the key (RFC 8725, section 3.10), and what it calls critical is unknown to
    /// us (RFC 7515, section 4.1.11).
    fn read(&self, token: &str) -> Option<(Read, bool)> {
        let may_stand = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let shaped = token.len() <= LONGEST
            && token.bytes().all(may_stand)
            && token.bytes().filter(|b| *b == b'.').count() == 2;
        if !shaped {
            return None;
        }
        let header = decode_header(token).ok()?;
        // `b64` changes what is signed, critical or not (RFC 7797, section 6).
        let is_odd = header.crit.is_some()
            || header.enc.is_some()
            || header.zip.is_some()
            || header.extras.inner().contains_key("b64");
        if is_odd {
            return None;
        }
        let Some(kid) = header.kid else {
            let keys = self.keys();
            let mut tried = keys.imported.iter().map(|it| self.claims(token, &keys, it));
            return Some((tried.find_map(|it| it)?, true));
        };
        let is_known = self.knows(&kid);
        let claims = is_known.then(|| self.claims(token, &self.keys(), &kid))??;
        Some((claims, false))
    }

    fn claims(&self, token: &str, keys: &Keys, kid: &str) -> Option<Read> {
        let key = keys.verifying.get(kid)?;
        let read = decode::<Read>(token, key, &self.validation);
        read.ok().map(|it| it.claims)
    }
}
