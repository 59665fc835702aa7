//! The folder of keys. The master key lies there; older versions had all keys there, as files.

use std::fs;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::key_file::{check_folder, read_private};
use super::keys::is_weak;
use crate::failure::Failure;
use crate::private_file::layout::MASTER;
use crate::private_file::sync_folder;

/// The key of mailed links.
const LINKS: &str = "links.key";

/// The keys that an older version left in the folder.
pub struct OldKeys {
    folder: PathBuf,
    /// Those that sign, by their names, oldest first.
    pub(crate) signing: Vec<(String, Zeroizing<Vec<u8>>)>,
    pub(crate) links: Option<Zeroizing<Vec<u8>>>,
}

impl OldKeys {
    /// Where there has been no older version.
    #[must_use]
    pub fn none() -> Self {
        Self {
            folder: PathBuf::new(),
            signing: Vec::new(),
            links: None,
        }
    }

    /// The keys that are there, which may be none.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let mut old = Self {
            folder: folder.to_owned(),
            ..Self::none()
        };
        if !folder.exists() {
            return Ok(old);
        }
        check_folder(folder)?;
        for kid in kids_in(folder)? {
            let key = read_private(&path_of(folder, &kid), is_weak(&kid))?;
            old.signing.push((kid, key));
        }
        let links = folder.join(LINKS);
        if links.exists() {
            old.links = Some(read_private(&links, false)?);
        }
        Ok(old)
    }

    /// Whether there is nothing to take over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.signing.is_empty() && self.links.is_none()
    }

    /// The names of the files, for people.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let links = self.links.as_ref().map(|_| LINKS.to_owned());
        let signing = self.signing.iter().map(|it| file_of(&it.0));
        signing.chain(links).collect()
    }

    /// Removes those files of which `is_kept` says that the key is elsewhere too. Returns their names, and
    /// the names of the others.
    pub(crate) fn remove(
        self,
        is_kept: impl Fn(Option<&str>, &[u8]) -> bool,
    ) -> Result<[Vec<String>; 2], Failure> {
        let signing = self.signing.iter();
        let signing = signing.map(|(kid, key)| (file_of(kid), is_kept(Some(kid), key)));
        let links = self.links.iter();
        let links = links.map(|key| (LINKS.to_owned(), is_kept(None, key)));
        let (kept, others): (Vec<_>, Vec<_>) = signing.chain(links).partition(|it| it.1);
        let remove = || {
            for (name, _) in &kept {
                fs::remove_file(self.folder.join(name))?;
            }
            sync_folder(&self.folder)
        };
        remove().map_err(Failure::when("removing the files of keys"))?;
        Ok([kept, others].map(|it| it.into_iter().map(|it| it.0).collect()))
    }
}

/// The file that seals the keys in the database, unless a setting names another.
#[must_use]
pub fn master_key_in(folder: &Path) -> PathBuf {
    folder.join(MASTER)
}

/// What has been lost of the keys that a folder had, if anything has: the master key, or one of the files
/// of an older version.
pub(crate) fn missing_keys(folder: &Path) -> Option<PathBuf> {
    let master = master_key_in(folder);
    if master.try_exists().unwrap_or(true) {
        return None;
    }
    let links = folder.join(LINKS);
    match kids_in(folder) {
        Err(_) => Some(master),
        Ok(kids) if kids.is_empty() && links.exists() => Some(folder.join("signing-*.key")),
        Ok(kids) if kids.is_empty() => Some(master),
        Ok(_) => Some(links).filter(|it| !it.exists()),
    }
}

fn kids_in(folder: &Path) -> Result<Vec<String>, Failure> {
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

fn file_of(kid: &str) -> String {
    format!("signing-{kid}.key")
}

fn path_of(folder: &Path, kid: &str) -> PathBuf {
    folder.join(file_of(kid))
}
