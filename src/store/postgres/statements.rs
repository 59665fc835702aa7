//! The statements of a transaction, run by PostgreSQL. They stay prepared, as long as the connection.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::ops::ControlFlow;
use std::pin::pin;

use bytes::BytesMut;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::client::{Client, Said};
use super::clock;
use super::error::of_begin;
use crate::clock::Reading;
use crate::store::sql::{Result, Row, Sql, Value};

/// Statements of many rows have a text for each number of them; the server remembers what is prepared.
const MOST_PREPARED: usize = 256;

/// A row fits into a page that is there, though the disk is full. A sort that does not fit into the memory that
/// it may have takes 200 KiB of the disk for a moment.
const TAKE_ROOM: &str = "SET LOCAL work_mem = '64kB';
    SELECT count(*) FROM (SELECT repeat(chr(60 + it % 60), 500) || it FROM generate_series(1, 400) AS it
        ORDER BY 1 OFFSET 1) AS sorted;
    SET LOCAL work_mem TO DEFAULT";

type Prepared = HashMap<String, Statement>;

/// For the rest of a transaction that has waited for a lock in vain: others want to go on.
const IMPATIENT: &str = "SET LOCAL lock_timeout = '10ms'";

/// A connection with what is prepared on it.
pub(super) struct Statements {
    pub(super) client: Client,
    prepared: Prepared,
    /// Tables have changed since they were prepared.
    are_outdated: bool,
    /// Somebody else had locked what a statement was about.
    met_lock: bool,
}

impl Statements {
    pub(super) fn over(client: Client) -> Self {
        Self {
            client,
            prepared: Prepared::new(),
            are_outdated: false,
            met_lock: false,
        }
    }

    /// What neither has values nor answers.
    pub(super) fn batch(&mut self, sql: &str) -> Result<()> {
        self.noted(|client| client.batch(sql))
    }

    /// Begins a transaction that is to write.
    pub(super) fn begin(&mut self, sql: &str) -> Result<()> {
        self.client.batch(sql)?.map_err(of_begin)
    }

    /// Ends a transaction; returns what the server warns of.
    pub(super) fn commit(&mut self, sql: &str) -> Result<Option<String>> {
        drop(self.client.take_warning());
        self.batch(sql)?;
        Ok(self.client.take_warning())
    }

