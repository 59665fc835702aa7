//! Threads that read, each with a connection of its own. There are as many as are needed at once, up to
//! a few: each is a process at the server.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use super::connect::{Connection, Connector, is_unconnected};
use super::facts;
use crate::domain::counted;
use crate::failure::Failure;
use crate::store::pending::Pending;
use crate::store::sql::{self, Sql, Value};
use crate::store::tables::{TABLES, Table, table_names};
use crate::store::task::{Job, Shares, task};

const MOST: usize = 4;

/// From which of our tables rows belong to which, and how to count those that do not.
const REFERENCES: &str = "SELECT child.relname::text, parent.relname::text, format(
        'SELECT count(*) FROM %s AS a LEFT JOIN %s AS b ON a.%I = b.%I WHERE a.%I IS NOT NULL AND b.%I IS NULL',
        child.oid::regclass, parent.oid::regclass, mine.attname, theirs.attname, mine.attname, theirs.attname)
    FROM pg_constraint
    JOIN pg_class AS child ON child.oid = conrelid
    JOIN pg_class AS parent ON parent.oid = confrelid
    JOIN pg_attribute AS mine ON mine.attrelid = conrelid AND mine.attnum = conkey[1]
    JOIN pg_attribute AS theirs ON theirs.attrelid = confrelid AND theirs.attnum = confkey[1]
    WHERE contype = 'f' AND conrelid IN (SELECT to_regclass(it) FROM unnest(string_to_array(?1, ',')) AS it)
    ORDER BY 1, 2";

/// Sees one state of the database, however many statements ask for it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How long a server that does not answer may hold up the end of ours: who was served has been answered by
/// then.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long whoever gets no connection leaves work to those that have one, and how long until it tries again.
const MOST_WAIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct Readers {
    queue: Arc<Queue>,
}

struct Queue {
    connector: Arc<Connector>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Asked>,
    threads: usize,
    idle: usize,
    /// How many threads had a connection, the last time they needed one.
    connected: usize,
    /// When the server last took no connection of whoever writes, if it is so; and for which of those times a reader
    /// has given up its own.
    writer_waits: Option<Instant>,
    gave_way: Option<Instant>,
    is_closed: bool,
}

impl State {
    /// Whether the next connection is for whoever writes, because another reader than the one who asks has one,
    /// and nobody has waited for long.
    fn is_writers_turn(&self, is_connected: bool) -> bool {
        let has_others = self.connected > usize::from(is_connected);
        let waited = self.jobs.front().map(|it| it.since.elapsed());
        let is_patient = waited.is_none_or(|it| it < MOST_WAIT);
        self.writer_waits.is_some() && has_others && is_patient && !self.is_closed
    }
}

struct Asked {
    job: Job,
    since: Instant,
}

