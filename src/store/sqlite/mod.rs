//! SQLite, in WAL mode with `synchronous=FULL`: reads inline, writes in groups.

mod backup;
mod connect;
mod error;
mod header;
mod log;
mod migrate;
mod readers;
mod restore;
pub(crate) mod scratch;
mod session_cache;
mod statements;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pending::Pending;
use super::sql::{self, Sql};
use crate::domain::{LiveSession, SessionId};
use crate::failure::Failure;
use crate::progress::Progress;
use migrate::Complete;
use readers::Readers;
use session_cache::SessionCache;
use writer::{End, Writer};

/// The database of one file. All writes go through one thread; reads happen on the caller's.
pub(crate) struct Sqlite {
    path: PathBuf,
    readers: Readers,
    /// None if the database is only looked at.
    writing: Option<Writing>,
}

struct Writing {
    sessions: Arc<SessionCache>,
    writer: Writer,
}

impl Sqlite {
    /// Opens the file, or creates it with mode 0600, and brings its schema up to date. `complete`
    /// does what a migration cannot.
    pub(crate) fn open(path: &Path, complete: Complete) -> Result<Self, Failure> {
        Self::open_to(End::Commit, path, complete)
    }

    /// For a dry run: each transaction is rolled back when it has been answered.
    pub(crate) fn open_dry(path: &Path, complete: Complete) -> Result<Self, Failure> {
        Self::open_to(End::RollBack, path, complete)
    }

    fn open_to(end: End, path: &Path, complete: Complete) -> Result<Self, Failure> {
        let connection = migrate::open(path, complete)?;
        let sessions = Arc::new(SessionCache::over(connect::reader(path)?)?);
        let writer = Writer::start(connection, end, Arc::clone(&sessions))?;
        Ok(Self {
            path: path.to_owned(),
            readers: Readers::new(path, connect::reader),
            writing: Some(Writing { sessions, writer }),
        })
    }

    /// Looks at the file, also beside a running server: nothing is created, migrated or written.
    pub(crate) fn inspect(path: &Path) -> Result<Self, Failure> {
        connect::check_log(path)?;
        let readers = Readers::new(path, connect::inspector);
        // The refusals come now, and not with the first question.
        readers.with(|_| Ok(()))?;
        Ok(Self {
            path: path.to_owned(),
            readers,
            writing: None,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&mut dyn Sql) -> sql::Result<T>,
    ) -> Result<T, Failure> {
        self.readers.read(doing, query)
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    ) -> Pending<T> {
        match &self.writing {
            Some(it) => it.writer.submit(doing, job),
            None => Pending::ready(Err(Failure::new(doing, "the database is only looked at"))),
        }
    }

    /// The session from memory, if nothing has changed since it was read, else from `read`.
    pub(crate) fn remembered_session(
        &self,
        id: SessionId,
        read: impl FnOnce() -> Result<Option<LiveSession>, Failure>,
    ) -> Result<Option<LiveSession>, Failure> {
        match &self.writing {
            Some(it) => it.sessions.find(id, read),
            None => read(),
        }
    }

    /// How many session look-ups were not answered from memory.
    pub(crate) fn session_reads(&self) -> u64 {
        self.writing.as_ref().map_or(0, |it| it.sessions.reads())
    }

    /// What is wrong with the database, at most a hundred things.
    pub(crate) fn problems(
        &self,
        doing: &'static str,
        progress: &Progress,
    ) -> Result<Vec<String>, Failure> {
        self.readers
            .with(|it| backup::problems(it, progress).map_err(error::when(doing)))
    }

    /// Copies the database and returns the size of the copy and how many users are in it.
    pub(crate) fn back_up(&self, to: &Path, progress: &Progress) -> Result<(u64, i64), Failure> {
        self.readers
            .with(|it| backup::copy(it, to, false, progress))
    }

    /// The sizes of the file and of its write-ahead log, in bytes.
    pub(crate) fn sizes(&self) -> (u64, u64) {
        let log = log::log_of(&self.path);
        (connect::size(&self.path), connect::size(&log))
    }

    /// The version of the schema, which may be that of another program.
    pub(crate) fn schema(&self, doing: &'static str) -> Result<i32, Failure> {
        self.readers
            .with(|it| migrate::applied(it).map_err(error::when(doing)))
    }

    /// Whether there is a database of this program; what is somebody else's is refused, untouched.
    pub(crate) fn is_there(path: &Path) -> Result<bool, Failure> {
        connect::is_there(path)
    }

    /// The version that the schema of the file has; 0 if there is no file, or nothing in it.
    pub(crate) fn schema_of(path: &Path) -> Result<i32, Failure> {
        migrate::schema_of(path)
    }

    /// The version that the schema of this program has.
    pub(crate) fn newest_schema() -> i32 {
        migrate::known()
    }

    /// The version of the SQLite that is built in, unless it is too old to be safe.
    pub(crate) fn version() -> Result<&'static str, Failure> {
        connect::check_version().map(|()| rusqlite::version())
    }

    /// Puts a backup into the place of a database that holds no users, and returns how many users it
    /// brought. `settle` changes what is put there.
    pub(crate) fn restore(
        from: &Path,
        path: &Path,
        progress: &Progress,
        complete: Complete,
        settle: impl FnOnce(&mut dyn Sql) -> sql::Result<()>,
    ) -> Result<i64, Failure> {
        restore::restore(from, path, progress, complete, settle)
    }

    /// Does what was asked for, moves the write-ahead log into the database and closes it.
    pub(crate) fn close(&self) {
        self.readers.close();
        if let Some(it) = &self.writing {
            it.writer.close();
        }
    }
}
