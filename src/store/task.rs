//! What somebody asked to have written. It is done in a transaction that it may share, and answered when
//! the fate of that is known.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::pending::{Pending, Promise};
use super::sql::{self, Sql};
use crate::domain::{LiveSession, SessionId};
use crate::failure::{Failure, panic_message};

/// See [`task`].
pub(super) type Job = Box<dyn Task>;

pub(super) trait Task: Send {
    /// Does it, unless nobody waits for it any more, in a savepoint of its own if it shares the
    /// transaction. It may be done again, in another one, if that came to nothing; false asks for it.
    fn run(&mut self, sql: &mut dyn Sql, shares: Shares) -> bool;
    /// Says what became of it in a transaction that was committed, unless there is a `fate`.
    fn answer(self: Box<Self>, fate: Option<&NotCommitted>);
}

/// Whether a transaction is for one task only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shares {
    Transaction,
    Nothing,
}

/// What becomes of each transaction that writes.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Commit,
    /// For a dry run: everything is tried for real, and leaves nothing behind.
    RollBack,
}

/// Does what a migration cannot, if it is still to be done.
pub(crate) type Complete = fn(&mut dyn Sql) -> sql::Result<()>;

/// How many sessions are looked up by one statement at most.
pub(crate) const MOST_TOGETHER: usize = 64;

/// Finds those of the sessions that have not been ended, whose users are active.
pub(crate) type SessionQuery = fn(&mut dyn Sql, &[SessionId]) -> sql::Result<Vec<LiveSession>>;

/// Why a transaction left nothing behind.
#[derive(Clone)]
pub(super) struct NotCommitted {
    pub(super) why: String,
    pub(super) transient: bool,
    /// Whether the log tells of it anyway.
    pub(super) is_logged: bool,
    /// Whether it may have been committed all the same.
    pub(super) is_in_doubt: bool,
}

impl NotCommitted {
    pub(super) fn failure(&self, doing: &'static str) -> Failure {
        let mut failure = Failure::new(doing, &*self.why);
        if self.transient {
            failure = failure.transient();
        }
        if self.is_logged {
            failure = failure.logged_once();
        }
        if self.is_in_doubt {
            failure = failure.in_doubt();
        }
        failure
    }
}

/// Work and the answer to whoever asked for it. If it fails it leaves nothing behind, and does not disturb
/// what shares its transaction. Unless it `outlives` whoever asked for it, it is not begun when nobody
/// waits for the answer any more.
pub(super) fn task<T: Send + 'static>(
    doing: &'static str,
    outlives: bool,
    work: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
) -> (Job, Pending<T>) {
    asked(doing, outlives, work, None)
}

/// The same for what has to be made up for if it was done, and whoever asked for it has gone meanwhile.
pub(super) fn task_with_compensation<T: Send + 'static>(
    doing: &'static str,
    work: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    compensate: impl FnOnce(T) + Send + 'static,
) -> (Job, Pending<T>) {
    asked(doing, false, work, Some(Box::new(compensate)))
}

fn asked<T: Send + 'static>(
    doing: &'static str,
    outlives: bool,
    work: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    compensate: Option<Compensation<T>>,
) -> (Job, Pending<T>) {
    let (sender, answer) = Pending::promised();
    let asked = Asked {
        doing,
        outlives,
        work,
        outcome: None,
        sender,
        compensate,
    };
    (Box::new(asked), answer)
}

/// Gets an answer that nobody waits for any more.
type Compensation<T> = Box<dyn FnOnce(T) + Send>;

struct Asked<T, F> {
    doing: &'static str,
    outlives: bool,
    work: F,
    /// None, as long as it was not begun.
    outcome: Option<sql::Result<T>>,
    sender: Promise<T>,
    compensate: Option<Compensation<T>>,
}

impl<T, F> Task for Asked<T, F>
where
    T: Send,
    F: Fn(&mut dyn Sql) -> sql::Result<T> + Send,
{
    fn run(&mut self, sql: &mut dyn Sql, shares: Shares) -> bool {
        let is_wanted = self.outlives || !self.sender.is_canceled();
        let work = |sql: &mut dyn Sql| caught(sql, &self.work);
        self.outcome = is_wanted.then(|| match shares {
            Shares::Transaction => in_savepoint(sql, work),
            Shares::Nothing => work(sql),
        });
        !matches!(&self.outcome, Some(Err(err)) if err.asks_for_repetition())
    }

    fn answer(self: Box<Self>, fate: Option<&NotCommitted>) {
        let doing = self.doing;
        let answer = match (fate, self.outcome) {
            (None, Some(outcome)) => outcome.map_err(|err| err.when(doing)),
            (Some(fate), _) => Err(fate.failure(doing)),
            (None, None) => Err(Failure::new(doing, "it was not begun")),
        };
        // Whoever went while it was being done is not told; what was done stays done.
        if let (Err(Ok(done)), Some(compensate)) = (self.sender.send(answer), self.compensate) {
            compensate(done);
        }
    }
}

/// A panic fails its task, like any error: the thread goes on, for everybody else.
pub(super) fn caught<T>(
    sql: &mut dyn Sql,
    work: impl Fn(&mut dyn Sql) -> sql::Result<T>,
) -> sql::Result<T> {
    // What it had changed is rolled back with its savepoint.
    let outcome = catch_unwind(AssertUnwindSafe(|| work(sql)));
    outcome.unwrap_or_else(|panic| Err(sql::Error::fault(panic_message(&*panic))))
}

fn in_savepoint<T>(
    sql: &mut dyn Sql,
    work: impl FnOnce(&mut dyn Sql) -> sql::Result<T>,
) -> sql::Result<T> {
    sql.execute("SAVEPOINT job", &[])?;
    let outcome = work(sql);
    if outcome.is_err() {
        sql.execute("ROLLBACK TO SAVEPOINT job", &[])?;
    }
    sql.execute("RELEASE SAVEPOINT job", &[])?;
    outcome
}
