//! What a statement needs of an engine. The SQL of the nouns is the subset that SQLite and PostgreSQL
//! both speak; what differs is a method of [`Sql`]. PostgreSQL learns the type of a parameter where it is
//! named first, so that is not in `?1 IS NULL`.

use std::ops::{ControlFlow, RangeInclusive};

use crate::clock::Reading;
use crate::domain::{SessionId, Timestamp, UserId};
use crate::failure::Failure;

/// SQLite takes 32 766 parameters, PostgreSQL 65 535: so tables of up to 32 columns fit.
const MOST_ROWS: usize = 1000;

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The transaction in which a closure of `Store::read` or `Store::write` runs. Parameters are `?1`,
/// `?2`, …
pub(crate) trait Sql {
    /// Returns how many rows were changed.
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<usize>;
    /// Hands the rows to `each`, until it breaks.
    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<ControlFlow<()>>,
    ) -> Result<()>;
    /// Adds a row to a table with numbered rows, and returns its number. None if another row has one
    /// of its unique values.
    fn insert(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Option<i64>>;
    /// How many rows a statement had best add.
    fn rows_together(&self) -> usize;
    /// Adds no more than so many rows to such a table, whose column `key` gets these `keys`, and returns
    /// their numbers in that order. If a unique value is taken there are fewer.
    fn insert_all(
        &mut self,
        sql: &str,
        key: &str,
        keys: &[&str],
        values: &[Value<'_>],
    ) -> Result<Vec<i64>>;
    /// The last number that a row of such a table was given, even if that row is gone.
    fn last_number(&mut self, table: &str) -> Result<i64>;
    /// Numbers go on after this one.
    fn set_last_number(&mut self, table: &str, to: i64) -> Result<()>;
    /// The number of the next row of the audit trail. Rows are not numbered by the engine: it may leave
    /// gaps.
    fn next_audit_number(&mut self) -> Result<i64>;
    /// What the clock of the server says, if there is one.
    fn clock(&mut self) -> Result<Option<Reading>>;
    /// Prepares for very many rows.
    fn expect_many(&mut self) -> Result<()>;
    /// Prepares for a transaction that waits for whoever brings the rows.
    fn expect_pauses(&mut self) -> Result<()>;
    /// Has the engine look at what it holds by now, so that it plans for that.
    fn wrote_many(&mut self) -> Result<()>;
    /// Has the transaction write something, so that a full disk shows when it is committed.
    fn probe(&mut self) -> Result<()>;
}

impl dyn Sql + '_ {
    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.query(sql, values, &mut |row| {
            found = Some(read(row)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// The row of a statement that always answers with one.
    pub(crate) fn only<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<T> {
        let found = self.one(sql, values, read)?;
        found.ok_or_else(|| Error::fault("there is no row".to_owned()))
    }

    /// All rows.
    pub(crate) fn all<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.query(sql, values, &mut |row| {
            found.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Adds rows to a table: their values follow one another.
    pub(crate) fn insert_rows(
        &mut self,
        table: &str,
        columns: &[&str],
        values: &[Value<'_>],
    ) -> Result<()> {
        let width = columns.len();
        for some in values.chunks(width * MOST_ROWS) {
            let insert = format!(
                "INSERT INTO {table} ({}) VALUES {}",
                columns.join(", "),
                rows(some.len() / width, width)
            );
            self.execute(&insert, some)?;
        }
        Ok(())
    }

    /// Whether there is a row.
    pub(crate) fn exists(&mut self, sql: &str, values: &[Value<'_>]) -> Result<bool> {
        self.one(sql, values, |_| Ok(())).map(|it| it.is_some())
    }

    /// The number in the first row, or 0.
    pub(crate) fn number(&mut self, sql: &str, values: &[Value<'_>]) -> Result<i64> {
        let found = self.one(sql, values, |row| row.get(0))?;
        Ok(found.unwrap_or(0))
    }
}

/// A row of an answer.
pub(crate) trait Row {
    fn value(&self, column: usize) -> Result<Value<'_>>;
}

impl dyn Row + '_ {
    pub(crate) fn get<T: FromValue>(&self, column: usize) -> Result<T> {
        T::from_value(self.value(column)?).ok_or_else(|| {
            Error::fault(format!("column {column} does not hold what belongs there"))
        })
    }
}

/// A value that goes in or comes out. It borrows, because an import passes millions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Integer(i64),
    Bool(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// `?1, ?2, …` with these numbers.
pub(crate) fn parameters(numbers: RangeInclusive<usize>) -> String {
    let named: Vec<_> = numbers.map(|it| format!("?{it}")).collect();
    named.join(", ")
}

/// `(?1, ?2), (?3, ?4), …`: so many rows.
pub(crate) fn rows(count: usize, width: usize) -> String {
    let row = |row| format!("({})", parameters(row * width + 1..=(row + 1) * width));
    (0..count).map(row).collect::<Vec<_>>().join(", ")
}

/// The values of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::sql::ToValue::value(&$value)),*]
    };
}
pub(crate) use values;

pub(crate) trait ToValue {
    fn value(&self) -> Value<'_>;
}

pub(crate) trait FromValue: Sized {
    fn from_value(value: Value<'_>) -> Option<Self>;
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn value(&self) -> Value<'_> {
        T::value(self)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, T::value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl ToValue for i64 {
    fn value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl FromValue for i64 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }
}

impl FromValue for u32 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

/// For a `LIMIT`.
impl ToValue for usize {
    fn value(&self) -> Value<'_> {
        Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl ToValue for bool {
    fn value(&self) -> Value<'_> {
        Value::Bool(*self)
    }
}

impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bool(it) => Some(it),
            // An engine may have no type of its own for it.
            Value::Integer(number) => Some(number != 0),
            _ => None,
        }
    }
}

impl ToValue for str {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for String {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl ToValue for [u8] {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes.to_owned()),
            _ => None,
        }
    }
}

impl<const N: usize> ToValue for [u8; N] {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

macro_rules! newtypes {
    ($($name:ident),*) => {$(
        impl ToValue for $name {
            fn value(&self) -> Value<'_> {
                self.0.value()
            }
        }

        impl FromValue for $name {
            fn from_value(value: Value<'_>) -> Option<Self> {
                FromValue::from_value(value).map(Self)
            }
        }
    )*};
}
newtypes!(SessionId, Timestamp, UserId);

/// Why a statement was not run.
#[derive(Debug)]
pub(crate) struct Error {
    kind: Kind,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The same statement would fail again.
    Fault,
    /// It may pass: a full disk, an I/O error, a lock.
    Passing,
    /// The transaction could not go on beside others, and would succeed if it were done again.
    Collided,
    /// The server has ended the connection, before it looked at the statement.
    Ended,
    /// The server takes no changes.
    ReadOnly,
}

impl Error {
    pub(crate) fn passing(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::of(Kind::Passing, cause)
    }

    /// Of a transaction that got in the way of another.
    pub(crate) fn collided(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::of(Kind::Collided, cause)
    }

    /// Of a connection that the server has ended.
    pub(crate) fn ended(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::of(Kind::Ended, cause)
    }

    /// Of a server that takes no changes.
    pub(crate) fn read_only(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::of(Kind::ReadOnly, cause)
    }

    pub(crate) fn fault(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::of(Kind::Fault, cause)
    }

    fn of(kind: Kind, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        Self { kind, cause }
    }

    pub(crate) fn ends_connection(&self) -> bool {
        self.kind == Kind::Ended
    }

    pub(crate) fn asks_for_repetition(&self) -> bool {
        self.kind == Kind::Collided
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.kind == Kind::ReadOnly
    }

    pub(crate) fn when(self, doing: &'static str) -> Failure {
        let failure = Failure::new(doing, self.cause);
        if self.kind == Kind::Fault {
            failure
        } else {
            failure.transient()
        }
    }
}
