//! The statements of a transaction, run by SQLite. They stay prepared.

use std::ops::ControlFlow;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, ToSql, params_from_iter};

use crate::clock::Reading;
use crate::store::sql::{Error, Result, Row, Sql, Value};

/// In KiB. The indexes of names and addresses are written to all over the place.
const CACHE_FOR_MANY: i32 = 64 << 10;

/// What no session look-up reads. No trigger and no foreign key leads from these tables to others
/// than these.
const BESIDE_SESSIONS: [&str; 6] = [
    "audit",
    "counts",
    "links",
    "login_attempts",
    "outbox",
    "password_history",
];

pub(super) struct Statements<'c> {
    connection: &'c Connection,
    touches_sessions: bool,
    is_probe: bool,
}

impl<'c> Statements<'c> {
    pub(super) fn over(connection: &'c Connection) -> Self {
        Self {
            connection,
            touches_sessions: false,
            is_probe: false,
        }
    }

    /// Whether a statement may have changed what a session look-up reads.
    pub(super) fn touch_sessions(&self) -> bool {
        self.touches_sessions
    }

    /// Whether the transaction is to be written though it may change nothing.
    pub(super) fn is_probe(&self) -> bool {
        self.is_probe
    }

    fn prepare(&mut self, sql: &str) -> Result<CachedStatement<'c>> {
        let statement = self.connection.prepare_cached(sql)?;
        self.touches_sessions =
            self.touches_sessions || !(statement.readonly() || is_beside_sessions(sql));
        Ok(statement)
    }
}

impl Sql for Statements<'_> {
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<usize> {
        let mut statement = self.prepare(sql)?;
        Ok(statement.execute(params_from_iter(values))?)
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            if each(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn insert(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Option<i64>> {
        let mut statement = self.prepare(sql)?;
        match statement.execute(params_from_iter(values)) {
            Ok(_) => Ok(Some(self.connection.last_insert_rowid())),
            Err(err) if is_clash(&err) => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    /// Of a statement with more rows, or with an answer, SQLite keeps what undoes it alone, behind what
    /// undoes the savepoint before it, and searches all of that at its end: that made an import in a
    /// random order four times as slow.
    fn rows_together(&self) -> usize {
        1
    }

    fn insert_all(
        &mut self,
        sql: &str,
        _key: &str,
        _keys: &[&str],
        values: &[Value<'_>],
    ) -> Result<Vec<i64>> {
        Ok(self.insert(sql, values)?.into_iter().collect())
    }

    fn last_number(&mut self, table: &str) -> Result<i64> {
        let found = self
            .connection
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = ?1")?
            .query_row([table], |row| row.get(0))
            .optional()?;
        Ok(found.unwrap_or(0))
    }

    fn set_last_number(&mut self, table: &str, to: i64) -> Result<()> {
        // SQLite makes the row with the first row of the table.
        for sql in [
            "DELETE FROM sqlite_sequence WHERE name = ?1 AND ?2 IS NOT NULL",
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
        ] {
            self.connection.execute(sql, (table, to))?;
        }
        Ok(())
    }

    fn next_audit_number(&mut self) -> Result<i64> {
        Ok(self.last_number("audit")? + 1)
    }

    fn expect_pauses(&mut self) -> Result<()> {
        Ok(())
    }

    fn clock(&mut self) -> Result<Option<Reading>> {
        Ok(None)
    }

    fn expect_many(&mut self) -> Result<()> {
        Ok(self
            .connection
            .pragma_update(None, "cache_size", -CACHE_FOR_MANY)?)
    }

    fn wrote_many(&mut self) -> Result<()> {
        // It plans by the indexes that there are.
        Ok(())
    }

    fn probe(&mut self) -> Result<()> {
        // The stamp of the commit is enough. A second one would break the chain of stamps.
        self.is_probe = true;
        Ok(())
    }
}

/// Whether a statement changes one of those tables only. A statement of a form that is not known here
/// counts as touching sessions.
fn is_beside_sessions(sql: &str) -> bool {
    let mut words = sql.split_ascii_whitespace();
    let table = match words.next() {
        Some("INSERT" | "DELETE") => words.nth(1),
        Some("UPDATE") => words.next(),
        _ => None,
    };
    table.is_some_and(|it| BESIDE_SESSIONS.contains(&it))
}

fn is_clash(err: &rusqlite::Error) -> bool {
    let code = err.sqlite_extended_error_code();
    matches!(
        code,
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY)
    )
}

impl Row for rusqlite::Row<'_> {
    fn value(&self, column: usize) -> Result<Value<'_>> {
        Ok(match self.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Blob(bytes) => Value::Bytes(bytes),
            text @ ValueRef::Text(_) => Value::Text(text.as_str().map_err(rusqlite::Error::from)?),
            ValueRef::Real(_) => {
                return Err(Error::fault(format!("column {column} holds a fraction")));
            }
        })
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(number),
            Self::Bool(it) => ValueRef::Integer(it.into()),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
