//! The signing keys of the installation.

use std::time::Duration;

use zeroize::Zeroizing;

use super::Operator;
use crate::crypto::{KeyError, Keyring, SigningKey};
use crate::domain::{Actor, SealedKey};
use crate::failure::Failure;
use crate::store::keys::Retirement;

/// How often a key is made anew because others came first.
const MOST_TRIES: usize = 100;

/// What somebody knows who follows the keys.
#[derive(Default)]
pub struct KeyWatch {
    /// The version of older keys that was told of last.
    went_back_to: Option<i64>,
}

/// What was seen of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    AsKnown,
    Changed,
    WentBack,
}

impl Operator {
    /// The signing keys, oldest first.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, Failure> {
        Ok(self.ring().await?.0.list())
    }

    /// Makes the key that signs once it has settled, and returns its name.
    pub async fn rotate_key(&self, caller: &Actor) -> Result<String, Failure> {
        let parts = &self.parts;
        let next = |ring: &Keyring| ring.next(&parts.master, &parts.random, self.now());
        self.add_key("key.rotate", next, caller).await
    }

    /// Stores the key that `make` makes for those that there are, and returns its name. Where they have
    /// changed meanwhile, it makes another one.
    async fn add_key<E: From<Failure>>(
        &self,
        action: &'static str,
        make: impl Fn(&Keyring) -> Result<SealedKey, E>,
        caller: &Actor,
    ) -> Result<String, E> {
        for _ in 0..MOST_TRIES {
            let (ring, version) = self.ring().await?;
            let key = make(&ring)?;
            let (kid, stamp) = (key.name.clone(), caller.at(self.now()));
            let added = self.parts.store.add_key(key, version, action, stamp);
            if added.await? {
                return Ok(kid);
            }
        }
        let why = "others change the keys all the time; try again";
        Err(Failure::new("storing a key", why).into())
    }

    /// Adds the secret of another service: it signs once it has settled, and that service's tokens are good. If
    /// `allow_weak`, Django may have made it for development. Returns the name of the key.
    pub async fn import_key(
        &self,
        secret: &str,
        allow_weak: bool,
        caller: &Actor,
    ) -> Result<String, KeyError> {
        let parts = &self.parts;
        let import = |ring: &Keyring| {
            let now = self.now();
            ring.import(secret, allow_weak, &parts.master, &parts.random, now)
        };
        self.add_key("key.import", import, caller).await
    }

    /// The name and the text of a key, of the one that signs unless `kid` names another.
    pub async fn export_key(
        &self,
        kid: Option<&str>,
        caller: &Actor,
    ) -> Result<(String, Zeroizing<String>), KeyError> {
        let (kid, key) = self.ring().await?.0.text(kid)?;
        self.note("key.export", kid.clone(), caller).await?;
        Ok((kid, key))
    }

    /// Refuses a key that is not there, or that signs. Otherwise says how long to wait before it goes:
    /// until then it signs in place of a newer one, which not every server may know.
    pub async fn check_may_retire_key(&self, kid: &str) -> Result<Duration, KeyError> {
        let (ring, _) = self.ring().await?;
        ring.check_may_retire(kid)?;
        Ok(ring.settles_in(self.now()).unwrap_or_default())
    }

    /// Removes a key that does not sign any more.
    pub async fn retire_key(&self, kid: &str, caller: &Actor) -> Result<(), KeyError> {
        let stamp = caller.at(self.now());
        let retired = self.parts.store.retire_key(kid.to_owned(), stamp).await?;
        match retired {
            Retirement::Retired => Ok(()),
            Retirement::Unknown => Err(KeyError::Unknown(kid.to_owned())),
            Retirement::Signs => Err(KeyError::Signs(kid.to_owned())),
        }
    }

    /// Works with the keys that are stored now, if they have changed since the last look. What cannot be read
    /// is a passing failure, what cannot be opened is not. That the database went back to older ones is said
    /// once.
    pub async fn follow_keys(&self, watch: &mut KeyWatch) -> Result<Followed, Failure> {
        let signer = &self.parts.signer;
        // Before the database is asked: what is read meanwhile is no going back.
        let known = signer.keys_version();
        let version = self.parts.store.keys_version().await;
        let version = version.map_err(Failure::transient)?;
        if version > known {
            let stored = self.parts.store.keys().await;
            let stored = stored.map_err(Failure::transient)?;
            self.parts.change_keys_to(&stored)?;
            return Ok(Followed::Changed);
        }
        signer.note_look();
        if version == known || watch.went_back_to == Some(version) {
            return Ok(Followed::AsKnown);
        }
        watch.went_back_to = Some(version);
        Ok(Followed::WentBack)
    }

    /// The keys, and how often they had changed.
    async fn ring(&self) -> Result<(Keyring, i64), Failure> {
        let stored = self.parts.store.keys().await?;
        let ring = Keyring::open(&stored.keys, &self.parts.master)?;
        Ok((ring, stored.version))
    }
}
