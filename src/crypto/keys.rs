//! Key files: made on the first start, refused when others can read them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Random;
use crate::domain::Timestamp;
use crate::failure::Failure;

/// HS256 needs as many bits as its hash has (RFC 7518, section 3.2).
const LEAST_BYTES: usize = 32;
/// A random key of that length has more different bytes than this; `aaaa…` has not.
const LEAST_DIFFERENT_BYTES: usize = 10;
const RULE: &str = "a key needs 32 random characters";

/// The signing keys by their `kid`, oldest first. The last one signs; all verify.
pub struct Keyring {
    pub(super) folder: PathBuf,
    pub(super) keys: Vec<(String, Zeroizing<Vec<u8>>)>,
}

/// A signing key, without its secret.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Its name.
    pub kid: String,
    /// Whether it signs; otherwise it only verifies.
    pub signs: bool,
    /// Whether another service made it, whose tokens it verifies too.
    pub is_imported: bool,
    /// The length of the secret, in bytes.
    pub bytes: usize,
}

/// The end of the name of a key that another service made. Only such a key is tried on a token whose
/// header names no key.
const IMPORTED: &str = "-imported";

/// Why a key was not imported or retired.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is none of that name.
    #[error("there is no signing key {0:?}; `key list` shows them")]
    Unknown(String),
    /// It is there already.
    #[error("this key is there already, as {0}; nothing was done")]
    Present(String),
    /// Somebody would guess it.
    #[error("the key is too weak: {RULE}")]
    Weak,
    /// Nothing could be signed without it.
    #[error("{0} is the key that signs; run `key rotate` first, then retire it")]
    Signs(String),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Keyring {
    /// Reads `signing-<kid>.key` in `folder`, whose text is the key; makes one if there is none.
    ///
    /// # Errors
    /// If a file cannot be read, can be read by others, or holds a weak key.
    pub fn open(folder: &Path, random: &Random, now: Timestamp) -> Result<Self, Failure> {
        make_private_folder(folder)?;
        let _lock = lock(folder)?;
        if Self::kids_in(folder)?.is_empty() {
            let kid = next_kid(folder, random, now)?;
            create_private(&path_of(folder, &kid), &random.secret()?)?;
        }
        Self::read(folder)
    }

    /// The keys that are in the folder.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
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
    pub(super) fn kids_in(folder: &Path) -> Result<Vec<String>, Failure> {
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

    pub(super) fn kids(&self) -> Vec<String> {
        self.keys.iter().map(|it| it.0.clone()).collect()
    }

    /// The keys without their secrets, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<SigningKey> {
        let last = self.keys.len().saturating_sub(1);
        let keys = self.keys.iter().enumerate();
        keys.map(|(index, (kid, key))| SigningKey {
            kid: kid.clone(),
            signs: index == last,
            is_imported: is_imported(kid),
            bytes: key.len(),
        })
        .collect()
    }

    /// Makes the key in `folder` that signs from now on, and returns its name.
    ///
    /// # Errors
    /// If it cannot be written.
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
    ///
    /// # Errors
    /// [`KeyError::Weak`], [`KeyError::Present`], or what broke.
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
    ///
    /// # Errors
    /// [`KeyError::Unknown`], [`KeyError::Signs`], or what broke.
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
            fs::File::open(folder)?.sync_all()
        };
        Ok(remove().map_err(Failure::when("removing a key"))?)
    }
}

fn path_of(folder: &Path, kid: &str) -> PathBuf {
    folder.join(format!("signing-{kid}.key"))
}

pub(super) fn is_imported(kid: &str) -> bool {
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

fn is_weak(key: &[u8]) -> bool {
    let mut different = Zeroizing::new(key.to_vec());
    different.sort_unstable();
    different.dedup();
    key.len() < LEAST_BYTES || different.len() < LEAST_DIFFERENT_BYTES
}

/// The key that the tokens of mailed links are derived from.
pub struct LinkKey(pub(super) Zeroizing<Vec<u8>>);

impl LinkKey {
    /// Reads `links.key` in `folder`, or makes it.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn open(folder: &Path, random: &Random) -> Result<Self, Failure> {
        make_private_folder(folder)?;
        let path = folder.join("links.key");
        if !path.exists() {
            create_private(&path, &random.secret()?)?;
        }
        read_private(&path).map(Self)
    }
}

fn make_private_folder(folder: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(Failure::when("creating the folder of keys"))
}

/// Of several first starts at once, one makes the signing key; the others wait and find it there.
/// With two keys, the server would not know the one that a command signs with.
fn lock(folder: &Path) -> Result<fs::File, Failure> {
    let lock = || {
        let folder = fs::File::open(folder)?;
        rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive)?;
        Ok::<_, std::io::Error>(folder)
    };
    lock().map_err(Failure::when("waiting for the folder of keys"))
}

/// A key is written whole under another name first: nobody ever reads half of it, and a start that
/// raced another one finds its file there and leaves it alone.
fn create_private(path: &Path, secret: &str) -> Result<(), Failure> {
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        writeln!(file, "{secret}")?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(err) if err.kind() != std::io::ErrorKind::AlreadyExists => return Err(err),
            _ => {}
        }
        fs::remove_file(&draft)
    };
    write().map_err(Failure::when("creating a key"))
}

fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let refuse = |why: String| Failure::new("reading a key", why);
    let metadata = fs::metadata(path).map_err(Failure::when("reading a key"))?;
    let shown = path.display();
    if metadata.mode() & 0o077 != 0 {
        return Err(refuse(format!(
            "others can read {shown}; run: chmod 600 {shown}"
        )));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(refuse(format!(
            "{shown} belongs to another user; run this as its owner"
        )));
    }
    let text = Zeroizing::new(fs::read(path).map_err(Failure::when("reading a key"))?);
    let key = Zeroizing::new(text.trim_ascii().to_vec());
    if is_weak(&key) {
        return Err(refuse(format!(
            "{shown} is too weak: {RULE}; \
             remove the file to have one made (everybody has to log in again)"
        )));
    }
    Ok(key)
}
