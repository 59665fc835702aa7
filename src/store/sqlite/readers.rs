//! What reads a file: connections, each used on the caller's thread, and what they tell of the file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use rusqlite::Connection;

use super::error::when;
use super::group::Shared;
use super::statements::Statements;
use super::{backup, connect, log, migrate};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::store::sql::{self, Sql};

/// As many connections as threads ever read at once: two mutex operations cost 50 ns, a new
/// connection 100 µs.
pub(crate) struct Readers {
    path: PathBuf,
    open: fn(&Path) -> Result<Connection, Failure>,
    idle: Mutex<Vec<Connection>>,
    /// Whether the file is read alone, because there is no room for what SQLite has beside it.
    passes_over_log: AtomicBool,
    /// Held by all who read the file alone.
    alone: RwLock<()>,
    /// What is known of the file, once it is open to be written to.
    shared: Arc<OnceLock<Arc<Shared>>>,
}

impl Readers {
    pub(super) fn new(path: &Path, open: fn(&Path) -> Result<Connection, Failure>) -> Self {
        Self {
            path: path.to_owned(),
            open,
            idle: Mutex::new(Vec::new()),
            passes_over_log: AtomicBool::new(false),
            alone: RwLock::new(()),
            shared: Arc::default(),
        }
    }

    /// Readers of a file that is written to as well.
    pub(super) fn beside(self, shared: Arc<OnceLock<Arc<Shared>>>) -> Self {
        Self { shared, ..self }
    }

    /// From now on the file is read alone.
    pub(super) fn pass_over_log(&self) {
        self.passes_over_log.store(true, Ordering::SeqCst);
    }

    /// Runs `open` while nobody reads the file alone; who closes that would take away the locks of what
    /// was opened. If it succeeds, the log is read from now on.
    pub(super) fn with_log_again<T>(
        &self,
        open: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let _nobody = self.alone.write().unwrap_or_else(PoisonError::into_inner);
        let opened = open()?;
        self.passes_over_log.store(false, Ordering::SeqCst);
        Ok(opened)
    }

    fn with_file_alone<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let doing = "reading the database";
        // Somebody else found room, and we shall in a second.
        if connect::size(&log::log_of(&self.path)) > 0 {
            return Err(Failure::new(doing, "the disk was full a moment ago").transient());
        }
        work(&mut connect::untouched(&self.path).map_err(when(doing))?)
    }

    /// Looks at a file, also beside a running server: nothing is created, migrated or written.
    pub(crate) fn inspect(path: &Path) -> Result<Self, Failure> {
        connect::check_log(path)?;
        let readers = Self::new(path, connect::inspector);
        // The refusals come now, and not with the first question.
        readers.with(|_| Ok(()))?;
        Ok(readers)
    }

    /// Runs `query`, which sees one state of the database.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&mut dyn Sql) -> sql::Result<T>,
    ) -> Result<T, Failure> {
        self.with(|connection| in_snapshot(connection, query).map_err(|err| err.when(doing)))
    }

    /// What is wrong with the database, at most a hundred things.
    pub(crate) fn problems(
        &self,
        doing: &'static str,
        progress: &Progress,
    ) -> Result<Vec<String>, Failure> {
        self.with(|it| backup::problems(it, progress).map_err(when(doing)))
    }

    /// Copies the database and returns the size of the copy and how many users are in it.
    pub(crate) fn back_up(&self, to: &Path, progress: &Progress) -> Result<(u64, i64), Failure> {
        self.with(|it| backup::copy(it, to, false, progress))
    }

    /// The sizes of the file and of its write-ahead log, in bytes.
    pub(crate) fn sizes(&self) -> (u64, u64) {
        let log = log::log_of(&self.path);
        (connect::size(&self.path), connect::size(&log))
    }

    /// The version of the schema, which may be that of another program.
    pub(crate) fn schema(&self, doing: &'static str) -> Result<i32, Failure> {
        self.with(|it| migrate::applied(it).map_err(when(doing)))
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.passes_over_log.load(Ordering::SeqCst) {
            let _one_of_them = self.alone.read().unwrap_or_else(PoisonError::into_inner);
            // It may have been the last moment.
            if self.passes_over_log.load(Ordering::SeqCst) {
                return self.with_file_alone(work);
            }
        }
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => (self.open)(&self.path).map_err(|err| self.lost_or(err))?,
        };
        let answer = work(&mut connection).map_err(|err| self.lost_or(err));
        if connection.is_autocommit() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
        answer
    }

    /// Of a file that was taken away or cut off, SQLite says this and that.
    fn lost_or(&self, failure: Failure) -> Failure {
        let shared = self.shared.get();
        shared
            .and_then(|it| it.place.check().err())
            .unwrap_or(failure)
    }

    pub(super) fn close(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

fn in_snapshot<T>(
    connection: &Connection,
    query: impl FnOnce(&mut dyn Sql) -> sql::Result<T>,
) -> sql::Result<T> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let answer = query(&mut Statements::over(connection));
    // After an error SQLite may have ended the transaction by itself.
    if !connection.is_autocommit() {
        connection.prepare_cached("COMMIT")?.execute([])?;
    }
    answer
}