impl Readers {
    pub(super) fn new(connector: Arc<Connector>) -> Self {
        Self {
            queue: Arc::new(Queue {
                connector,
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// Runs `query`, which sees one state of the database.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        query: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    ) -> Pending<T> {
        let (job, answer) = task(doing, false, query);
        let mut state = self.queue.state();
        if state.is_closed {
            return answer;
        }
        let since = Instant::now();
        state.jobs.push_back(Asked { job, since });
        let is_more_needed = state.jobs.len() > state.idle && state.threads < MOST;
        if is_more_needed && let Err(failure) = self.start(&mut state) {
            // Those that are there will come to it.
            if state.threads == 0 {
                state.jobs.pop_back();
                return Pending::ready(Err(failure));
            }
        }
        self.queue.changed.notify_one();
        answer
    }

    /// The server has taken no connection of whoever writes since then: each time one of those who read gives its own
    /// up, if another has one. None, once it has.
    pub(super) fn give_way(&self, writer_waits: Option<Instant>) {
        self.queue.state().writer_waits = writer_waits;
        self.queue.changed.notify_all();
    }

    /// Whether whoever else reads is to give up a connection: the server takes no more, and it is of more use here
    /// or to whoever writes.
    pub(super) fn are_short(&self) -> bool {
        let state = self.queue.state();
        match state.connected {
            0 => self.queue.connector.full_since().is_some(),
            _ => state.writer_waits.is_some(),
        }
    }

    /// The size of the database, in bytes.
    pub(crate) fn size(&self) -> Pending<u64> {
        self.read("reading the size of the database", |sql| {
            let size = sql.number("SELECT pg_database_size(current_database())", &[])?;
            Ok(size.unsigned_abs())
        })
    }

    /// How many connections of other servers and commands there are to the database.
    pub(crate) fn others(&self) -> Pending<i64> {
        self.read("asking who else works on the database", facts::others)
    }

    /// The server looks after its pages; what it can tell of a table, it tells whoever reads that.
    pub(crate) fn problems(&self, doing: &'static str) -> Result<Vec<String>, Failure> {
        let mut problems = Vec::new();
        for Table { name, columns, .. } in TABLES {
            let columns = columns.join(", ");
            // Long values lie elsewhere, and are looked for only when somebody wants to see them.
            let query = format!(
                "SELECT count(length(CAST(part AS text))) FROM (SELECT {columns} FROM {name}) AS part"
            );
            let read = self.read(doing, move |sql| sql.number(&query, &[]).map(drop));
            match read.wait() {
                Ok(()) => {}
                // A lock, a right that is missing, a connection that was lost: that is no damage.
                Err(failure) if failure.is_transient() => return Err(failure),
                Err(failure) => problems.push(format!("{name}: {}", failure.chain())),
            }
        }
        let names = table_names().join(",");
        let orphans = self.read(doing, move |sql| orphans(sql, &names));
        match orphans.wait() {
            Ok(found) => problems.extend(found),
            Err(failure) if failure.is_transient() => return Err(failure),
            // What cannot be read has been told already.
            Err(_) if !problems.is_empty() => {}
            Err(failure) => return Err(failure),
        }
        Ok(problems)
    }

    fn start(&self, state: &mut State) -> Result<(), Failure> {
        let queue = Arc::clone(&self.queue);
        Builder::new()
            .name("store-reader".into())
            .spawn(move || {
                queue.work();
                queue.state().threads -= 1;
                queue.changed.notify_all();
            })
            .map_err(Failure::when("starting a reader"))?;
        state.threads += 1;
        Ok(())
    }

    /// Does what waits, for so long, then closes the connections.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.queue.state();
        state.is_closed = true;
        self.queue.changed.notify_all();
        let are_there = |state: &mut State| state.threads > 0;
        let ended = self
            .queue
            .changed
            .wait_timeout_while(state, patience, are_there);
        drop(ended);
    }
}

/// Rows that belong to nothing: whoever switched triggers off may have left them.
fn orphans(sql: &mut dyn Sql, tables: &str) -> sql::Result<Vec<String>> {
    let references = sql.all(REFERENCES, &[Value::Text(tables)], |row| {
        let (of, to): (String, String) = (row.get(0)?, row.get(1)?);
        Ok((of, to, row.get::<String>(2)?))
    })?;
    let mut found = Vec::new();
    for (of, to, query) in references {
        let rows = sql.number(&query, &[])?;
        if rows > 0 {
            let rows = counted(usize::try_from(rows).unwrap_or(usize::MAX), "row", "rows");
            found.push(format!("{rows} of {of} belong to no row of {to}"));
        }
    }
    Ok(found)
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close(PATIENCE);
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut connection = None;
        while let Some(Asked { mut job, since }) = self.next(&mut connection) {
            let was_connected = connection.is_some();
            let read = self.connector.with(&mut connection, |it| {
                it.batch(BEGIN)?;
                job.run(it, Shares::Nothing);
                it.batch("COMMIT")
            });
            let mut state = self.state();
            state.connected -= usize::from(was_connected);
            state.connected += usize::from(connection.is_some());
            let is_unconnected = read.as_ref().is_err_and(is_unconnected);
            let may_wait = state.connected > 0 && !state.is_closed && since.elapsed() < MOST_WAIT;
            if is_unconnected && may_wait {
                // The server may take no more connections: those that have one come to it.
                state.jobs.push_front(Asked { job, since });
                drop(state);
                self.changed.notify_all();
                thread::sleep(PAUSE);
            } else {
                drop(state);
                job.answer(read.err().as_ref());
            }
        }
        self.state().connected -= usize::from(connection.is_some());
    }

    fn next(&self, mine: &mut Option<Connection>) -> Option<Asked> {
        let mut state = self.state();
        loop {
            if state.is_writers_turn(mine.is_some()) {
                let is_asked = state.gave_way != state.writer_waits;
                if let Some(given) = mine.take_if(|_| is_asked) {
                    state.connected -= 1;
                    state.gave_way = state.writer_waits;
                    drop(state);
                    // It takes a moment to say goodbye.
                    drop(given);
                    state = self.state();
                    continue;
                }
                if mine.is_none() && !state.jobs.is_empty() {
                    drop(state);
                    thread::sleep(PAUSE);
                    state = self.state();
                    continue;
                }
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            state.idle += 1;
            let waiting = self.changed.wait(state);
            state = waiting.unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}
