//! What SQLite's errors mean, in words, and what to do about them.

use std::error::Error;
use std::{fmt, io, iter};

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_INTERRUPT, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};

use crate::failure::{DISK_ERROR, DISK_FULL, Failure, READ_ONLY, disk_fault};
use crate::private_file::lock;
use crate::store::sql;

impl From<rusqlite::Error> for sql::Error {
    fn from(err: rusqlite::Error) -> Self {
        known(&err).unwrap_or_else(|| Self::fault(err))
    }
}

/// What may happen without a fault of ours, in words.
fn known(err: &rusqlite::Error) -> Option<sql::Error> {
    let inner = err.sqlite_error()?;
    Some(match inner.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => sql::Error::passing(Locked),
        ErrorCode::DiskFull => sql::Error::passing(DISK_FULL),
        // The index of the log is a few pages; for what else it could not grow nobody knows.
        ErrorCode::SystemIoFailure if inner.extended_code == SQLITE_IOERR_SHMSIZE => {
            sql::Error::passing(DISK_FULL)
        }
        ErrorCode::SystemIoFailure => sql::Error::passing(disk_words(inner.extended_code)),
        ErrorCode::ReadOnly => sql::Error::passing(READ_ONLY),
        ErrorCode::CannotOpen => sql::Error::fault(
            "it cannot be opened; see that its folder is there and that this user may write in it",
        ),
        ErrorCode::NotADatabase => sql::Error::fault(
            "the file is not a database, or damaged at its start; stop the server, move it away, and \
             put a backup in its place with `db restore`",
        ),
        // SQLite says so too when the disk cannot read.
        ErrorCode::DatabaseCorrupt if is_out_of_order() => sql::Error::passing(DISK_ERROR),
        ErrorCode::DatabaseCorrupt => sql::Error::fault(
            "the database is damaged; stop the server, run `db check`, and put a backup in its \
                 place with `db restore`",
        ),
        _ => return None,
    })
}

fn is_out_of_order() -> bool {
    disk_fault(&io::Error::last_os_error()) == Some(DISK_ERROR)
}

/// What the disk refuses. SQLite does not pass on what the system said, but that is the last thing which
/// failed on this thread; if something else failed since then, it is none of these.
fn disk_words(number: i32) -> String {
    if let Some(words) = disk_fault(&io::Error::last_os_error()) {
        words.to_owned()
    } else if number == SQLITE_IOERR_WRITE {
        "the disk does not take what is written: it is full, a quota is used up, or it is out of \
         order; make room on the disk, or look at what `dmesg` prints"
            .to_owned()
    } else {
        // The number says what was being done to the file.
        format!("SQLite's error {number}: {DISK_ERROR}")
    }
}

/// As [`when`], of a library that hides the error of SQLite behind its own.
pub(super) fn when_behind<E: Error + Send + Sync + 'static>(
    doing: &'static str,
) -> impl FnOnce(E) -> Failure {
    move |err| {
        let first: &(dyn Error + 'static) = &err;
        let mut causes = iter::successors(Some(first), |it| (**it).source());
        let known = causes.find_map(|it| known(it.downcast_ref()?));
        known.map_or_else(|| Failure::new(doing, err), |it| it.when(doing))
    }
}

/// Somebody else has the lock. Who that is, the system is asked when it is said: most of these errors
/// are answered with a new try or a 503, and never read.
#[derive(Debug)]
struct Locked;

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder = lock::holder_of_open_files();
        let holder = holder.as_deref().unwrap_or("another program");
        write!(
            f,
            "{holder} has locked the database and does not let go; wait for it, or end it, and try again"
        )
    }
}

impl Error for Locked {}

/// For `map_err`.
pub(super) fn when(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Failure {
    move |err| sql::Error::from(err).when(doing)
}

/// What SQLite itself says of work that was told to end.
pub(super) fn interrupted() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(SQLITE_INTERRUPT);
    rusqlite::Error::SqliteFailure(code, None)
}
