//! A file that is written beside its place: whoever looks there finds what was before, or the whole
//! new file.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// How the name of every draft ends, after 16 random hexadecimal digits.
const SUFFIX: &str = ".minisass.tmp";
const DIGITS: usize = 16;

/// Whoever still works on a draft writes to it more often than this. The number of a process would
/// say less: in a container it is often 1, for every one that ever ran.
const STALE: Duration = Duration::from_secs(3600);

/// A file that disappears unless it is kept.
pub struct Draft(PathBuf);

impl Draft {
    /// A new empty file of mode 0600 beside `path`. Drafts that a crash left in that folder go.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn beside(path: &Path) -> io::Result<Self> {
        remove_stale(folder_of(path));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let random = RandomState::new().hash_one(());
        let draft = path.with_file_name(format!("{name}.{random:0DIGITS$x}{SUFFIX}"));
        File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        Ok(Self(draft))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Gives the file its name, on the disk too. With `replacing`, a file of that name goes.
    ///
    /// # Errors
    /// If it cannot be done; the draft is gone then.
    pub fn keep(self, path: &Path, replacing: bool) -> io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        if replacing {
            fs::rename(&self.0, path)?;
        } else {
            self.give_free_name(path)?;
        }
        File::open(folder_of(path))?.sync_all()
    }

    /// Unlike a plain rename this refuses a name that somebody took meanwhile. Some file systems know
    /// only one of the two ways: exFAT has no links, NFS no such rename.
    fn give_free_name(&self, path: &Path) -> io::Result<()> {
        match fs::hard_link(&self.0, path) {
            Err(err) if err.kind() != io::ErrorKind::AlreadyExists => Ok(renameat_with(
                CWD,
                &self.0,
                CWD,
                path,
                RenameFlags::NOREPLACE,
            )?),
            linked => linked,
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename it is not there any more.
        let _ = fs::remove_file(&self.0);
    }
}

/// The folder that holds `path`.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn remove_stale(folder: &Path) {
    // A folder that may be written to and not read is left as it is.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let modified = entry.metadata().and_then(|it| it.modified()).ok();
        let age = modified.and_then(|it| it.elapsed().ok());
        if name.to_str().is_some_and(is_draft) && age.is_some_and(|it| it > STALE) {
            // Somebody else may have been faster.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_draft(name: &str) -> bool {
    let random = name
        .strip_suffix(SUFFIX)
        .and_then(|it| it.rsplit_once('.'))
        .map(|(_, random)| random);
    random.is_some_and(|it| it.len() == DIGITS && it.bytes().all(|b| b.is_ascii_hexdigit()))
}
