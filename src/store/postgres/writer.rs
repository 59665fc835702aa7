//! The one thread of this server that writes. It takes what waits into one transaction, as the one of
//! SQLite does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::connect::{Connection, Connector, is_unconnected, not_committed};
use super::readers::Readers;
use super::statements::Statements;
use crate::failure::{Failure, panic_message};
use crate::store::group_commit::{Group, GroupCommit};
use crate::store::sql::{self, Sql};
use crate::store::tables::TABLES;
use crate::store::task::{End, Job, NotCommitted, Shares};
use crate::store::worker::Worker;

/// Whoever has nothing to do looks so often whether the server ends.
const IDLE: Duration = Duration::from_secs(1);

/// How often a transaction is tried that got in the way of another.
const MOST_TRIES: usize = 10;

/// Only one server, or command, writes at a time, and all take their turn. The number is the name of the lock, for
/// this database. If its machine stands still in a transaction, the others do not wait for longer than this. Whoever
/// has the turn is not to wait long for what somebody else has locked.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET LOCAL idle_in_transaction_session_timeout = '5s';
    SET LOCAL lock_timeout = '10s';
    SELECT pg_advisory_xact_lock(6013254711);
    SET LOCAL lock_timeout = '500ms'";

/// To commit a transaction in which something failed is no error to PostgreSQL: it rolls it back, and says
/// so in a word that nobody reads. A statement before that is refused in such a transaction, and with it
/// the commit.
const COMMIT: &str = "SELECT 1; COMMIT";

pub(super) struct Writer(Worker<Job>);

