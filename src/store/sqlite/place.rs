//! Whether the database that is open is still the one of its name, and whole. Somebody may delete its
//! folder, put another file there or cut it off: what is written from then on would be lost.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::header::Header;
use super::log::{self, log_of};
use crate::failure::{DISK_FULL, Failure};
use crate::private_file::layout::LOCK;
use crate::private_file::{beside, is_replaced, room_beside};

/// What a transaction takes of the disk, with room to spare, in bytes.
const ROOM: u64 = 256 << 10;

/// The files of an open database.
pub(super) struct Place {
    /// Open for as long as the database is: to close one of them would take away SQLite's locks on it,
    /// which belong to the process.
    files: Vec<(PathBuf, File)>,
    /// When the database itself was changed, in nanoseconds.
    changed_at: AtomicI64,
    /// In bytes, of the database itself when it was last looked at.
    length: Mutex<u64>,
    header: Arc<Header>,
    is_lost: AtomicBool,
}

impl Place {
    /// To be asked when the database is open, so that all its files are there.
    pub(super) fn of(path: &Path, header: Arc<Header>) -> io::Result<Self> {
        let mut paths = vec![path.to_owned(), log_of(path), beside(path, "-shm")];
        // A server's: without it a second one could start.
        paths.extend(Some(beside(path, LOCK)).filter(|it| it.exists()));
        let open = |path: PathBuf| File::open(&path).map(|it| (path, it));
        let files: Vec<_> = paths.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self {
            files,
            changed_at: AtomicI64::new(0),
            length: Mutex::new(0),
            header,
            is_lost: AtomicBool::new(false),
        })
    }

    /// Fails when a login would not fit onto the disk any more, though a smaller change would.
    pub(super) fn check_room(&self) -> Result<(), Failure> {
        let is_full = |(_, file): &(PathBuf, File)| room_beside(file).is_some_and(|it| it < ROOM);
        if self.files.first().is_some_and(is_full) {
            return Err(Failure::new("looking at the disk", DISK_FULL).transient());
        }
        Ok(())
    }

    /// Fails for good when a file is gone or cut off, or another one is in its place.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let gone = self
            .files
            .iter()
            .find(|(path, file)| is_replaced(path, file));
        let is_lost =
            self.is_lost.load(Ordering::SeqCst) || gone.is_some() || self.is_other_or_cut();
        if !is_lost {
            return Ok(());
        }
        self.is_lost.store(true, Ordering::SeqCst);
        let first = gone.or(self.files.first());
        Err(lost(first.map_or(Path::new(""), |it| &it.0)))
    }

    fn is_other_or_cut(&self) -> bool {
        let [(_, database), (path, log), ..] = self.files.as_slice() else {
            return false;
        };
        self.is_shorter(database).unwrap_or(false)
            || self.is_cut(database, path, log).unwrap_or(false)
            || self.is_other(database, path)
    }

    /// Whether the database is shorter than it was and than its header says. Only a `VACUUM` makes it
    /// shorter, and says so there first; while a log is moved into it, it may be shorter than its header
    /// says, and grows.
    fn is_shorter(&self, database: &File) -> io::Result<bool> {
        let mut last = self.length.lock().unwrap_or_else(PoisonError::into_inner);
        let length = database.metadata()?.len();
        let is_shorter = length < *last && !log::is_whole(database)?;
        if !is_shorter {
            *last = length;
        }
        Ok(is_shorter)
    }

    /// Whether what the index of the log names is no longer in the log; or the database is not whole
    /// though it has to be: all that counts in the log is in it already, or nothing yet.
    fn is_cut(&self, database: &File, path: &Path, log: &File) -> io::Result<bool> {
        let Some(version) = self.header.read() else {
            return Ok(false);
        };
        let in_log = version.log();
        let is_held = in_log.map_or(Ok(true), |(length, salts)| log::holds(log, length, salts))?;
        let is_there = is_held
            && (log::is_whole(database)?
                || !self.header.is_moved(&version) && !log::is_unmoved(database, path)?);
        // Whoever writes to the log says so in the index afterwards, and whoever empties it before.
        Ok(!is_there && self.header.read() == Some(version))
    }

    /// Whether somebody has written another database into the file.
    fn is_other(&self, database: &File, log: &Path) -> bool {
        // Otherwise it changes only when the log is moved into it.
        let changed_at = database.metadata().map_or(0, |it| changed_at(&it));
        if self.changed_at.load(Ordering::SeqCst) == changed_at {
            return false;
        }
        let belongs = log::belongs(database, log);
        // What could not be judged is looked at again. Nobody passes on somebody else's look that has
        // not come to its end.
        if matches!(belongs, Ok(true)) {
            self.changed_at.store(changed_at, Ordering::SeqCst);
        }
        matches!(belongs, Ok(false))
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
            "{shown} was removed or cut off, or another file was put in its place, while it was in \
             use; put the right one there, and start the server again"
        ),
    )
    .transient()
    .logged_once()
}
