//! What the writer's thread does with the database: commit groups of jobs, move the log.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::connect;
use super::error::when;
use super::log;
use super::place::Place;
use super::session_cache::SessionCache;
use super::statements::Statements;
use crate::failure::Failure;
use crate::store::task::{End, Job, NotCommitted, Shares};

/// At the end the write-ahead log is moved into the database if that is possible within this time.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// What is known once a transaction has ended.
pub(super) struct Settled {
    jobs: Vec<Job>,
    fate: Option<NotCommitted>,
}

impl Settled {
    /// Tells all who wait for it.
    pub(super) fn answer(self) {
        let fate = self.fate.as_ref();
        self.jobs.into_iter().for_each(|it| it.answer(fate));
    }
}

/// The database as the thread has it.
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) end: End,
    pub(super) shared: Arc<Shared>,
}

/// What others want to know of the open database.
pub(super) struct Shared {
    pub(super) sessions: SessionCache,
    pub(super) place: Place,
}

impl Open {
    /// Moves the log into the database, if that is possible: what is in the log is safe too, and whoever
    /// copies the database alone has most of it. Never into another file.
    pub(super) fn move_log(&self, how: &str) {
        if self.shared.place.check().is_ok() {
            let _ = self
                .connection
                .execute_batch(&format!("PRAGMA wal_checkpoint({how})"));
        }
    }

    /// Moves the log into the database and empties it, if nobody reads at the moment: nobody waits.
    /// Whether that was possible.
    pub(super) fn empty_log(&mut self) -> bool {
        let connection = &mut self.connection;
        let mut empty = || {
            connection.busy_timeout(Duration::ZERO)?;
            let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, bool>(0)
            });
            connect::wait_for_others(connection)?;
            is_busy
        };
        self.shared.place.check().is_ok() && empty().is_ok_and(|is_busy| !is_busy)
    }

    /// Closes the database. If `moves_log`, the next start finds one file.
    pub(super) fn close(self, moves_log: bool) {
        if moves_log {
            // If another process reads for long, it is not waited for.
            let _ = self.connection.busy_timeout(LAST_WAIT);
            self.move_log("TRUNCATE");
        }
        if self.shared.place.check().is_err() {
            // These two are the last ones.
            connect::leave_log(&self.connection);
            self.shared.sessions.leave_log();
        }
    }

    /// Commits what these jobs do. They are to be answered.
    pub(super) fn commit(&self, group: impl Iterator<Item = Job>) -> Settled {
        if let Err(failure) = self.shared.place.check() {
            return Settled {
                jobs: group.collect(),
                fate: Some(lost(&failure)),
            };
        }
        let connection = &self.connection;
        let changes = connection.total_changes();
        let (jobs, fate): (Vec<Job>, _) =
            match Transaction::new_unchecked(connection, TransactionBehavior::Immediate) {
                Ok(transaction) => {
                    let mut statements = Statements::over(&transaction);
                    // A full disk makes SQLite roll the whole transaction back; what ran after that
                    // would be committed by itself and then reported as failed, so it must not run.
                    let run = |mut job: Job| {
                        if !transaction.is_autocommit() {
                            job.run(&mut statements, Shares::Transaction);
                        }
                        job
                    };
                    let jobs = group.map(run).collect();
                    let touches_sessions = statements.touch_sessions();
                    let has_changes =
                        statements.is_probe() || connection.total_changes() != changes;
                    let fate = self.finish(transaction, has_changes, touches_sessions);
                    (jobs, fate)
                }
                Err(err) => (group.collect(), Err(not_committed(err, false))),
            };
        // Of a file that was cut off, SQLite says this and that.
        let place = || self.shared.place.check().err();
        let fate = fate.err().map(|why| place().map_or(why, |it| lost(&it)));
        Settled { jobs, fate }
    }

    fn finish(
        &self,
        transaction: Transaction<'_>,
        has_changes: bool,
        touches_sessions: bool,
    ) -> Result<(), NotCommitted> {
        let rolled_back = transaction.is_autocommit();
        if has_changes && !rolled_back {
            log::stamp(&transaction).map_err(|err| not_committed(err, false))?;
        }
        let finished = match self.end {
            End::Commit if touches_sessions => transaction.commit(),
            End::Commit => {
                let commit = || transaction.commit();
                self.shared.sessions.keep_through(&self.connection, commit)
            }
            End::RollBack => transaction.rollback(),
        };
        finished.map_err(|err| not_committed(err, rolled_back))?;
        // What was committed to a file that nobody finds again is lost, and nobody is told otherwise.
        let place = self.shared.place.check();
        place.map_err(|failure| lost(&failure))
    }
}

fn lost(failure: &Failure) -> NotCommitted {
    NotCommitted {
        why: failure.chain(),
        transient: true,
        is_logged: failure.is_logged(),
        is_in_doubt: false,
    }
}

fn not_committed(err: rusqlite::Error, rolled_back: bool) -> NotCommitted {
    let failure = when("committing")(err);
    NotCommitted {
        transient: failure.is_transient() || rolled_back,
        is_logged: failure.is_logged(),
        is_in_doubt: false,
        why: failure.chain(),
    }
}
