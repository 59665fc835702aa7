//! Tokens of mailed links.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use super::digest::sha256;
use super::keys::LinkKey;

/// The secret of a mailed link: 256 bits that follow from a stored nonce and a key that only the master key
/// opens. So the token itself is stored nowhere, not even while its mail waits in the outbox.
pub struct LinkToken([u8; 32]);

impl LinkToken {
    /// Links for two purposes have two tokens, even if the nonce is the same.
    pub fn derive(key: &LinkKey, purpose: &str, nonce: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(nonce);
        let mut token = [0; 32];
        token.copy_from_slice(context.sign().as_ref());
        Self(token)
    }

    /// Reads a token from a link, whole or not at all.
    pub fn parse(raw: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(raw).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// As it stands in the link: 43 characters of base64url.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is stored of it.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}
