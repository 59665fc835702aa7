//! Whether the database that is open is still the one of its name. Somebody may delete its folder, or
//! put another file there: what is written from then on would be lost.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::log::{self, beside, log_of};
use crate::failure::Failure;

/// The files of an open database.
pub(super) struct Place {
    /// Open for as long as the database is: to close one of them would take away SQLite's locks on it,
    /// which belong to the process.
    files: Vec<(PathBuf, File)>,
    /// When the database itself was changed, in nanoseconds.
    changed_at: AtomicI64,
    is_lost: AtomicBool,
}

impl Place {
    /// To be asked when the database is open, so that all its files are there.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let paths = [path.to_owned(), log_of(path), beside(path, "-shm")];
        let open = |path: PathBuf| File::open(&path).map(|it| (path, it));
        let files: Vec<_> = paths.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self {
            files,
            changed_at: AtomicI64::new(0),
            is_lost: AtomicBool::new(false),
        })
    }

    /// Fails for good when a file is gone, or another one is in its place. What cannot be found out, for
    /// want of file descriptors, say, is no reason.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let gone = self.files.iter().find(|(path, file)| is_gone(path, file));
        let is_lost = self.is_lost.load(Ordering::SeqCst) || gone.is_some() || self.is_other();
        if !is_lost {
            return Ok(());
        }
        self.is_lost.store(true, Ordering::SeqCst);
        let first = gone.or(self.files.first());
        Err(lost(first.map_or(Path::new(""), |it| &it.0)))
    }

    /// Whether somebody has written another database into the file.
    fn is_other(&self) -> bool {
        let [(_, database), (log, _), ..] = self.files.as_slice() else {
            return false;
        };
        // Otherwise it changes only when the log is moved into it.
        let changed_at = database.metadata().map_or(0, |it| changed_at(&it));
        self.changed_at.swap(changed_at, Ordering::SeqCst) != changed_at
            && !log::belongs(database, log).unwrap_or(true)
    }
}

fn is_gone(path: &Path, file: &File) -> bool {
    match (fs::metadata(path), file.metadata()) {
        (Ok(named), Ok(open)) => (named.dev(), named.ino()) != (open.dev(), open.ino()),
        (Err(err), _) => matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        _ => false,
    }
}

fn changed_at(metadata: &Metadata) -> i64 {
    metadata
        .mtime()
        .wrapping_mul(1_000_000_000)
        .wrapping_add(metadata.mtime_nsec())
}

fn lost(path: &Path) -> Failure {
    let shown = path.display();
    Failure::new(
        "writing to the database",
        format!(
            "{shown} was removed, or another file was put in its place, while it was in use; \
             put the right one there, and start the server again"
        ),
    )
    .transient()
}
