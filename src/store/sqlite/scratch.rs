//! Rows put aside on the disk while a file is read: memory would not hold what belongs to a million
//! users.

use std::path::Path;

use rusqlite::{Connection, Result};

use super::error::when;
use super::statements::Statements;
use crate::failure::Failure;
use crate::private_file::replace::Draft;
use crate::store::sql::{self, Sql};

/// A database of its own. Nothing is left of it, whatever happens: its file has no name.
pub(crate) struct Scratch(Connection);

impl Scratch {
    /// On the disk of `database`, which has room for users. `tables` are to be made.
    pub(crate) fn beside(
        database: &Path,
        doing: &'static str,
        tables: &str,
    ) -> std::result::Result<Self, Failure> {
        let draft = Draft::beside(database).map_err(Failure::when(doing))?;
        // The draft goes at the end of this function; the open file stays until it is closed.
        open(draft.path(), tables).map(Self).map_err(when(doing))
    }

    pub(crate) fn run<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut dyn Sql) -> sql::Result<T>,
    ) -> std::result::Result<T, Failure> {
        work(&mut Statements::over(&self.0)).map_err(|err| err.when(doing))
    }
}

fn open(path: &Path, tables: &str) -> Result<Connection> {
    let connection = Connection::open(path)?;
    // What a crash destroys here is not missed.
    connection.pragma_update(None, "journal_mode", "off")?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.execute_batch("BEGIN")?;
    connection.execute_batch(tables)?;
    Ok(connection)
}
