//! Texts put aside on the disk while a file is read: memory would not hold what belongs to a million
//! users.

use std::path::Path;

use rusqlite::Connection;

use super::error::when;
use crate::failure::Failure;
use crate::private_file::replace::Draft;

const DOING: &str = "putting rows aside";

/// Texts by the key of whom they belong to, until their owners are known. Nothing is left of them,
/// whatever happens: the file has no name.
pub struct Scratch(Connection);

impl Scratch {
    /// On the disk of `database`, which has room for users.
    pub(crate) fn beside(database: &Path) -> Result<Self, Failure> {
        let draft = Draft::beside(database).map_err(Failure::when(DOING))?;
        // The draft goes at the end of this function; the open file stays until it is closed.
        open(draft.path()).map(Self).map_err(when(DOING))
    }

    /// A text for `owner`.
    pub fn keep(&mut self, owner: &str, text: &str) -> Result<(), Failure> {
        let insert = "INSERT INTO rows (owner, text) VALUES (?1, ?2)";
        let kept = self.0.prepare_cached(insert);
        let kept = kept.and_then(|mut it| it.execute((owner, text)));
        kept.map(drop).map_err(when(DOING))
    }

    /// Hands all texts for `owner` to `each`, one after the other, until that fails.
    pub fn each<E: From<Failure>>(
        &self,
        owner: &str,
        mut each: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let query = "SELECT text FROM rows WHERE owner = ?1 ORDER BY id";
        let mut query = self.0.prepare_cached(query).map_err(when(DOING))?;
        let mut rows = query.query([owner]).map_err(when(DOING))?;
        while let Some(row) = rows.next().map_err(when(DOING))? {
            let text: String = row.get(0).map_err(when(DOING))?;
            each(&text)?;
        }
        Ok(())
    }

    /// All texts for `owner`, in the order in which they came.
    pub fn of(&self, owner: &str) -> Result<Vec<String>, Failure> {
        let mut all = Vec::new();
        self.each(owner, |text| {
            all.push(text.to_owned());
            Ok::<_, Failure>(())
        })?;
        Ok(all)
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // What a crash destroys here is not missed.
    connection.pragma_update(None, "journal_mode", "off")?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.execute_batch(
        "BEGIN;
         CREATE TABLE rows (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, text TEXT NOT NULL) STRICT;
         CREATE INDEX rows_by_owner ON rows (owner);",
    )?;
    Ok(connection)
}