impl Writer {
    /// With a connection that is there: where there are few, those who read would take them all.
    pub(super) fn start(
        connector: Arc<Connector>,
        connection: Connection,
        readers: Arc<Readers>,
        end: End,
    ) -> Result<Self, Failure> {
        let mut open = Open {
            connector,
            end,
            connection: Some(connection),
            readers,
            waits: false,
        };
        let work = move |jobs| {
            let mut commits = GroupCommit::new(jobs);
            loop {
                match commits.next(IDLE) {
                    Ok(first) => open.commit_or_report(commits.gather(Some(first))),
                    Err(RecvTimeoutError::Timeout) => open.try_again(),
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        };
        Worker::start("store-writer", work).map(Self)
    }

    /// Has it done, and answered.
    pub(super) fn submit(&self, job: Job) {
        self.0.submit(job);
    }

    /// Does what waits, then closes the connection.
    pub(super) fn close(&self, patience: Duration) {
        self.0.stop_within(patience);
    }
}

/// The database as the thread has it.
struct Open {
    connector: Arc<Connector>,
    end: End,
    connection: Option<Connection>,
    /// They hold connections too.
    readers: Arc<Readers>,
    waits: bool,
}

impl Open {
    /// After a panic those who waited for this group are told that nothing was done, and it goes on for all others.
    fn commit_or_report(&mut self, group: Group<'_>) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.commit(group))) {
            // And so is the transaction.
            self.connection = None;
            tracing::error!(event = "failure", error = panic_message(&*panic));
        }
    }

    fn commit(&mut self, mut group: Group<'_>) {
        let mut jobs = Vec::new();
        let mut fate = None;
        for _ in 0..MOST_TRIES {
            fate = match self.transaction(&mut jobs, &mut group) {
                Ok(is_done) if is_done => None,
                Ok(_) => {
                    // Something got in the way, though nobody else of ours writes.
                    fate = Some(collided());
                    continue;
                }
                Err(why) => Some(why),
            };
            break;
        }
        // Those who wait would hear the same, unless it is of what these have done.
        if fate.as_ref().is_some_and(|it| !it.is_in_doubt) {
            jobs.extend(&mut group);
        }
        group.note_commit();
        jobs.into_iter().for_each(|it| it.answer(fate.as_ref()));
    }

    /// Where connections are few, those who read give one up, which others may be about to take.
    fn try_again(&mut self) {
        if self.waits {
            let connected = self.connector.with(&mut self.connection, |_| Ok(()));
            self.note_shortage(&connected);
        }
    }

    fn note_shortage(&mut self, asked: &Result<(), NotCommitted>) {
        let is_refused = asked.as_ref().is_err_and(is_unconnected);
        let since = self.connector.full_since().filter(|_| is_refused);
        if since.is_some() || self.waits {
            self.readers.give_way(since);
            self.waits = since.is_some();
        }
    }

    /// False if it came to nothing and may be tried again.
    fn transaction(
        &mut self,
        jobs: &mut Vec<Job>,
        group: &mut Group<'_>,
    ) -> Result<bool, NotCommitted> {
        let begun = self
            .connector
            .with(&mut self.connection, |it| it.begin(BEGIN));
        self.note_shortage(&begun);
        if let Err(why) = begun {
            // A lock that was not to be had leaves a transaction behind. The connection is kept: there may be no
            // other one.
            let kept = self.connection.as_mut();
            if kept.is_some_and(|it| it.statements.batch("ROLLBACK").is_err()) {
                self.connection = None;
            }
            return Err(why);
        }
        let Some(Connection { statements, epoch }) = &mut self.connection else {
            return Ok(false);
        };
        let used = match self.end {
            End::Commit => Vec::new(),
            End::RollBack => match numbers(statements) {
                Ok(numbers) => numbers,
                // What was begun is not left open, nor its lock.
                Err(err) => return Err(self.unknown(false, err)),
            },
        };
        let mut is_done = jobs.iter_mut().all(|it| run(it, statements));
        while is_done && let Some(mut job) = group.next() {
            is_done = run(&mut job, statements);
            jobs.push(job);
        }
        // What is committed at a server that all others have left is lost.
        is_done = is_done && self.connector.is_current(*epoch);
        let is_alive = !statements.client.is_closed();
        let mut warning = None;
        let ended = match self.end {
            End::Commit if is_done => statements.commit(COMMIT).map(|it| warning = it),
            End::Commit => statements.batch("ROLLBACK"),
            // Previous the lock is given back. After a failure nothing more is done in a transaction.
            End::RollBack => put_back(statements, &used)
                .or(Ok(()))
                .and_then(|()| statements.batch("ROLLBACK")),
        };
        match ended {
            Ok(()) => warning.map_or(Ok(is_done), |it| Err(warned(&it))),
            Err(err) if err.asks_for_repetition() => Ok(false),
            Err(err) => Err(self.unknown(is_done && is_alive, err)),
        }
    }

    /// Who asks for a commit and hears nothing does not know whether it was done.
    fn unknown(&mut self, asked: bool, err: sql::Error) -> NotCommitted {
        // Whatever state it has been left in.
        let was_lost = self.connection.take().is_some_and(|it| it.is_closed());
        let mut fate = not_committed(err);
        fate.is_in_doubt = asked && was_lost;
        if fate.is_in_doubt {
            fate.why = format!(
                "the connection was lost in the commit, so it is not known whether it was done: {}",
                fate.why
            );
        }
        fate
    }
}

/// The last numbers that rows were given: a transaction that is rolled back has used them up all the same.
fn numbers(sql: &mut dyn Sql) -> sql::Result<Vec<(&'static str, i64)>> {
    // Those of the others are counted in a row of a table.
    let tables = TABLES
        .iter()
        .filter(|it| it.is_numbered && !["users", "audit"].contains(&it.name));
    tables
        .map(|it| Ok((it.name, sql.last_number(it.name)?)))
        .collect()
}

fn put_back(sql: &mut dyn Sql, numbers: &[(&'static str, i64)]) -> sql::Result<()> {
    numbers
        .iter()
        .try_for_each(|(table, last)| sql.set_last_number(table, *last))
}

fn run(job: &mut Job, statements: &mut Statements) -> bool {
    job.run(statements, Shares::Transaction) && statements.grow_impatient().is_ok()
}

/// Of a transaction that waits for a replica PostgreSQL only warns that the wait was cancelled: it is committed there,
/// and not yet elsewhere.
fn warned(warning: &str) -> NotCommitted {
    NotCommitted {
        why: format!("it is not known whether the replica has it; PostgreSQL says: {warning}"),
        transient: true,
        is_logged: false,
        is_in_doubt: true,
    }
}

fn collided() -> NotCommitted {
    NotCommitted {
        why: "others changed the same at the same time, again and again".to_owned(),
        transient: true,
        is_logged: false,
        is_in_doubt: false,
    }
}
