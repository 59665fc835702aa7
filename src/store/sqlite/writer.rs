//! The one thread that writes. It takes what waits into one transaction, each job in a savepoint of
//! its own, and answers when the commit is on the disk: 64 clients share one `fdatasync`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_channel::oneshot;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::when;
use super::session_cache::SessionCache;
use super::statements::Statements;
use crate::failure::{Failure, panic_message};
use crate::store::pending::Pending;
use crate::store::sql::{self, Sql};

/// How many jobs share a commit at most; beyond that the first of them would wait too long.
const GROUP: usize = 256;

/// At the end the write-ahead log is moved into the database if that is possible within this time.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Runs in the transaction, if there is one, and returns how to answer once its fate is known.
type Job = Box<dyn FnOnce(Option<&mut Statements<'_>>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Option<&NotCommitted>)>;

/// Why a transaction left nothing behind.
struct NotCommitted {
    why: String,
    transient: bool,
}

/// What becomes of each transaction.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Commit,
    /// For a dry run: everything is tried for real, and leaves nothing behind.
    RollBack,
}

pub(super) struct Writer {
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    checkpoint: Arc<AtomicBool>,
}

impl Writer {
    /// A writer that commits what it does, or rolls it back.
    pub(super) fn start(
        connection: Connection,
        end: End,
        sessions: Arc<SessionCache>,
    ) -> Result<Self, Failure> {
        let (jobs, waiting) = channel();
        let checkpoint = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let checkpoint = Arc::clone(&checkpoint);
                move || run(connection, end, &sessions, &waiting, &checkpoint)
            })
            .map_err(Failure::when("starting the writer"))?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
            checkpoint,
        })
    }

    /// Has `job` done in a transaction; the answer comes when that is on the disk. A job that fails
    /// leaves nothing behind, and does not disturb the jobs that share its transaction.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    ) -> Pending<T> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |statements| {
            let outcome = statements.map(|it| in_savepoint(it, |sql| caught(sql, job)));
            Box::new(move |fate| {
                let answer = match (fate, outcome) {
                    (None, Some(outcome)) => outcome.map_err(|err| err.when(doing)),
                    (Some(fate), _) if fate.transient => {
                        Err(Failure::new(doing, &*fate.why).transient())
                    }
                    (Some(fate), _) => Err(Failure::new(doing, &*fate.why)),
                    (None, None) => Err(Failure::new(doing, "it was not begun")),
                };
                // Nobody waits any more if the client hung up; what was done stays done.
                let _ = sender.send(answer);
            })
        });
        if let Some(jobs) = &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            // A refused job is dropped with its sender, which the receiver reports.
            let _ = jobs.send(job);
        }
        Pending::Waiting(receiver)
    }

    /// Does what waits, moves the log into the database, then closes the connection.
    pub(super) fn close(&self) {
        self.checkpoint.store(true, Ordering::SeqCst);
        self.stop();
    }

    fn stop(&self) {
        drop(
            self.jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        if let Some(thread) = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            // A writer that panicked has been reported already, by the panic.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(
    connection: Connection,
    end: End,
    sessions: &SessionCache,
    waiting: &Receiver<Job>,
    checkpoint: &AtomicBool,
) {
    while let Ok(first) = waiting.recv() {
        let group = std::iter::once(first).chain(waiting.try_iter()).take(GROUP);
        let committed = || commit(&connection, end, sessions, group);
        // Whoever waited for this group is told that nothing was done: the transaction is gone.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(committed)) {
            tracing::error!(event = "failure", error = panic_message(&*panic));
        }
    }
    if checkpoint.load(Ordering::SeqCst) {
        // The next start finds one file. If another process reads for long, it is not waited for.
        let _ = connection.busy_timeout(LAST_WAIT);
        let _ = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

fn commit(
    connection: &Connection,
    end: End,
    sessions: &SessionCache,
    group: impl Iterator<Item = Job>,
) {
    let (answers, fate): (Vec<Answer>, _) =
        match Transaction::new_unchecked(connection, TransactionBehavior::Immediate) {
            Ok(transaction) => {
                let mut statements = Statements::over(&transaction);
                // A full disk makes SQLite roll the whole transaction back; what ran after that would
                // be committed by itself and then reported as failed, so it must not run.
                let run = |job: Job| job((!transaction.is_autocommit()).then_some(&mut statements));
                let answers = group.map(run).collect();
                let rolled_back = transaction.is_autocommit();
                let fate = match end {
                    End::Commit if statements.touch_sessions() => transaction.commit(),
                    End::Commit => sessions.keep_through(connection, || transaction.commit()),
                    End::RollBack => transaction.rollback(),
                };
                (answers, fate.map_err(|err| not_committed(err, rolled_back)))
            }
            Err(err) => (
                group.map(|job| job(None)).collect(),
                Err(not_committed(err, false)),
            ),
        };
    let fate = fate.err();
    answers.into_iter().for_each(|answer| answer(fate.as_ref()));
}

fn not_committed(err: rusqlite::Error, rolled_back: bool) -> NotCommitted {
    let failure = when("committing")(err);
    NotCommitted {
        transient: failure.is_transient() || rolled_back,
        why: failure.chain(),
    }
}

/// A panic fails its job, like any error: the thread goes on, for everybody else.
fn caught<T>(
    sql: &mut dyn Sql,
    job: impl FnOnce(&mut dyn Sql) -> sql::Result<T>,
) -> sql::Result<T> {
    // What the job had changed is rolled back with its savepoint.
    let outcome = catch_unwind(AssertUnwindSafe(|| job(sql)));
    outcome.unwrap_or_else(|panic| Err(sql::Error::fault(panic_message(&*panic))))
}

fn in_savepoint<T>(
    sql: &mut dyn Sql,
    job: impl FnOnce(&mut dyn Sql) -> sql::Result<T>,
) -> sql::Result<T> {
    sql.execute("SAVEPOINT job", &[])?;
    let outcome = job(sql);
    if outcome.is_err() {
        sql.execute("ROLLBACK TO job", &[])?;
    }
    sql.execute("RELEASE job", &[])?;
    outcome
}
