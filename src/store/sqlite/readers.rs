//! The connections that read. A read happens on the caller's thread.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::statements::Statements;
use crate::failure::Failure;
use crate::store::sql::{self, Sql};

/// As many connections as threads ever read at once: two mutex operations cost 50 ns, a new
/// connection 100 µs.
pub(super) struct Readers {
    path: PathBuf,
    open: fn(&Path) -> Result<Connection, Failure>,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: &Path, open: fn(&Path) -> Result<Connection, Failure>) -> Self {
        Self {
            path: path.to_owned(),
            open,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Runs `query`, which sees one state of the database.
    pub(super) fn read<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&mut dyn Sql) -> sql::Result<T>,
    ) -> Result<T, Failure> {
        self.with(|connection| in_snapshot(connection, query).map_err(|err| err.when(doing)))
    }

    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => (self.open)(&self.path)?,
        };
        let answer = work(&mut connection);
        if connection.is_autocommit() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
        answer
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
