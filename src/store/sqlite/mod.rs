//! SQLite, in WAL mode with `synchronous=FULL`: reads inline, writes in groups.

mod backup;
mod connect;
mod error;
mod header;
mod migrate;
mod readers;
mod restore;
mod scratch;
mod session_cache;
mod statements;
mod writer;

use std::path::Path;
use std::sync::Arc;

pub use self::connect::{engine_version, is_there};
pub use self::migrate::{newest_schema, schema_of};
pub(crate) use self::readers::Readers;
pub(crate) use self::restore::restore;
pub use self::scratch::Scratch;
pub(crate) use self::writer::End;

use super::pending::Pending;
use super::sql::{self, Sql};
use crate::domain::{LiveSession, SessionId};
use crate::failure::Failure;
use migrate::Complete;
use session_cache::SessionCache;
use writer::Writer;

/// The database of one file. All writes go through one thread; reads happen on the caller's.
pub(crate) struct Sqlite {
    pub(crate) readers: Readers,
    sessions: Arc<SessionCache>,
    writer: Writer,
}

impl Sqlite {
    /// Opens the file, or creates it with mode 0600, and brings its schema up to date. `complete`
    /// does what a migration cannot. Each transaction ends as `end` says.
    pub(crate) fn open(path: &Path, end: End, complete: Complete) -> Result<Self, Failure> {
        let connection = migrate::open(path, complete)?;
        let sessions = Arc::new(SessionCache::over(connect::reader(path)?)?);
        let writer = Writer::start(connection, end, Arc::clone(&sessions))?;
        Ok(Self {
            readers: Readers::new(path, connect::reader),
            sessions,
            writer,
        })
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.writer.submit(doing, job)
    }

    /// The session from memory, if nothing has changed since it was read, else from `read`.
    pub(crate) fn remembered_session(
        &self,
        id: SessionId,
        read: impl FnOnce() -> Result<Option<LiveSession>, Failure>,
    ) -> Result<Option<LiveSession>, Failure> {
        self.sessions.find(id, read)
    }

    /// How many session look-ups were not answered from memory.
    pub(crate) fn session_reads(&self) -> u64 {
        self.sessions.reads()
    }

    /// Does what was asked for, moves the write-ahead log into the database and closes it.
    pub(crate) fn close(&self) {
        self.readers.close();
        self.writer.close();
    }
}