    /// If a lock was just waited for in vain, the rest of the transaction does not wait long for the next one.
    pub(super) fn grow_impatient(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.met_lock) {
            return Ok(());
        }
        self.batch(IMPATIENT)
    }

    /// Asks, and notes what an error says of what is asked later.
    fn noted<T>(&mut self, ask: impl FnOnce(&mut Client) -> Result<Said<T>>) -> Result<T> {
        ask(&mut self.client)?.map_err(|err| {
            match err.code() {
                Some(&SqlState::FEATURE_NOT_SUPPORTED) => self.are_outdated = true,
                Some(&SqlState::LOCK_NOT_AVAILABLE) => self.met_lock = true,
                _ => {}
            }
            err.into()
        })
    }

    fn prepare(&mut self, sql: &str, written: impl FnOnce() -> String) -> Result<Statement> {
        if std::mem::take(&mut self.are_outdated) {
            self.prepared.clear();
        }
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        if self.prepared.len() >= MOST_PREPARED {
            self.prepared.clear();
        }
        let written = written();
        let statement = self.noted(|it| it.prepare(&written))?;
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Sql for Statements {
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<usize> {
        if values.is_empty() && is_of_transaction(sql) {
            return self.batch(sql).map(|()| 0);
        }
        let statement = self.prepare(sql, || numbered(sql))?;
        let mut rows = pin!(self.noted(|it| it.rows(&statement, values))?);
        while self.noted(|it| it.next(rows.as_mut()))?.is_some() {}
        let changed = rows.rows_affected().unwrap_or_default();
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let statement = self.prepare(sql, || numbered(sql))?;
        let mut rows = pin!(self.noted(|it| it.rows(&statement, values))?);
        while let Some(row) = self.noted(|it| it.next(rows.as_mut()))? {
            if each(&row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn insert(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Option<i64>> {
        let written = || format!("{} ON CONFLICT DO NOTHING RETURNING id", numbered(sql));
        let statement = self.prepare(sql, written)?;
        let mut rows = pin!(self.noted(|it| it.rows(&statement, values))?);
        let row = self.noted(|it| it.next(rows.as_mut()))?;
        row.map(|row| Ok(row.try_get(0)?)).transpose()
    }

    /// The dear thing is the way there and back.
    fn rows_together(&self) -> usize {
        64
    }

    fn insert_all(
        &mut self,
        sql: &str,
        key: &str,
        keys: &[&str],
        values: &[Value<'_>],
    ) -> Result<Vec<i64>> {
        let sql = format!("{sql} ON CONFLICT DO NOTHING RETURNING {key}, id");
        let added = (self as &mut dyn Sql).all(&sql, values, |row| Ok((row.get(0)?, row.get(1)?)));
        let numbers: HashMap<String, i64> = added?.into_iter().collect();
        if numbers.len() < keys.len() {
            return Ok(numbers.into_values().collect());
        }
        // It answers in whatever order.
        Ok(keys
            .iter()
            .filter_map(|it| numbers.get(*it).copied())
            .collect())
    }

    fn last_number(&mut self, table: &str) -> Result<i64> {
        let sql: &mut dyn Sql = self;
        match table {
            "audit" => sql.number("SELECT last FROM audit_end", &[]),
            "users" => sql.number(
                "SELECT greatest((SELECT max(id) FROM users), (SELECT id FROM last_user_deleted))",
                &[],
            ),
            _ => sql.number(
                "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence(?1, 'id')::regclass), 0)",
                &[Value::Text(table)],
            ),
        }
    }

    fn set_last_number(&mut self, table: &str, to: i64) -> Result<()> {
        let sql: &mut dyn Sql = self;
        let done = match table {
            "audit" => sql.execute("UPDATE audit_end SET last = ?1", &[Value::Integer(to)]),
            "users" => sql.execute(
                "UPDATE last_user_deleted SET id = ?1",
                &[Value::Integer(to)],
            ),
            _ => sql.execute(
                "SELECT setval(pg_get_serial_sequence(?1, 'id'), greatest(?2, 1), ?2 > 0)",
                &[Value::Text(table), Value::Integer(to)],
            ),
        };
        done.map(drop)
    }

    fn next_audit_number(&mut self) -> Result<i64> {
        let next = "UPDATE audit_end SET last = last + 1 RETURNING last";
        (self as &mut dyn Sql).number(next, &[])
    }

    fn clock(&mut self) -> Result<Option<Reading>> {
        clock::read(self).map(Some)
    }

    fn expect_many(&mut self) -> Result<()> {
        Ok(())
    }

    fn expect_pauses(&mut self) -> Result<()> {
        self.batch("SET LOCAL idle_in_transaction_session_timeout = '60s'")
    }

    fn wrote_many(&mut self) -> Result<()> {
        // It would do so by itself within a minute, in which each look-up may read a whole table.
        self.batch("ANALYZE")
    }

    fn probe(&mut self) -> Result<()> {
        self.execute("UPDATE audit_end SET last = last", &[])?;
        self.batch(TAKE_ROOM)
    }
}

/// Savepoints are not prepared: they have other names with each kind of use, and no plan.
fn is_of_transaction(sql: &str) -> bool {
    ["SAVEPOINT ", "ROLLBACK ", "RELEASE "]
        .iter()
        .any(|it| sql.starts_with(it))
}

/// `?1` as PostgreSQL has it. No statement of ours has a question mark in a text.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

impl Row for tokio_postgres::Row {
    fn value(&self, column: usize) -> Result<Value<'_>> {
        let Held(value) = self.try_get(column)?;
        Ok(value)
    }
}

/// What a column holds.
struct Held<'a>(Value<'a>);

type Outcome<T> = std::result::Result<T, Box<dyn StdError + Sync + Send>>;

impl<'a> FromSql<'a> for Held<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Outcome<Self> {
        Ok(Self(match *ty {
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::INT8 => Value::Integer(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Integer(i32::from_sql(ty, raw)?.into()),
            Type::BYTEA => Value::Bytes(raw),
            _ => Value::Text(<&str>::from_sql(ty, raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Outcome<Self> {
        Ok(Self(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::BOOL | Type::INT8 | Type::INT4 | Type::BYTEA)
            || <&str as FromSql>::accepts(ty)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome<IsNull> {
        match *self {
            Self::Null => Ok(IsNull::Yes),
            // A position in a text is one, say.
            Self::Integer(number) if *ty == Type::INT4 => i32::try_from(number)?.to_sql(ty, out),
            Self::Integer(number) if *ty == Type::INT8 => number.to_sql(ty, out),
            // As an engine has it that has no type of its own for it.
            Self::Integer(number) if *ty == Type::BOOL => (number != 0).to_sql(ty, out),
            Self::Bool(it) if *ty == Type::BOOL => it.to_sql(ty, out),
            Self::Bytes(bytes) if *ty == Type::BYTEA => bytes.to_sql(ty, out),
            Self::Text(text) if <&str as ToSql>::accepts(ty) => text.to_sql(ty, out),
            _ => Err(format!("{self:?} is given where {ty} belongs").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
