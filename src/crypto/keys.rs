//! The keys: which of them signs, which verify, and how they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::key_file::{check_folder, create_private, lock, make_private_folder, read_private};
use super::own_key;
use super::random::Random;
use super::secret_text::{NotASecret, secret_of};
use super::weak_key::{Weakness, weakness};
use crate::domain::Timestamp;
use crate::failure::Failure;
use crate::private_file::sync_folder;

/// The signing keys by their `kid`, oldest first. The last one signs; all verify.
pub struct Keyring {
    pub(crate) folder: PathBuf,
    pub(crate) keys: Vec<(String, Zeroizing<Vec<u8>>)>,
}

/// A signing key, without its secret.
#[derive(Clone, Debug)]
pub struct SigningKey {
    pub kid: String,
    /// Otherwise it only verifies.
    pub signs: bool,
    /// Whether another service made it, whose tokens it verifies too.
    pub is_imported: bool,
    /// Whether it is weak, and somebody allowed that.
    pub is_weak: bool,
    /// The length of the secret.
    pub bytes: usize,
    /// When it was made, if its name says so.
    pub made_at: Option<Timestamp>,
}

/// The end of the name of a key that another service made. Only such a key is tried on a token whose
/// header names no key.
const IMPORTED: &str = "-imported";

/// The end of the name of such a key that is weak, and was allowed to be.
const WEAK: &str = "-weak-imported";

/// Why a key was not imported or retired.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("there is no signing key {0:?}; `key list` shows them")]
    Unknown(String),
    #[error("this key is there already, as {0}; nothing was done")]
    Present(String),
    #[error(transparent)]
    NotASecret(#[from] NotASecret),
    #[error(
        "the key is too weak: {0}; give the other service a new one that is random, \
         such as `openssl rand -base64 48` prints, and import that"
    )]
    Weak(Weakness),
    #[error(
        "the key is too weak: {}; if its tokens have to go on being good, add --allow-weak",
        Weakness::ForDevelopment
    )]
    ForDevelopment,
    #[error(
        "the key is too weak: {0}; --allow-weak takes a random key behind django-insecure- and no other, \
         so give the other service a new one, such as `openssl rand -base64 48` prints"
    )]
    WeakAnyway(Weakness),
    #[error("{0} is the key that signs; run `key rotate` first, then retire it")]
    Signs(String),
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Keyring {
    /// Reads `signing-<kid>.key` in `folder`, whose text is the key; makes one if there is none.
    pub fn open(folder: &Path, random: &Random, now: Timestamp) -> Result<Self, Failure> {
        make_private_folder(folder)?;
        let _lock = lock(folder)?;
        if Self::kids_in(folder)?.is_empty() {
            let kid = next_kid(folder, random, now)?;
            create_private(&path_of(folder, &kid), &own_key::make(random)?)?;
        }
        Self::read(folder)
    }

    /// The keys that are in the folder, which may be none.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        check_folder(folder)?;
        let keys = Self::kids_in(folder)?
            .into_iter()
            .map(|kid| {
                let key = read_private(&path_of(folder, &kid), is_weak(&kid))?;
                Ok((kid, key))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            folder: folder.to_owned(),
            keys,
        })
    }

    /// The names of the keys in the folder, oldest first.
    pub(crate) fn kids_in(folder: &Path) -> Result<Vec<String>, Failure> {
        let mut kids: Vec<String> = fs::read_dir(folder)
            .map_err(Failure::when("reading the folder of keys"))?
            .filter_map(|entry| {
                let name = entry.ok()?.file_name();
                let kid = name.to_str()?.strip_prefix("signing-")?;
                Some(kid.strip_suffix(".key")?.to_owned())
            })
            .collect();
        kids.sort();
        Ok(kids)
    }

    /// The name and the text of a key, of the one that signs unless `kid` names another.
    pub fn text(&self, kid: Option<&str>) -> Result<(String, Zeroizing<String>), KeyError> {
        let mut keys = self.keys.iter().rev();
        let found = keys.find(|it| kid.is_none_or(|kid| it.0 == kid));
        let (kid, key) =
            found.ok_or_else(|| KeyError::Unknown(kid.unwrap_or_default().to_owned()))?;
        let text = std::str::from_utf8(key).map_err(Failure::when("reading a key as text"))?;
        Ok((kid.clone(), Zeroizing::new(text.to_owned())))
    }

    /// The keys without their secrets, oldest first.
    pub fn list(&self) -> Vec<SigningKey> {
        let last = self.keys.len().saturating_sub(1);
        let keys = self.keys.iter().enumerate();
        keys.map(|(index, (kid, key))| SigningKey {
            kid: kid.clone(),
            signs: index == last,
            is_imported: is_imported(kid),
            is_weak: is_weak(kid),
            bytes: key.len(),
            made_at: made_at(kid),
        })
        .collect()
    }

    /// Makes the key in `folder` that signs from now on, and returns its name.
    pub fn rotate(folder: &Path, random: &Random, now: Timestamp) -> Result<String, Failure> {
        make_private_folder(folder)?;
        let _lock = lock(folder)?;
        let kid = next_kid(folder, random, now)?;
        create_private(&path_of(folder, &kid), &own_key::make(random)?)?;
        Ok(kid)
    }

    /// Adds the secret with which another service signs, such as Django's `SECRET_KEY`, to `folder`.
    /// It signs from now on, so that the services that verify with it go on doing so, and tokens of
    /// that service are good. A key that Django made for development is taken only if `allow_weak`.
    /// Returns the name of the key.
    pub fn import(
        folder: &Path,
        text: &str,
        allow_weak: bool,
        random: &Random,
        now: Timestamp,
    ) -> Result<String, KeyError> {
        let secret = secret_of(text)?;
        let ending = match weakness(secret.as_bytes()) {
            None => IMPORTED,
            Some(Weakness::ForDevelopment) if allow_weak => WEAK,
            Some(Weakness::ForDevelopment) => return Err(KeyError::ForDevelopment),
            Some(why) if allow_weak => return Err(KeyError::WeakAnyway(why)),
            Some(why) => return Err(KeyError::Weak(why)),
        };
        make_private_folder(folder)?;
        let _lock = lock(folder)?;
        let ring = Self::read(folder)?;
        let same = |it: &&(String, Zeroizing<Vec<u8>>)| it.1.as_slice() == secret.as_bytes();
        if let Some((kid, _)) = ring.keys.iter().find(same) {
            return Err(KeyError::Present(kid.clone()));
        }
        let kid = next_kid(folder, random, now)? + ending;
        create_private(&path_of(folder, &kid), secret)?;
        Ok(kid)
    }

    /// Removes a key of `folder` that does not sign: its tokens are refused from now on.
    pub fn retire(folder: &Path, kid: &str) -> Result<(), KeyError> {
        let _lock = lock(folder)?;
        Self::check_may_retire(folder, kid)?;
        let remove = || {
            fs::remove_file(path_of(folder, kid))?;
            sync_folder(folder)
        };
        Ok(remove().map_err(Failure::when("removing a key"))?)
    }

    /// Refuses a key that is not there, or that signs.
    pub fn check_may_retire(folder: &Path, kid: &str) -> Result<(), KeyError> {
        let kids = Self::kids_in(folder)?;
        if !kids.iter().any(|it| it == kid) {
            return Err(KeyError::Unknown(kid.to_owned()));
        }
        if kids.last().is_some_and(|it| it == kid) {
            return Err(KeyError::Signs(kid.to_owned()));
        }
        Ok(())
    }
}

