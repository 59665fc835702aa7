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

/// The signing keys by their `kid`, oldest first. The last one signs; all verify.
pub struct Keyring {
    pub(super) keys: Vec<(String, Zeroizing<Vec<u8>>)>,
}

impl Keyring {
    /// Reads `signing-<kid>.key` in `folder`, whose text is the key; makes one if there is none.
    ///
    /// # Errors
    /// If a file cannot be read, can be read by others, or holds a weak key.
    pub fn open(folder: &Path, random: &Random, now: Timestamp) -> Result<Self, Failure> {
        make_private_folder(folder)?;
        let _lock = lock(folder)?;
        let mut names: Vec<(String, PathBuf)> = fs::read_dir(folder)
            .map_err(Failure::when("reading the folder of keys"))?
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let kid = path
                    .file_name()?
                    .to_str()?
                    .strip_prefix("signing-")?
                    .strip_suffix(".key")?
                    .to_owned();
                Some((kid, path))
            })
            .collect();
        if names.is_empty() {
            let suffix: [u8; 4] = random.bytes()?;
            let at = now.to_string().replace([':', '-'], "");
            let kid = format!("{at}-{:08x}", u32::from_be_bytes(suffix));
            let path = folder.join(format!("signing-{kid}.key"));
            create_private(&path, &random.secret()?)?;
            names.push((kid, path));
        }
        names.sort();
        let keys = names
            .into_iter()
            .map(|(kid, path)| Ok((kid, read_private(&path)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }
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
    let mut different = key.to_vec();
    different.sort_unstable();
    different.dedup();
    if key.len() < LEAST_BYTES || different.len() < LEAST_DIFFERENT_BYTES {
        return Err(refuse(format!(
            "{shown} is too weak: a key needs {LEAST_BYTES} random characters; \
             remove the file to have one made (everybody has to log in again)"
        )));
    }
    Ok(key)
}
