//! Everything of a database, copied to one of whichever engine: row by row, in one transaction of each,
//! and compared at the end.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{Context, SHA256};

use super::engine::Readers;
use super::pending::Pending;
use super::sql::{self, Row, Sql, Value};
use super::tables::{TABLES, Table};
use super::{Store, clock};
use crate::domain::{Timestamp, counted};
use crate::failure::Failure;
use crate::progress::{Progress, Step};

const DOING: &str = "copying the database";

const WRITER_GONE: &str = "nothing more was written";

const CHANGED: &str =
    "somebody wrote to the original meanwhile; stop every server of it, and run this again";

/// So many rows go by one statement.
const ROWS: usize = 200;

/// As many as the reader may be ahead: memory stays small, however many there are.
const AHEAD: usize = 4;

/// How many rows a table had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    pub name: &'static str,
    pub rows: u64,
}

impl Store {
    /// Copies everything as of now to `target`, where nothing of anybody must be. If it fails all stays as
    /// it was.
    pub fn copy_to(&self, target: &Self, progress: &Progress) -> Result<Vec<CopiedTable>, Failure> {
        copy(&self.readers, target, progress, || Ok(true))
    }

    /// The same of a database that is to be left: fails if anybody writes there meanwhile.
    pub fn move_to(&self, target: &Self, progress: &Progress) -> Result<Vec<CopiedTable>, Failure> {
        let source = self.readers.clone();
        let before = source.read(DOING, state).wait()?;
        copy(&self.readers, target, progress, move || {
            Ok(source.read(DOING, state).wait()? == before)
        })
    }

    /// Refuses a database where anything is that belongs to somebody.
    pub fn ensure_empty(&self) -> Result<(), Failure> {
        self.read(DOING, check_empty).wait()
    }
}

/// What the reader hands to the writer.
enum Part {
    /// Some rows of the table of that number.
    Rows(usize, Vec<Cell>),
    /// What the tables were, now that they have all been read.
    End(Vec<Digested>),
}

/// What a table holds, and the last number that a row of it was given.
#[derive(PartialEq, Eq)]
struct Digested {
    rows: u64,
    digest: Vec<u8>,
    last: i64,
}

/// A value that outlives its row.
enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            // An engine may have no type of its own for it.
            Value::Bool(it) => Self::Integer(it.into()),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_owned()),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }

    /// Told apart from its neighbours by its kind and its length.
    fn add_to(&self, digest: &mut Context) {
        let (kind, number, bytes) = match self {
            Self::Null => (0, 0, &[][..]),
            Self::Integer(number) => (1, *number, &[][..]),
            Self::Text(text) => (2, length(text.len()), text.as_bytes()),
            Self::Bytes(bytes) => (3, length(bytes.len()), &bytes[..]),
        };
        digest.update(&[kind]);
        digest.update(&number.to_be_bytes());
        digest.update(bytes);
    }
}

