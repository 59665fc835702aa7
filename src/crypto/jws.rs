//! Signed texts as tokens write them: header, payload and signature, each in base64url (RFC 7515,
//! section 7.1). The signature is HMAC with SHA-256 (`HS256`), and nothing in a header makes it
//! anything else (RFC 8725, section 3.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

const ALGORITHM: &str = "HS256";

/// Ours have about 400 bytes; what is longer is not looked at.
const LONGEST: usize = 4096;

/// A key that signs and verifies.
pub(super) struct Key {
    pub(super) kid: String,
    /// The header of what it signs, as it stands in the token.
    header: String,
    secret: hmac::Key,
}

impl Key {
    pub(super) fn new(kid: &str, secret: &[u8]) -> Result<Self, serde_json::Error> {
        let header = serde_json::to_vec(&WrittenHeader {
            typ: "JWT",
            alg: ALGORITHM,
            kid,
        })?;
        Ok(Self {
            kid: kid.to_owned(),
            header: URL_SAFE_NO_PAD.encode(header),
            secret: hmac::Key::new(hmac::HMAC_SHA256, secret),
        })
    }

    pub(super) fn sign(&self, payload: &impl Serialize) -> Result<String, serde_json::Error> {
        let mut written = Vec::with_capacity(256);
        serde_json::to_writer(&mut written, payload)?;
        let mut token = String::with_capacity(self.header.len() + written.len() * 4 / 3 + 48);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(written, &mut token);
        let signature = hmac::sign(&self.secret, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// Whether it signs with this very header, so that there is nothing to read in it.
    pub(super) fn writes(&self, header: &str) -> bool {
        self.header == header
    }

    /// The payload, if this key signed it.
    pub(super) fn verify<T: DeserializeOwned>(&self, token: &Parts) -> Option<T> {
        let signature = URL_SAFE_NO_PAD.decode(token.signature).ok()?;
        hmac::verify(&self.secret, token.signed.as_bytes(), &signature).ok()?;
        token.payload()
    }
}

/// The parts of a token, none of them looked at yet.
pub(super) struct Parts<'a> {
    pub(super) header: &'a str,
    payload: &'a str,
    /// Header and payload, as they were signed.
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        // A second point in the payload is no base64url.
        let (header, payload) = signed.split_once('.')?;
        (token.len() <= LONGEST).then_some(Self {
            header,
            payload,
            signed,
            signature,
        })
    }

    pub(super) fn header(&self) -> Option<Header> {
        read(self.header)
    }

    /// What it says, whoever says it.
    pub(super) fn payload<T: DeserializeOwned>(&self) -> Option<T> {
        read(self.payload)
    }
}

fn read<T: DeserializeOwned>(part: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}

#[derive(Serialize)]
struct WrittenHeader<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

/// A header that somebody else may have written.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    /// What it calls critical is unknown to us (RFC 7515, section 4.1.11).
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    /// An encrypted token, or a compressed one.
    #[serde(default, deserialize_with = "present")]
    enc: bool,
    #[serde(default, deserialize_with = "present")]
    zip: bool,
    /// It changes what is signed, critical or not (RFC 7797, section 6).
    #[serde(default, deserialize_with = "present")]
    b64: bool,
}

impl Header {
    pub(super) fn is_plain(&self) -> bool {
        self.alg == ALGORITHM && !(self.crit || self.enc || self.zip || self.b64)
    }
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}
