//! Rows put aside on the disk while a file is read: memory would not hold what belongs to a million
//! users.

use std::path::Path;

use rusqlite::{Connection, Result, params};

use super::{Sqlite, failure};
use crate::failure::Failure;
use crate::private_file::replace::Draft;

const DOING: &str = "putting rows aside";

/// Texts by the number of whom they belong to. Nothing is left of it, whatever happens: its file has
/// no name.
pub struct Spool(Connection);

impl Spool {
    /// A text for `owner`.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn keep(&mut self, owner: i64, text: &str) -> std::result::Result<(), Failure> {
        let keep = || {
            self.0
                .prepare_cached("INSERT INTO rows (owner, text) VALUES (?, ?)")?
                .execute(params![owner, text])
        };
        keep().map(drop).map_err(|err| failure(DOING, err))
    }

    /// All texts for `owner`, in the order in which they came.
    ///
    /// # Errors
    /// If the disk does not answer.
    pub fn of(&self, owner: i64) -> std::result::Result<Vec<String>, Failure> {
        let find = || {
            self.0
                .prepare_cached("SELECT text FROM rows WHERE owner = ? ORDER BY id")?
                .query_map([owner], |row| row.get(0))?
                .collect::<Result<Vec<_>>>()
        };
        find().map_err(|err| failure(DOING, err))
    }
}

fn open(path: &Path) -> Result<Spool> {
    let connection = Connection::open(path)?;
    // What a crash destroys here is not missed.
    connection.pragma_update(None, "journal_mode", "off")?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.execute_batch(
        "BEGIN;
         CREATE TABLE rows (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
         CREATE INDEX rows_by_owner ON rows (owner);",
    )?;
    Ok(Spool(connection))
}

impl Sqlite {
    /// An empty one on the disk of the database, which has room for users.
    pub(crate) fn new_spool(&self) -> std::result::Result<Spool, Failure> {
        let draft = Draft::beside(&self.path).map_err(Failure::when(DOING))?;
        // The draft goes at the end of this function; the open file stays until it is closed.
        open(draft.path()).map_err(|err| failure(DOING, err))
    }
}
