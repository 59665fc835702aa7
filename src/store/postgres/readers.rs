//! Threads that read, each with a connection of its own. There are as many as are needed at once, up to
//! a few: each is a process at the server.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use super::connect::Connector;
use super::facts;
use crate::failure::Failure;
use crate::store::pending::Pending;
use crate::store::sql::{self, Sql};
use crate::store::tables::table_names;
use crate::store::task::{Job, Shares, task};

const MOST: usize = 4;

/// Sees one state of the database, however many statements ask for it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How long a server that does not answer may hold up the end of ours: who was served has been answered by
/// then.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

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
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    is_closed: bool,
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
        state.jobs.push_back(job);
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
        for table in table_names() {
            let query = format!("SELECT count(*) FROM (SELECT * FROM {table} OFFSET 0) AS rows");
            let read = self.read(doing, move |sql| sql.number(&query, &[]).map(drop));
            if let Err(failure) = read.wait() {
                problems.push(format!("{table}: {}", failure.chain()));
            }
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
        while let Some(mut job) = self.next() {
            let read = self.connector.with(&mut connection, |it| {
                it.batch(BEGIN)?;
                job.run(it, Shares::Nothing);
                it.batch("COMMIT")
            });
            job.answer(read.err().as_ref());
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
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
