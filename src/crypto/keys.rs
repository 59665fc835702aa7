//! The keys: which of them signs, which verify, and how they change.

use std::fs;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::key_file::{RULE, create_private, is_weak, lock, make_private_folder, read_private};
use super::random::Random;
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
    /// The length of the secret.
    pub bytes: usize,
    /// When it was made, if its name says so.
    pub made_at: Option<Timestamp>,
}

/// The end of the name of a key that another service made. Only such a key is tried on a token whose
/// header names no key.
const IMPORTED: &str = "-imported";

/// Why a key was not imported or retired.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("there is no signing key {0:?}; `key list` shows them")]
    Unknown(String),
    #[error("this key is there already, as {0}; nothing was done")]
    Present(String),
    #[error("the key is too weak: {RULE}")]
    Weak,
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
            create_private(&path_of(folder, &kid), &random.secret()?)?;
        }
        Self::read(folder)
    }

    /// The keys that are in the folder, which may be none.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let keys = Self::kids_in(folder)?
            .into_iter()
            .map(|kid| {
                let key = read_private(&path_of(folder, &kid))?;
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

    pub(crate) fn kids(&self) -> Vec<String> {
        self.keys.iter().map(|it| it.0.clone()).collect()
    }

    /// The keys without their secrets, oldest first.
    pub fn list(&self) -> Vec<SigningKey> {
        let last = self.keys.len().saturating_sub(1);
        let keys = self.keys.iter().enumerate();
        keys.map(|(index, (kid, key))| SigningKey {
            kid: kid.clone(),
            signs: index == last,
            is_imported: is_imported(kid),
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
        create_private(&path_of(folder, &kid), &random.secret()?)?;
        Ok(kid)
    }

    /// Adds the secret with which another service signs, such as Django's `SECRET_KEY`, to `folder`.
    /// It signs from now on, so that the services that verify with it go on doing so, and tokens of
    /// that service are good. Returns its name.
    pub fn import(
        folder: &Path,
        secret: &str,
        random: &Random,
        now: Timestamp,
    ) -> Result<String, KeyError> {
        let secret = secret.trim_ascii();
        if is_weak(secret.as_bytes()) {
            return Err(KeyError::Weak);
        }
        make_private_folder(folder)?;
        let _lock = lock(folder)?;
        let ring = Self::read(folder)?;
        let same = |it: &&(String, Zeroizing<Vec<u8>>)| it.1.as_slice() == secret.as_bytes();
        if let Some((kid, _)) = ring.keys.iter().find(same) {
            return Err(KeyError::Present(kid.clone()));
        }
        let kid = next_kid(folder, random, now)? + IMPORTED;
        create_private(&path_of(folder, &kid), secret)?;
        Ok(kid)
    }

    /// Removes a key of `folder` that does not sign: its tokens are refused from now on.
    pub fn retire(folder: &Path, kid: &str) -> Result<(), KeyError> {
        let _lock = lock(folder)?;
        let kids = Self::kids_in(folder)?;
        if !kids.iter().any(|it| it == kid) {
            return Err(KeyError::Unknown(kid.to_owned()));
        }
        if kids.last().is_some_and(|it| it == kid) {
            return Err(KeyError::Signs(kid.to_owned()));
        }
        let remove = || {
            fs::remove_file(path_of(folder, kid))?;
            sync_folder(folder)
        };
        Ok(remove().map_err(Failure::when("removing a key"))?)
    }
}

fn path_of(folder: &Path, kid: &str) -> PathBuf {
    folder.join(format!("signing-{kid}.key"))
}

pub(crate) fn is_imported(kid: &str) -> bool {
    kid.ends_with(IMPORTED)
}

/// A name that sorts after all others, whatever the clock says.
fn next_kid(folder: &Path, random: &Random, now: Timestamp) -> Result<String, Failure> {
    let last = Keyring::kids_in(folder)?.pop();
    let suffix = u32::from_be_bytes(random.bytes()?);
    let at = now.to_string().replace([':', '-'], "");
    let kid = format!("{at}-{suffix:08x}");
    Ok(match last {
        Some(last) if kid <= last => format!("{last}-{suffix:08x}"),
        _ => kid,
    })
}

/// The time that [`next_kid`] put at the start of the name.
fn made_at(kid: &str) -> Option<Timestamp> {
    Timestamp::parse(kid.split('-').next()?)
}

/// The key that the tokens of mailed links are derived from.
pub struct LinkKey(pub(crate) Zeroizing<Vec<u8>>);

impl LinkKey {
    /// Reads `links.key` in `folder`, or makes it.
    pub fn open(folder: &Path, random: &Random) -> Result<Self, Failure> {
        make_private_folder(folder)?;
        if !Self::path(folder).exists() {
            create_private(&Self::path(folder), &random.secret()?)?;
        }
        Self::read(folder)
    }

    /// Reads the key, which must be there.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        read_private(&Self::path(folder)).map(Self)
    }

    fn path(folder: &Path) -> PathBuf {
        folder.join("links.key")
    }
}