fn length(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

pub(super) fn copy(
    from: &Readers,
    target: &Store,
    progress: &Progress,
    is_as_before: impl Fn() -> Result<bool, Failure> + Send + 'static,
) -> Result<Vec<CopiedTable>, Failure> {
    let (sender, receiver) = sync_channel(AHEAD);
    // The writer begins first: a reader may have no thread of its own.
    let written = write_to(target, receiver, progress, is_as_before);
    let read = read_from(from, sender, progress).wait();
    match (read, written.wait()) {
        (_, Ok(copied)) => Ok(copied),
        // Whoever ended first knows why; the other one knows no more than that.
        (Err(failure), Err(_)) if !failure.chain().ends_with(WRITER_GONE) => Err(failure),
        (_, Err(failure)) => Err(failure),
    }
}

/// What is another one after a change that somebody would miss in the copy.
fn state(sql: &mut dyn Sql) -> sql::Result<(i64, Option<Timestamp>, i64, i64)> {
    // Several may be of one second.
    let rotations = "SELECT CAST(coalesce(sum(rotations), 0) AS BIGINT) FROM sessions AS copied";
    let queued = "SELECT count(*) FROM outbox WHERE state = 'queued'";
    Ok((
        sql.last_number("audit")?,
        clock::last_change(sql)?,
        sql.number(rotations, &[])?,
        sql.number(queued, &[])?,
    ))
}

fn read_from(from: &Readers, parts: SyncSender<Part>, progress: &Progress) -> Pending<()> {
    let progress = Arc::clone(progress);
    let parts = Mutex::new(Some(parts));
    from.read(DOING, move |sql| {
        // What has been handed over cannot be taken back, so it is not read a second time.
        let parts = parts.lock().unwrap_or_else(PoisonError::into_inner).take();
        let parts = parts.ok_or_else(|| sql::Error::passing("the connection was lost"))?;
        let mut all = 0;
        for table in TABLES {
            let count = format!("SELECT count(*) FROM {} AS copied", table.name);
            all += sql.number(&count, &[])?.unsigned_abs();
        }
        let (mut done, mut read) = (0, Vec::new());
        for (place, table) in TABLES.iter().enumerate() {
            let width = table.columns.len();
            let mut batch = Vec::new();
            read.push(each_row(sql, table, &mut |row| {
                batch.extend(row);
                if batch.len() < ROWS * width {
                    return Ok(());
                }
                done += ROWS as u64;
                if !progress(Step::Done(done, all)) {
                    return Err(interrupted());
                }
                hand_over(&parts, Part::Rows(place, std::mem::take(&mut batch)))
            })?);
            if !batch.is_empty() {
                done += (batch.len() / width) as u64;
                hand_over(&parts, Part::Rows(place, batch))?;
            }
        }
        hand_over(&parts, Part::End(read))
    })
}

fn interrupted() -> sql::Error {
    sql::Error::fault("interrupted")
}

fn hand_over(parts: &SyncSender<Part>, part: Part) -> sql::Result<()> {
    let gone = |_| sql::Error::passing(WRITER_GONE);
    parts.send(part).map_err(gone)
}

/// Hands over the rows of a table, and says what it holds.
fn each_row(
    sql: &mut dyn Sql,
    table: &Table,
    hand: &mut dyn FnMut(Vec<Cell>) -> sql::Result<()>,
) -> sql::Result<Digested> {
    let query = format!(
        "SELECT {} FROM {} AS copied ORDER BY {}",
        table.columns.join(", "),
        table.name,
        table.order
    );
    let (mut digest, mut rows) = (Context::new(&SHA256), 0);
    sql.query(&query, &[], &mut |row: &dyn Row| {
        let cell = |column| row.value(column).map(Cell::of);
        let cells = (0..table.columns.len()).map(cell);
        let cells = cells.collect::<sql::Result<Vec<_>>>()?;
        cells.iter().for_each(|it| it.add_to(&mut digest));
        rows += 1;
        hand(cells)?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(Digested {
        rows,
        digest: digest.finish().as_ref().to_vec(),
        last: if table.is_numbered {
            sql.last_number(table.name)?
        } else {
            0
        },
    })
}

fn write_to(
    target: &Store,
    parts: Receiver<Part>,
    progress: &Progress,
    is_as_before: impl Fn() -> Result<bool, Failure> + Send + 'static,
) -> Pending<Vec<CopiedTable>> {
    let progress = Arc::clone(progress);
    let parts = Mutex::new(Some(parts));
    let is_first = AtomicBool::new(true);
    target.write(DOING, move |sql| {
        if !is_first.swap(false, Ordering::SeqCst) {
            return Err(sql::Error::passing("the connection was lost"));
        }
        let parts = parts.lock().unwrap_or_else(PoisonError::into_inner).take();
        clear(sql)?;
        sql.expect_many()?;
        sql.expect_pauses()?;
        for part in parts.into_iter().flatten() {
            match part {
                Part::Rows(place, cells) => insert(sql, &TABLES[place], &cells)?,
                Part::End(read) => {
                    let copied = compare(sql, &read, &progress)?;
                    return match is_as_before() {
                        Ok(true) => Ok(copied),
                        Ok(false) => Err(sql::Error::fault(CHANGED)),
                        Err(failure) => Err(sql::Error::passing(failure.chain())),
                    };
                }
            }
        }
        Err(sql::Error::passing("it was not read to its end"))
    })
}

/// What a database has that was made and used by nobody: the trail of its making, and what strangers
/// asked for.
const OF_NOBODY: [&str; 6] = [
    "outbox",
    "links",
    "login_attempts",
    "audit",
    "counts",
    "keys",
];

fn check_empty(sql: &mut dyn Sql) -> sql::Result<()> {
    for table in TABLES.iter().filter(|it| !OF_NOBODY.contains(&it.name)) {
        let rows = sql.number(
            &format!("SELECT count(*) FROM {} AS copied", table.name),
            &[],
        )?;
        if rows > 0 {
            return Err(sql::Error::fault(format!(
                "the database that it would go into holds {} in its table {}; name an empty one",
                counted(usize::try_from(rows).unwrap_or_default(), "row", "rows"),
                table.name
            )));
        }
    }
    Ok(())
}

fn clear(sql: &mut dyn Sql) -> sql::Result<()> {
    check_empty(sql)?;
    for table in OF_NOBODY {
        sql.execute(&format!("DELETE FROM {table} AS copied"), &[])?;
    }
    Ok(())
}

fn insert(sql: &mut dyn Sql, table: &Table, cells: &[Cell]) -> sql::Result<()> {
    let values: Vec<Value<'_>> = cells.iter().map(Cell::value).collect();
    sql.insert_rows(table.name, table.columns, &values)
}

/// What was written is read again: whatever an engine made of it, it must be the same.
fn compare(
    sql: &mut dyn Sql,
    read: &[Digested],
    progress: &Progress,
) -> sql::Result<Vec<CopiedTable>> {
    let (mut copied, mut compared) = (Vec::new(), 0);
    for (table, read) in TABLES.iter().zip(read) {
        if table.is_numbered {
            sql.set_last_number(table.name, read.last)?;
        }
        let written = each_row(sql, table, &mut |_| {
            compared += 1;
            if compared % ROWS == 0 && !progress(Step::Checking) {
                return Err(interrupted());
            }
            Ok(())
        })?;
        if written != *read {
            return Err(sql::Error::fault(format!(
                "the table {} is not the same in the copy",
                table.name
            )));
        }
        copied.push(CopiedTable {
            name: table.name,
            rows: read.rows,
        });
    }
    sql.wrote_many()?;
    Ok(copied)
}
