//! A file that is written beside its place and renamed: a reader finds the old file or the whole new
//! one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempPath;

use super::{folder_of, sync_folder};

/// How the name of every draft ends, after some random letters and digits.
const SUFFIX: &str = ".minisass.tmp";
const RANDOM: usize = 16;

/// A draft in use is written to more often than this. The number of its process would say less: in a
/// container that is often 1, for every process that ever ran.
const STALE: Duration = Duration::from_secs(3600);

/// A file that disappears unless it is kept.
pub(crate) struct Draft(TempPath);

impl Draft {
    /// A new empty file of mode 0600 beside `path`. The first one in a folder removes the drafts that
    /// a crash left there.
    pub(crate) fn beside(path: &Path) -> io::Result<Self> {
        let folder = folder_of(path);
        if is_new_here(folder) {
            remove_stale(folder);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let draft = tempfile::Builder::new()
            .prefix(&format!("{name}."))
            .rand_bytes(RANDOM)
            .suffix(SUFFIX)
            // Not `tempfile_in`, which adds the random name to its errors.
            .make_in(folder, |draft| {
                File::options()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(draft)
            })?;
        Ok(Self(draft.into_temp_path()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives the file its name, on the disk too. With `replacing`, a file of that name goes; else
    /// the name must be free. If it fails, the draft is gone.
    pub(crate) fn keep(self, path: &Path, replacing: bool) -> io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        let kept = if replacing {
            self.0.persist(path)
        } else {
            self.0.persist_noclobber(path)
        };
        kept.map_err(|err| err.error)?;
        sync_folder(folder_of(path))
    }
}

/// A file without a name, for what is put aside for a while.
pub(crate) fn nameless() -> io::Result<File> {
    tempfile::tempfile()
}

/// A pipe or a device, opened to be written into: there is nothing in it to replace, and a file in its
/// place would be of no use to whoever reads there. None if it is a file, or not there yet.
pub(crate) fn stream(path: &Path) -> io::Result<Option<File>> {
    let Ok(kind) = fs::metadata(path).map(|it| it.file_type()) else {
        return Ok(None);
    };
    if kind.is_file() {
        return Ok(None);
    }
    if kind.is_fifo() || kind.is_char_device() {
        return File::options().write(true).open(path).map(Some);
    }
    let what = if kind.is_dir() {
        "it is a folder"
    } else {
        "it is neither a file nor a pipe"
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// As `/dev/stdout` is: where a shell has put it, nothing is to be replaced.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    let Ok(named) = fs::metadata(path) else {
        return false;
    };
    let standard = rustix::fs::fstat(io::stdout());
    standard.is_ok_and(|it| (it.st_dev, it.st_ino) == (named.dev(), named.ino()))
}

/// Whether this process asks for the first time: a folder of a million mails is not read for each.
fn is_new_here(folder: &Path) -> bool {
    static KNOWN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.insert(folder.to_owned())
}

/// Removes the drafts that a crash left in a folder, if it can be read.
pub(crate) fn remove_stale(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(is_draft) {
            continue;
        }
        let modified = entry.metadata().and_then(|it| it.modified()).ok();
        let age = modified.and_then(|it| it.elapsed().ok());
        if age.is_some_and(|it| it > STALE) {
            // Somebody else may have been faster.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_draft(name: &str) -> bool {
    // What SQLite makes beside a draft stays if it is killed.
    let beside = ["-wal", "-shm", "-journal"];
    let draft = beside.iter().find_map(|it| name.strip_suffix(it));
    let random = draft
        .unwrap_or(name)
        .strip_suffix(SUFFIX)
        .and_then(|it| it.rsplit_once('.'))
        .map(|(_, random)| random);
    random.is_some_and(|it| it.len() == RANDOM && it.bytes().all(|b| b.is_ascii_alphanumeric()))
}
