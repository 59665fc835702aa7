//! The signing keys of the installation.

use zeroize::Zeroizing;

use super::Operator;
use crate::crypto::{KeyError, Keyring, SigningKey};
use crate::domain::Actor;
use crate::failure::Failure;
use crate::store::keys::{Retirement, StoredKeys};

/// What somebody knows who follows the keys.
#[derive(Default)]
pub struct KeyWatch {
    version: Option<i64>,
}

impl Operator {
    /// The signing keys, oldest first.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, Failure> {
        Ok(self.ring().await?.list())
    }

    /// Makes the key that signs from now on, and returns its name.
    pub async fn rotate_key(&self, caller: &Actor) -> Result<String, Failure> {
        let parts = &self.parts;
        let ring = self.ring().await?;
        let key = ring.next(&parts.master, &parts.random, self.now())?;
        let kid = key.name.clone();
        let stamp = caller.at(self.now());
        parts.store.add_key(key, "key.rotate", stamp).await?;
        self.change_keys().await?;
        Ok(kid)
    }

    /// Adds the secret of another service: it signs from now on, and that service's tokens are good. If
    /// `allow_weak`, Django may have made it for development. Returns the name of the key.
    pub async fn import_key(
        &self,
        secret: &str,
        allow_weak: bool,
        caller: &Actor,
    ) -> Result<String, KeyError> {
        let (parts, now) = (&self.parts, self.now());
        let ring = self.ring().await?;
        let key = ring.import(secret, allow_weak, &parts.master, &parts.random, now)?;
        let kid = key.name.clone();
        parts
            .store
            .add_key(key, "key.import", caller.at(now))
            .await?;
        self.change_keys().await?;
        Ok(kid)
    }

    /// The name and the text of a key, of the one that signs unless `kid` names another.
    pub async fn export_key(
        &self,
        kid: Option<&str>,
        caller: &Actor,
    ) -> Result<(String, Zeroizing<String>), KeyError> {
        let (kid, key) = self.ring().await?.text(kid)?;
        self.note("key.export", kid.clone(), caller).await?;
        Ok((kid, key))
    }

    /// Refuses a key that is not there, or that signs.
    pub async fn check_may_retire_key(&self, kid: &str) -> Result<(), KeyError> {
        self.ring().await?.check_may_retire(kid)
    }

    /// Removes a key that does not sign any more.
    pub async fn retire_key(&self, kid: &str, caller: &Actor) -> Result<(), KeyError> {
        let stamp = caller.at(self.now());
        let retired = self.parts.store.retire_key(kid.to_owned(), stamp).await?;
        match retired {
            Retirement::Retired => Ok(self.change_keys().await?),
            Retirement::Unknown => Err(KeyError::Unknown(kid.to_owned())),
            Retirement::Signs => Err(KeyError::Signs(kid.to_owned())),
        }
    }

    /// Works with the keys that are stored now, if they have changed since the last look, and says whether
    /// they have.
    pub async fn follow_keys(&self, watch: &mut KeyWatch) -> Result<bool, Failure> {
        let version = self.parts.store.keys_version().await?;
        if watch.version == Some(version) {
            return Ok(false);
        }
        // What cannot be read is read at the next look; what cannot be opened is complained about once.
        let stored = self.parts.store.keys().await?;
        let is_change = watch.version.replace(stored.version).is_some();
        self.work_with(&stored)?;
        Ok(is_change)
    }

    /// Works with the keys that are stored now.
    pub(super) async fn change_keys(&self) -> Result<(), Failure> {
        self.work_with(&self.parts.store.keys().await?)
    }

    fn work_with(&self, stored: &StoredKeys) -> Result<(), Failure> {
        let ring = Keyring::open(&stored.keys, &self.parts.master)?;
        self.parts.signer.change_keys(&ring)
    }

    async fn ring(&self) -> Result<Keyring, Failure> {
        let stored = self.parts.store.keys().await?;
        Keyring::open(&stored.keys, &self.parts.master)
    }
}
