//! The signing keys of the installation, which stand in a folder.

use std::path::Path;

use zeroize::Zeroizing;

use super::Operator;
use crate::crypto::{KeyError, Keyring, SigningKey};
use crate::domain::Actor;
use crate::failure::Failure;

impl Operator {
    /// The signing keys in `folder`, oldest first.
    pub fn signing_keys(&self, folder: &Path) -> Result<Vec<SigningKey>, Failure> {
        Ok(Keyring::open(folder, &self.parts.random, self.now())?.list())
    }

    /// Makes the key in `folder` that signs from now on, and returns its name.
    pub async fn rotate_key(&self, folder: &Path, caller: &Actor) -> Result<String, Failure> {
        let kid = Keyring::rotate(folder, &self.parts.random, self.now())?;
        self.note("key.rotate", kid.clone(), caller).await?;
        Ok(kid)
    }

    /// Adds the secret of another service to `folder`: it signs from now on, and that service's
    /// tokens are good. If `allow_weak`, Django may have made it for development. Returns the name of
    /// the key.
    pub async fn import_key(
        &self,
        folder: &Path,
        secret: &str,
        allow_weak: bool,
        caller: &Actor,
    ) -> Result<String, KeyError> {
        let kid = Keyring::import(folder, secret, allow_weak, &self.parts.random, self.now())?;
        self.note("key.import", kid.clone(), caller).await?;
        Ok(kid)
    }

    /// The name and the text of a key in `folder`, of the one that signs unless `kid` names another.
    pub async fn export_key(
        &self,
        folder: &Path,
        kid: Option<&str>,
        caller: &Actor,
    ) -> Result<(String, Zeroizing<String>), KeyError> {
        let (kid, key) = Keyring::read(folder)?.text(kid)?;
        self.note("key.export", kid.clone(), caller).await?;
        Ok((kid, key))
    }

    /// Removes a key of `folder` that does not sign any more.
    pub fn check_may_retire_key(&self, folder: &Path, kid: &str) -> Result<(), KeyError> {
        Keyring::check_may_retire(folder, kid)
    }

    pub async fn retire_key(
        &self,
        folder: &Path,
        kid: &str,
        caller: &Actor,
    ) -> Result<(), KeyError> {
        Keyring::retire(folder, kid)?;
        Ok(self.note("key.retire", kid.to_owned(), caller).await?)
    }
}