/// What has been lost of the keys that a folder had, if anything has.
pub(crate) fn missing_keys(folder: &Path) -> Option<PathBuf> {
    match Keyring::kids_in(folder) {
        Err(_) => Some(folder.to_owned()),
        Ok(kids) if kids.is_empty() => Some(folder.join("signing-*.key")),
        Ok(_) => Some(LinkKey::path(folder)).filter(|it| !it.exists()),
    }
}

fn path_of(folder: &Path, kid: &str) -> PathBuf {
    folder.join(format!("signing-{kid}.key"))
}

pub(crate) fn is_imported(kid: &str) -> bool {
    kid.ends_with(IMPORTED)
}

fn is_weak(kid: &str) -> bool {
    kid.ends_with(WEAK)
}

/// A name that sorts after all others, whatever the clock says: of a time after theirs.
fn next_kid(folder: &Path, random: &Random, now: Timestamp) -> Result<String, Failure> {
    let last = Keyring::kids_in(folder)?.pop().unwrap_or_default();
    let suffix = u32::from_be_bytes(random.bytes()?);
    let (before, after_last) = match time_in(&last) {
        Some((place, at)) => (&last[..place], at.plus(Duration::from_secs(1))),
        None => ("", now),
    };
    let name = |before: &str, at: Timestamp| {
        let at = at.to_string().replace([':', '-'], "");
        format!("{before}{at}-{suffix:08x}")
    };
    let kids = [name("", now), name(before, now.max(after_last))];
    let fits = kids.into_iter().find(|it| *it > last);
    // Somebody gave the last one a name of their own.
    Ok(fits.unwrap_or_else(|| name(&format!("{last}-"), now)))
}

/// The time that [`next_kid`] put in the name, and where it stands.
fn time_in(kid: &str) -> Option<(usize, Timestamp)> {
    let starts = kid.match_indices('-').map(|(place, _)| place + 1);
    let mut starts = std::iter::once(0).chain(starts);
    starts.find_map(|place| {
        let at = Timestamp::parse(kid[place..].split('-').next()?)?;
        Some((place, at))
    })
}

fn made_at(kid: &str) -> Option<Timestamp> {
    time_in(kid).map(|(_, at)| at)
}

/// The key that the tokens of mailed links are derived from.
pub struct LinkKey(pub(crate) Zeroizing<Vec<u8>>);

impl LinkKey {
    /// Reads `links.key` in `folder`, or makes it.
    pub fn open(folder: &Path, random: &Random) -> Result<Self, Failure> {
        make_private_folder(folder)?;
        if !Self::path(folder).exists() {
            create_private(&Self::path(folder), &own_key::make(random)?)?;
        }
        Self::read(folder)
    }

    /// Reads the key, which must be there.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        read_private(&Self::path(folder), false).map(Self)
    }

    fn path(folder: &Path) -> PathBuf {
        folder.join("links.key")
    }
}
