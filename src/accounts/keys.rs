//! Tokens are verified with the keys that are stored, which other servers change too.

use super::{Accounts, Parts};
use crate::crypto::{Claims, Keyring, TokenFault, TokenKind};
use crate::failure::Failure;
use crate::store::keys::StoredKeys;

impl Accounts {
    /// What a token of this kind says, if it is ours and current. A server that was without its database
    /// may have missed the key that signed it.
    pub(super) async fn verified<E>(&self, token: &str, kind: TokenKind) -> Result<Claims, E>
    where
        E: From<TokenFault> + From<Failure>,
    {
        let (signer, now) = (&self.parts.signer, self.now());
        let verified = signer.verify(token, kind, now);
        if verified.is_err() && signer.may_have_missed_key_of(token) {
            self.parts.change_keys().await?;
            return Ok(signer.verify(token, kind, now)?);
        }
        Ok(verified?)
    }
}

impl Parts {
    /// Works with the keys that are stored now.
    pub(crate) async fn change_keys(&self) -> Result<(), Failure> {
        self.change_keys_to(&self.store.keys().await?)
    }

    pub(crate) fn change_keys_to(&self, stored: &StoredKeys) -> Result<(), Failure> {
        let ring = Keyring::open(&stored.keys, &self.master)?;
        self.signer.change_keys(&ring, stored.version)
    }
}
