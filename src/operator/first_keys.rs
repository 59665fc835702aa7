//! The keys at a start: opened, taken over from the files of an older version, or made.

use crate::crypto::{Keyring, LinkKey, MasterKey, OldKeys, Random, made_at, seal_signing};
use crate::domain::{SealedKey, Stamp, Timestamp};
use crate::failure::Failure;
use crate::store::Store;
use crate::store::keys::StoredKeys;

/// The keys, open.
pub struct OpenKeys {
    pub ring: Keyring,
    pub links: LinkKey,
    /// How often those that are stored have changed.
    pub version: i64,
}

impl OpenKeys {
    /// Opens what is stored.
    pub fn of(stored: &StoredKeys, master: &MasterKey) -> Result<Self, Failure> {
        Ok(Self {
            ring: Keyring::open(&stored.keys, master)?,
            links: LinkKey::open(&stored.keys, master)?,
            version: stored.version,
        })
    }

    /// Stores the keys of an older version, or new ones, if there are none, and opens them. In a dry run
    /// they are stored for nobody.
    pub fn begin(
        store: &Store,
        master: &MasterKey,
        old: &OldKeys,
        random: &Random,
        stamp: &Stamp,
    ) -> Result<Self, Failure> {
        let first = first(master, old, random, stamp.at)?;
        let noted = (!old.is_empty()).then(|| ("key.take-over", old.names().join(", ")));
        let begun = store
            .begin_keys(first.clone(), noted, stamp.clone())
            .wait()?;
        let keys = if let Some(version) = begun {
            // As the database sorts them.
            let mut keys = first;
            keys.sort_by(|one, other| one.name.cmp(&other.name));
            StoredKeys { version, keys }
        } else {
            store.keys().wait()?
        };
        Self::of(&keys, master)
    }

    /// Stores new keys in the place of all others.
    pub fn renew(
        store: &Store,
        master: &MasterKey,
        random: &Random,
        stamp: &Stamp,
    ) -> Result<(), Failure> {
        let keys = first(master, &OldKeys::none(), random, stamp.at)?;
        store.replace_keys(keys, stamp.clone()).wait()
    }

    /// Some that go with this process, for work that needs none.
    pub fn passing(random: &Random, stamp: &Stamp) -> Result<(Self, MasterKey), Failure> {
        let master = MasterKey::passing(random)?;
        let keys = first(&master, &OldKeys::none(), random, stamp.at)?;
        let keys = Self::of(&StoredKeys { version: 0, keys }, &master)?;
        Ok((keys, master))
    }

    /// Removes the files of an older version whose keys are stored. Returns their names, and the names of
    /// the others.
    pub fn remove_stored(&self, old: OldKeys) -> Result<[Vec<String>; 2], Failure> {
        old.remove(|kid, secret| match kid {
            Some(kid) => self.ring.holds(kid, secret),
            None => self.links.is(secret),
        })
    }
}

/// What there is in files, and what is missing, sealed.
fn first(
    master: &MasterKey,
    old: &OldKeys,
    random: &Random,
    now: Timestamp,
) -> Result<Vec<SealedKey>, Failure> {
    let mut keys = vec![match &old.links {
        Some(secret) => LinkKey::seal(master, secret, now, random)?,
        None => LinkKey::next(master, random, now)?,
    }];
    for (kid, secret) in &old.signing {
        // Long ago, unless its name says otherwise.
        let made_at = made_at(kid).unwrap_or(Timestamp(0));
        keys.push(seal_signing(master, kid, secret, made_at, random)?);
    }
    if old.signing.is_empty() {
        keys.push(Keyring::empty().next(master, random, now)?);
    }
    Ok(keys)
}
