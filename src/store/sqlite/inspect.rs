//! Looking at a database that is not opened for use: nothing is created, migrated or written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Result};

use super::{audit, backup, failure, maintenance, open};
use crate::domain::Timestamp;
use crate::failure::Failure;
use crate::progress::unwatched;
use crate::store::audit::Chain;
use crate::store::maintenance::DatabaseStatus;

const DOING: &str = "inspecting the database";

/// A reader waits only for whoever recovers the log after a crash.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database file as it is, also beside a running server.
pub struct Inspection {
    path: PathBuf,
    connection: Connection,
}

impl Inspection {
    /// Looks at the file, which must be there.
    ///
    /// # Errors
    /// If it cannot be read, or is no database of this program.
    pub fn of(path: &Path) -> std::result::Result<Self, Failure> {
        let open = || {
            // Somebody who may write leaves no log behind where there was none; but a log that a
            // crash left is evidence, which the last one to write would move into the database.
            let flags = if open::log_of(path).exists() {
                OpenFlags::SQLITE_OPEN_READ_ONLY
            } else {
                OpenFlags::SQLITE_OPEN_READ_WRITE
            };
            let connection =
                Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.busy_timeout(PATIENCE)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            connection.pragma_update(None, "cell_size_check", true)?;
            let id = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
            Ok((connection, id))
        };
        let (connection, id): (_, i32) = open().map_err(|err| failure(DOING, err))?;
        if id != open::APPLICATION_ID {
            return Err(open::foreign(path));
        }
        let path = path.to_owned();
        Ok(Self { path, connection })
    }

    /// The version of its schema.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn schema(&self) -> std::result::Result<i32, Failure> {
        self.ask(open::applied)
    }

    /// What is wrong with its pages and references; nothing, if it is sound.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn problems(&mut self) -> std::result::Result<Vec<String>, Failure> {
        backup::problems(&mut self.connection, &unwatched()).map_err(|err| failure(DOING, err))
    }

    /// How things stand at `now`, in a schema of today.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn status(&self, now: Timestamp) -> std::result::Result<DatabaseStatus, Failure> {
        self.ask(|c| maintenance::status(c, &self.path, now))
    }

    /// Walks the whole audit trail, in a schema of today.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn verify_audit(&self) -> std::result::Result<Chain, Failure> {
        self.ask(|c| audit::verify(c, &unwatched()))
    }

    /// When something was last written down.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn last_change(&self) -> std::result::Result<Option<Timestamp>, Failure> {
        self.ask(|c| {
            c.query_row("SELECT at FROM audit ORDER BY id DESC LIMIT 1", [], |row| {
                row.get(0).map(Timestamp)
            })
            .optional()
        })
    }

    fn ask<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T>,
    ) -> std::result::Result<T, Failure> {
        query(&self.connection).map_err(|err| failure(DOING, err))
    }
}
