//! A database past the program: what is in it, and changes that the program would not make.

use std::ops::{Deref, DerefMut};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::FromSql;

/// A database as another process has it.
pub struct Database(Connection);

impl Database {
    #[track_caller]
    pub fn at(path: &Path) -> Self {
        Self(Connection::open(path).expect("a database"))
    }

    /// A new one, of another program.
    #[track_caller]
    pub fn of_another_program(path: &Path) -> Self {
        let foreign = Self::at(path);
        foreign.change("CREATE TABLE bookmarks (id INTEGER); INSERT INTO bookmarks VALUES (1)");
        foreign
    }

    /// The value in the first column of the first row.
    #[track_caller]
    pub fn get<T: FromSql>(&self, sql: &str) -> T {
        self.query_row(sql, [], |row| row.get(0)).expect(sql)
    }

    #[track_caller]
    pub fn change(&self, sql: &str) {
        self.execute_batch(sql).expect(sql);
    }

    #[track_caller]
    pub fn assert_sound(&self) {
        assert_eq!(self.get::<String>("PRAGMA integrity_check"), "ok");
    }
}

impl Deref for Database {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Database {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}
