//! Access and refresh tokens.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::claims::{Claims, InspectedToken, Origin, TokenFault, TokenKind};
use super::issuer::Issuer;
use super::jws::{Key, Parts, is_plain};
use super::keys::{Keyring, OpenKey, SETTLING, is_imported};
use super::memo::Memo;
use crate::domain::{SessionId, Timestamp, UserId};
use crate::failure::Failure;

/// The claims as a token of ours has them, as JSON. None of them but the issuer, which is quoted already, can hold
/// what would have to be escaped; to let the library look at each took a thirtieth of a status check.
fn payload(claims: &Claims, quoted_issuer: &str) -> String {
    let mut json = String::with_capacity(256 + quoted_issuer.len());
    json.push_str(r#"{"token_type":""#);
    json.push_str(claims.kind.as_str());
    json.push_str(r#"","exp":"#);
    json.push_str(&claims.expires_at.0.to_string());
    json.push_str(r#","iat":"#);
    json.push_str(&claims.issued_at.0.to_string());
    json.push_str(r#","jti":""#);
    json.push_str(&claims.id);
    json.push_str(r#"","user_id":"#);
    json.push_str(&claims.user.0.to_string());
    if let Some(session) = &claims.session {
        json.push_str(r#","sid":""#);
        json.push_str(&session.in_hexadecimal());
        json.push('"');
    }
    json.push_str(r#","iss":"#);
    json.push_str(quoted_issuer);
    json.push('}');
    json
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

/// What stands in a token that a key of ours signed.
struct Signed {
    /// All of the token.
    text: Box<str>,
    read: Read,
    session: Option<SessionId>,
    /// Whether the key came from the service before this one.
    is_imported: bool,
}

impl Signed {
    fn new(token: &str, read: Read, is_imported: bool) -> Arc<Self> {
        let session = read.sid.as_deref().and_then(SessionId::parse);
        Arc::new(Self {
            text: token.into(),
            read,
            session,
            is_imported,
        })
    }
}

/// A server looks for new keys more often than that (`KEYS_PAUSE` in `daemon/background.rs`), unless the
/// database does not answer; and a new key signs later than that ([`SETTLING`]).
const LOOK: Duration = Duration::from_secs(1);

/// A command may issue a token just before the clock is set back, which the server sees a second later.
const LEEWAY: i64 = 2;

/// Signs and verifies with the keys that it was given last.
pub struct Signer {
    /// Says that this service made the token, and not another one that has the same key. A command
    /// may not know it; then it signs nothing, and takes nothing for ours.
    issuer: Option<Issuer>,
    /// As JSON has it.
    quoted_issuer: Option<String>,
    keys: RwLock<Arc<Keys>>,
    /// When these were known to be all that are stored.
    looked_at: Mutex<Instant>,
    /// Tokens that a key signed, by their signatures. A client shows the same one again and again.
    verified: Memo<Keys, String, Arc<Signed>>,
    /// Refresh tokens, which stay the same as long as nothing has been refreshed.
    written: Memo<Keys, Origin, String>,
    /// The latest time at which a token can have been issued: the clock may have been set back since.
    latest: AtomicI64,
}

struct Keys {
    /// How often those that are stored had changed.
    version: i64,
    /// The youngest is the last, and signs once it has settled.
    known: Vec<Known>,
}

struct Known {
    key: Key,
    /// When it has settled, if it is new.
    settled_at: Option<Instant>,
}

impl Known {
    fn has_settled(&self, now: Instant) -> bool {
        self.settled_at.is_none_or(|at| at <= now)
    }
}

impl Keys {
    /// `settled_at` says of a key when it has settled.
    fn of(
        ring: &Keyring,
        version: i64,
        settled_at: impl Fn(&OpenKey) -> Option<Instant>,
    ) -> Result<Self, Failure> {
        let doing = "loading the signing keys";
        if ring.keys.is_empty() {
            return Err(Failure::new(doing, "there are none"));
        }
        let known = |it: &OpenKey| {
            Key::new(&it.kid, &it.secret).map(|key| Known {
                key,
                settled_at: settled_at(it),
            })
        };
        let known = ring.keys.iter().map(known).collect::<Result<_, _>>();
        let known = known.map_err(Failure::when(doing))?;
        Ok(Self { version, known })
    }

    /// If none has settled, the oldest: it is known to most.
    fn signing(&self) -> Result<&Key, Failure> {
        let now = Instant::now();
        let settled = self.known.iter().rev().find(|it| it.has_settled(now));
        let key = settled.or(self.known.first()).map(|it| &it.key);
        key.ok_or_else(|| Failure::new("signing a token", "there is no key"))
    }

    /// Whether it is the same one that signs from now on.
    fn have_settled(&self) -> bool {
        let now = Instant::now();
        self.known.iter().all(|it| it.has_settled(now))
    }

    fn iter(&self) -> impl Iterator<Item = &Key> {
        self.known.iter().map(|it| &it.key)
    }

    fn named(&self, kid: &str) -> Option<&Key> {
        self.iter().find(|it| it.kid == kid)
    }

    /// Those that came from the service before this one.
    fn imported(&self) -> impl Iterator<Item = &Key> {
        self.iter().filter(|it| is_imported(&it.kid))
    }
}

impl Signer {
    /// Signs with the newest key of the ring that has settled, HS256. `version` says how often the stored
    /// keys had changed when the ring was read. Tokens may have been issued until `latest`.
    pub fn new(
        ring: &Keyring,
        version: i64,
        issuer: Option<Issuer>,
        latest: Timestamp,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        for weak in ring.list().into_iter().filter(|it| it.is_weak) {
            tracing::warn!(
                event = "sys_weak_key",
                kid = weak.kid,
                note = "Django made it for development; once its tokens have expired, \
                        run `key rotate` and retire it"
            );
        }
        let keys = Keys::of(ring, version, |it| {
            Some(Instant::now() + it.settles_in(now)?)
        });
        let keys = Arc::new(keys?);
        let name = issuer.as_ref().map(|it| Value::from(it.name()));
        Ok(Self {
            quoted_issuer: name.map(|it| it.to_string()),
            issuer,
            verified: Memo::of(Arc::clone(&keys)),
            written: Memo::of(Arc::clone(&keys)),
            keys: RwLock::new(keys),
            looked_at: Mutex::new(Instant::now()),
            latest: AtomicI64::new(latest.0),
        })
    }

    /// Tokens may have been issued until then, by others too.
    pub fn note_latest(&self, at: Timestamp) {
        // Most of the time it is known, and other cores need not hear of it.
        if at > self.latest() {
            self.latest.fetch_max(at.0, Ordering::Relaxed);
        }
    }

    /// The latest time at which a token can have been issued, as far as is known.
    pub fn latest(&self) -> Timestamp {
        Timestamp(self.latest.load(Ordering::Relaxed))
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often the keys had changed when these were read.
    pub fn keys_version(&self) -> i64 {
        self.keys().version
    }

    /// Works with these keys from now on, unless newer ones have been read meanwhile.
    pub fn change_keys(&self, ring: &Keyring, version: i64) -> Result<(), Failure> {
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if version < current.version {
            return Ok(());
        }
        let keys = Keys::of(ring, version, |it| {
            let mut known = current.known.iter();
            let known = known.find(|known| known.key.kid == it.kid);
            known.map_or_else(|| Some(Instant::now() + SETTLING), |it| it.settled_at)
        })?;
        *current = Arc::new(keys);
        drop(current);
        self.note_look();
        Ok(())
    }

    /// Somebody has just seen that the keys are those that are stored.
    pub fn note_look(&self) {
        *self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether a new key may have signed the token, because nobody could look for one lately.
    pub fn may_have_missed_key_of(&self, token: &str) -> bool {
        let looked_at = *self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        looked_at.elapsed() >= LOOK && self.inspect(token).is_some_and(|it| !it.knows_key)
    }

    /// Who our tokens are from, if that is known.
    pub fn issuer(&self) -> Option<&Issuer> {
        self.issuer.as_ref()
    }

    pub fn sign(&self, claims: &Claims) -> Result<String, Failure> {
        self.sign_by(&self.keys(), claims)
    }

    /// The same for claims that will be signed again, as they are: they follow from their `origin` alone.
    pub fn sign_often(
        &self,
        origin: &Origin,
        claims: impl FnOnce() -> Claims,
    ) -> Result<String, Failure> {
        let keys = self.keys();
        // Another one of them signs soon, and what was remembered would be of this one.
        if !keys.have_settled() {
            return self.sign_by(&keys, &claims());
        }
        let sign = || self.sign_by(&keys, &claims());
        self.written.find(&keys, origin, sign)
    }

    fn sign_by(&self, keys: &Keys, claims: &Claims) -> Result<String, Failure> {
        let issuer = self.quoted_issuer.as_deref();
        let issuer = issuer.ok_or_else(|| Failure::new("signing a token", "it has no issuer"))?;
        self.note_latest(claims.issued_at);
        Ok(keys.signing()?.sign(&payload(claims, issuer)))
    }

    /// What a token of this kind says, if it is ours and current.
    pub fn verify(
        &self,
        token: &str,
        kind: TokenKind,
        now: Timestamp,
    ) -> Result<Claims, TokenFault> {
        let signed = self.read(token).ok_or(TokenFault::Invalid)?;
        let (read, session) = (&signed.read, signed.session);
        match read.token_type.as_deref() {
            None => return Err(TokenFault::NoType),
            Some(name) if name != kind.as_str() => return Err(TokenFault::WrongType),
            Some(_) => {}
        }
        let id = read.jti.clone().ok_or(TokenFault::NoId)?;
        let time = |claim: Option<i64>| claim.map(Timestamp).ok_or(TokenFault::Invalid);
        let (issued_at, expires_at) = (time(read.iat)?, time(read.exp)?);
        // It may have been issued before the clock was set back, but at no time that never was.
        let may_be_ours = issued_at.seconds_since(now.max(self.latest())) <= LEEWAY;
        let not_before = read.nbf.map_or(now, Timestamp);
        let current = may_be_ours && not_before <= now && now < expires_at;
        let is_whole = if signed.is_imported {
            read.iss.is_none() && read.sid.is_none()
        } else {
            let (issuer, iss) = (self.issuer(), read.iss.as_deref());
            let is_from_us = issuer.zip(iss).is_some_and(|(ours, it)| ours.accepts(it));
            is_from_us && session.is_some()
        };
        if !(current && is_whole) {
            return Err(TokenFault::Invalid);
        }
        let user = match &read.user_id {
            Some(Number::Plain(id)) => Some(*id),
            Some(Number::Quoted(digits)) if signed.is_imported => digits.parse().ok(),
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
        let parts = Parts::of(token)?;
        let header = parts.read_header()?;
        let knows_key = match &header.kid {
            Some(kid) => self.keys().named(kid).is_some(),
            None => self.keys().imported().next().is_some(),
        };
        Some(InspectedToken {
            algorithm: format!("{:?}", header.alg),
            knows_key,
            kid: header.kid,
            is_signed: self.read(token).is_some(),
            claims: parts.payload()?,
        })
    }

    /// The claims, if a key of ours signed them, and whether that was an imported one. The header of
    /// the service before this one names no key: each imported one is tried. Nothing in the header
    /// chooses anything but the key (RFC 8725, section 3.10).
    fn read(&self, token: &str) -> Option<Arc<Signed>> {
        let parts = Parts::of(token)?;
        let keys = self.keys();
        if let Some(key) = keys.iter().find(|it| it.writes(parts.header)) {
            let verify = || {
                let claims = key.verify(&parts).ok_or(())?;
                Ok::<_, ()>(Signed::new(token, claims, false))
            };
            let signed = self.verified.find(&keys, parts.signature, verify).ok()?;
            // No other text has this signature.
            return (*signed.text == *token).then_some(signed);
        }
        let header = parts.read_header().filter(is_plain)?;
        let Some(kid) = header.kid else {
            let claims = keys.imported().find_map(|it| it.verify(&parts));
            return Some(Signed::new(token, claims?, true));
        };
        let claims = keys.named(&kid)?.verify(&parts);
        Some(Signed::new(token, claims?, false))
    }
}
