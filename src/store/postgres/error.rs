//! What PostgreSQL's errors mean, in words, and what to do about them.

use tokio_postgres::error::SqlState;

use crate::store::sql;

/// Locks of our own last a moment.
const LOCKED: &str = "somebody has locked the database and does not let go; `SELECT pid, usename, \
                      query FROM pg_stat_activity` shows who; end that, and try again";

/// A server made them at its start, and nobody else takes them away.
pub(super) const EMPTIED: &str = "tables of ours are gone: the database was emptied, or another one put in its \
                       place; put the right one there, or a backup with `db restore`";

const FULL: &str = "the disk of the server of the database is full; make room on it, and try again";

pub(super) const NO_RIGHT: &str = "connect as the role that owns the database and its tables";

pub(super) const TAKES_NOTHING: &str = "it follows another one, which is to be named, or \
                                        default_transaction_read_only is on for server, database or role";

/// Whatever is prepared, set or locked on it is somebody else's in the next transaction.
pub(super) const SHARED: &str = "something between us and PostgreSQL gives one connection to several: let \
                                 PgBouncer pool by sessions, or connect past it";

impl From<tokio_postgres::Error> for sql::Error {
    fn from(err: tokio_postgres::Error) -> Self {
        let Some(state) = err.code().cloned() else {
            // No answer of a server: the connection has ended, or there never was one.
            return Self::passing(err);
        };
        match state {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
                Self::collided(in_words(&err))
            }
            // It says so to whoever has been idle, and then hangs up.
            SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::IDLE_SESSION_TIMEOUT
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Self::ended(in_words(&err)),
            SqlState::INSUFFICIENT_PRIVILEGE => {
                Self::passing(format!("{}; {NO_RIGHT}", in_words(&err)))
            }
            SqlState::DISK_FULL => Self::passing(FULL),
            SqlState::READ_ONLY_SQL_TRANSACTION => takes_nothing(),
            // A type of a column is another one than when it was prepared, which is now done again.
            SqlState::FEATURE_NOT_SUPPORTED => Self::passing(in_words(&err)),
            SqlState::LOCK_NOT_AVAILABLE => Self::passing(LOCKED),
            SqlState::UNDEFINED_TABLE => Self::passing(EMPTIED),
            SqlState::DUPLICATE_PSTATEMENT | SqlState::INVALID_SQL_STATEMENT_NAME => {
                Self::passing(SHARED)
            }
            state if may_pass(&state) => Self::passing(in_words(&err)),
            _ => Self::fault(in_words(&err)),
        }
    }
}

/// Of the beginning of a transaction that is to write: one that follows another server cannot do that, which is
/// told in the language of the server.
pub(super) fn of_begin(err: tokio_postgres::Error) -> sql::Error {
    match err.code() {
        Some(&SqlState::FEATURE_NOT_SUPPORTED) => takes_nothing(),
        _ => err.into(),
    }
}

fn takes_nothing() -> sql::Error {
    sql::Error::read_only(format!("the database takes no changes; {TAKES_NOTHING}"))
}

/// Of a server that takes no more connections: too many, too little memory, or in PgBouncer's words.
pub(super) fn is_of_full(err: &tokio_postgres::Error) -> bool {
    let is_so = |it: &SqlState| it.code().starts_with("53") || *it == SqlState::PROTOCOL_VIOLATION;
    err.code().is_some_and(is_so)
}

/// By classes of errors (<https://www.postgresql.org/docs/current/errcodes-appendix.html>): no connection,
/// no resources, an operator's intervention, a system's error.
fn may_pass(state: &SqlState) -> bool {
    let is_of = |class: &str| state.code().starts_with(class);
    ["08", "53", "57", "58"].into_iter().any(is_of)
}

/// What the server says; its library says "db error" only.
pub(super) fn in_words(err: &tokio_postgres::Error) -> String {
    match err.as_db_error() {
        Some(said) => {
            let hint = said.hint().or(said.detail());
            let hint = hint.map(|it| format!("; {it}")).unwrap_or_default();
            format!("PostgreSQL says: {}{hint}", said.message())
        }
        None => crate::failure::chain(std::iter::successors(
            Some(err as &(dyn std::error::Error + 'static)),
            |it| (**it).source(),
        )),
    }
}
