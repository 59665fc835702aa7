//! The one thread that writes. It takes what waits into one transaction, each job in a savepoint of
//! its own, and answers when the commit is on the disk: 64 clients share one `fdatasync`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::group::Open;
use super::opening::Opening;
use crate::failure::{Failure, panic_message};
use crate::store::group_commit::{Group, GroupCommit};
use crate::store::task::{Job, NotCommitted};
use crate::store::worker::Worker;

/// When nothing was written for so long, the log is moved into the database and emptied: what was
/// deleted is in it too.
const IDLE: Duration = Duration::from_secs(1);

/// Who writes all the time empties it so often.
const BUSY: Duration = Duration::from_secs(60);

pub(super) struct Writer {
    worker: Worker<Job>,
    checkpoint: Arc<AtomicBool>,
}

impl Writer {
    /// A writer to a database that is open, or is to be opened.
    pub(super) fn start(open: Option<Open>, opening: Opening) -> Result<Self, Failure> {
        let checkpoint = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&checkpoint);
        let work = move |jobs| run(open, opening, GroupCommit::new(jobs), &asked);
        Ok(Self {
            worker: Worker::start("store-writer", work)?,
            checkpoint,
        })
    }

    /// Has it done, and answered.
    pub(super) fn submit(&self, job: Job) {
        self.worker.submit(job);
    }

    /// Does what waits, moves the log into the database, then closes the connection.
    pub(super) fn close(&self) {
        self.checkpoint.store(true, Ordering::SeqCst);
        self.worker.stop();
    }
}

fn run(
    mut open: Option<Open>,
    mut opening: Opening,
    mut commits: GroupCommit,
    checkpoint: &AtomicBool,
) {
    // Since when the log holds what this thread has written.
    let mut filled: Option<Instant> = None;
    loop {
        let first = match commits.next(IDLE) {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let is_idle = first.is_none();
        let group = commits.gather(first);
        match open.as_mut() {
            // It costs nothing when nobody has written anything, another process included.
            Some(open) if is_idle && filled.is_none() => open.move_log("PASSIVE"),
            Some(open) if is_idle => filled = filled.filter(|_| !open.empty_log()),
            Some(open) => {
                commit(open, group);
                let since = *filled.get_or_insert_with(Instant::now);
                if since.elapsed() > BUSY {
                    filled = (!open.empty_log()).then(Instant::now);
                }
            }
            None => match opening.again() {
                Ok(opened) => commit(open.insert(opened), group),
                Err(why) => refuse(why, group),
            },
        }
    }
    if let Some(open) = open {
        open.close(checkpoint.load(Ordering::SeqCst));
    }
}

fn commit(open: &Open, mut group: Group<'_>) {
    let committed = || {
        let settled = open.commit(&mut group);
        group.note_commit();
        settled.answer();
    };
    // Whoever waited for this group is told that nothing was done: the transaction is gone.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(committed)) {
        tracing::error!(event = "failure", error = panic_message(&*panic));
    }
}

/// Tells all of these that the database is not open, and why.
fn refuse(why: &str, group: impl Iterator<Item = Job>) {
    let fate = NotCommitted {
        why: why.to_owned(),
        transient: true,
        is_logged: false,
        is_in_doubt: false,
    };
    group.for_each(|it| it.answer(Some(&fate)));
}
