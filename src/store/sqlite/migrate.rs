//! Bringing the schema up to date.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::{when, when_behind};
use super::statements::Statements;
use super::{backup, connect, log};
use crate::failure::Failure;
use crate::progress::unwatched;
use crate::store::migrations::{OF_SQLITE, newest_schema, runner};
use crate::store::sql;
use crate::store::task::Complete;

/// The connection that writes; the database is created and migrated.
pub(super) fn open(path: &Path, complete: Complete) -> Result<Connection, Failure> {
    connect::engine_version()?;
    let _lock = connect::lock(path).map_err(Failure::when("opening the folder of the database"))?;
    connect::create_private(path)?;
    let mut connection = connect::connect(path)?;
    check_identity(&connection, path)?;
    copy_before_migration(&connection, path)?;
    migrate(&mut connection, complete)?;
    Ok(connection)
}

fn check_identity(connection: &Connection, path: &Path) -> Result<(), Failure> {
    match connect::identity(connection).map_err(when("reading the database"))? {
        (log::APPLICATION_ID, _) => Ok(()),
        (0, 0) => connection
            .pragma_update(None, "application_id", log::APPLICATION_ID)
            .map_err(when("creating the database")),
        _ => Err(connect::foreign(path)),
    }
}

/// Whoever regrets an upgrade has the database as it was, verified, beside it.
fn copy_before_migration(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let is_needed = || {
        let users = "SELECT EXISTS (SELECT 1 FROM users)";
        let is_old = (1..newest_schema()).contains(&applied(connection)?);
        Ok(is_old && connection.query_row(users, [], |row| row.get(0))?)
    };
    if !is_needed().map_err(when("reading the database"))? {
        return Ok(());
    }
    let mut copy = path.to_owned().into_os_string();
    copy.push(format!(".before-v{}", newest_schema()));
    backup::copy(connection, Path::new(&copy), true, &unwatched()).map(drop)
}

/// Brings the schema up to date, or refuses one that is newer than this program.
pub(super) fn migrate(connection: &mut Connection, complete: Complete) -> Result<(), Failure> {
    let newest = newest_schema();
    let applied = applied(connection).map_err(when("reading the version of the database"))?;
    if applied > newest {
        return Err(connect::refusal(format!(
            "the database has schema version {applied} and this program knows {newest}; \
             start the newer minisass-auth that made it, or restore a backup from before"
        )));
    }
    if applied < newest {
        runner(OF_SQLITE)
            .set_grouped(true)
            .run(connection)
            .map_err(when_behind("migrating the database"))?;
    }
    let mut completed = |behavior| -> sql::Result<()> {
        let transaction = connection.transaction_with_behavior(behavior)?;
        complete(&mut Statements::over(&transaction))?;
        Ok(transaction.commit()?)
    };
    // The first try takes the lock of a writer only if there is something to write. It fails at once
    // if somebody else writes between its look and that; the second waits for its turn.
    completed(TransactionBehavior::Deferred)
        .or_else(|_| completed(TransactionBehavior::Immediate))
        .map_err(|err| err.when("chaining the audit trail"))
}

/// The version of the schema, as the migration library notes it; 0 for a new file.
pub(super) fn applied(connection: &Connection) -> rusqlite::Result<i32> {
    let noted = "SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    if !connection.prepare(noted)?.exists([])? {
        return Ok(0);
    }
    connection.query_row(
        "SELECT coalesce(max(version), 0) FROM refinery_schema_history",
        [],
        |row| row.get(0),
    )
}

/// The version that the schema of a database has; 0 if there is none, or nothing in it.
pub(crate) fn schema_of(path: &Path) -> Result<i32, Failure> {
    if !connect::is_there(path)? {
        return Ok(0);
    }
    let read = connect::reader(path);
    if read.is_err() && connect::size(&log::log_of(path)) == 0 {
        // On a full disk a log cannot be begun; there is none, so the file says it all.
        let alone = connect::untouched(path).and_then(|it| applied(&it));
        return alone.or_else(|_| read.map(|_| 0));
    }
    applied(&read?).map_err(when("reading the version of the database"))
}
