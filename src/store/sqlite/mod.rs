//! SQLite, in WAL mode with `synchronous=FULL`: reads inline, writes in groups.

pub mod attempts;
pub mod audit;
pub mod backup;
pub mod changes;
pub mod generation;
pub mod import;
pub mod imported_tokens;
pub mod inspect;
pub mod links;
pub mod mails;
pub mod maintenance;
mod open;
pub mod outbox;
pub mod oversight;
pub mod privacy_policy;
pub mod session_cache;
pub mod sessions;
pub mod spool;
pub mod transfer;
pub mod users;
pub mod writer;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::Store;
use super::pending::Pending;
use super::sqlite::session_cache::LiveSessions;
use super::sqlite::writer::{End, Writer};
use crate::domain::Timestamp;
use crate::failure::Failure;

/// The database of one file. All writes go through one thread; reads happen on the caller's.
pub struct Sqlite {
    path: std::path::PathBuf,
    // As many connections as threads ever read at once: two mutex operations cost 50 ns, a new
    // connection 100 µs.
    readers: Mutex<Vec<Connection>>,
    live: LiveSessions,
    writer: Writer,
}

impl Sqlite {
    /// Opens the file, or creates it with mode 0600, and brings its schema up to date.
    ///
    /// # Errors
    /// If the file cannot be opened or is newer than this program, or if SQLite is too old to be safe.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        Self::open_to(End::Commit, path)
    }

    /// As [`Sqlite::open`], for a dry run: each transaction is undone when it has been answered.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_dry(path: &Path) -> Result<Self, Failure> {
        Self::open_to(End::Undo, path)
    }

    fn open_to(end: End, path: &Path) -> Result<Self, Failure> {
        let writing = open::writer(path)?;
        let live = LiveSessions::over(open::reader(path)?)?;
        Ok(Self {
            path: path.to_owned(),
            readers: Mutex::new(Vec::new()),
            live,
            writer: Writer::start(writing, end)?,
        })
    }

    fn read<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Pending<T> {
        Pending::ready(
            self.with_reader(|connection| query(connection).map_err(|err| failure(doing, err))),
        )
    }

    fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.writer.submit(doing, job)
    }

    fn with_reader<T>(
        &self,
        query: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let idle = self
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.path)?,
        };
        let answer = query(&mut connection);
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        answer
    }
}

impl Store for Sqlite {
    fn check_writable(&self) -> Pending<()> {
        // Writes a page, so that a full disk shows.
        self.write("checking that the database can be written", |c| {
            c.pragma_update(None, "user_version", 0)
        })
    }

    fn purge(&self, before: Timestamp) -> Pending<()> {
        self.write("forgetting what has expired", move |c| {
            sessions::purge(c, before)?;
            attempts::purge(c, before)?;
            outbox::purge(c, before)
        })
    }

    fn close(&self) {
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.writer.close();
    }
}

/// A full disk, an I/O error or a lock may pass; anything else is a fault.
fn failure(doing: &'static str, err: rusqlite::Error) -> Failure {
    use rusqlite::ErrorCode as Code;
    let passing = matches!(
        err.sqlite_error_code(),
        Some(
            Code::DiskFull
                | Code::SystemIoFailure
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::ReadOnly
        )
    );
    let failure = match err.sqlite_error_code() {
        // A quota shows as an I/O error too.
        Some(Code::DiskFull | Code::SystemIoFailure) => Failure::new(
            doing,
            format!("{err}; make room on the disk, and try again"),
        ),
        _ => Failure::new(doing, err),
    };
    if passing { failure.passing() } else { failure }
}
