//! Signed texts as tokens write them: header, payload and signature, each in base64url (RFC 7515,
//! section 7.1). The signature is HMAC with SHA-256 (`HS256`), and nothing in a header makes it
//! anything else (RFC 8725, section 3.1). Headers are jsonwebtoken's; but a key's state and header are
//! made once and not for each token, which was most of the work of a status check.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, decode_header};
use ring::hmac;
use serde::de::DeserializeOwned;

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
        let header = serde_json::to_vec(&Header {
            kid: Some(kid.to_owned()),
            ..Header::new(Algorithm::HS256)
        })?;
        Ok(Self {
            kid: kid.to_owned(),
            header: URL_SAFE_NO_PAD.encode(header),
            secret: hmac::Key::new(hmac::HMAC_SHA256, secret),
        })
    }

    /// A token with this JSON in it.
    pub(super) fn sign(&self, payload: &str) -> String {
        let mut token = String::with_capacity(self.header.len() + payload.len() * 4 / 3 + 48);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = hmac::sign(&self.secret, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
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
    token: &'a str,
    pub(super) header: &'a str,
    payload: &'a str,
    /// Header and payload, as they were signed.
    signed: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        // A second point in the payload is no base64url.
        let (header, payload) = signed.split_once('.')?;
        (token.len() <= LONGEST).then_some(Self {
            token,
            header,
            payload,
            signed,
            signature,
        })
    }

    pub(super) fn read_header(&self) -> Option<Header> {
        decode_header(self.token).ok()
    }

    /// What it says, whoever says it.
    pub(super) fn payload<T: DeserializeOwned>(&self) -> Option<T> {
        let json = URL_SAFE_NO_PAD.decode(self.payload).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

/// Whether it is HS256 and nothing else: what a header calls critical is unknown to us (RFC 7515, section
/// 4.1.11), and `b64` changes what is signed, critical or not (RFC 7797, section 6).
pub(super) fn is_plain(header: &Header) -> bool {
    header.alg == Algorithm::HS256
        && header.crit.is_none()
        && header.enc.is_none()
        && header.zip.is_none()
        && !header.extras.inner().contains_key("b64")
}
