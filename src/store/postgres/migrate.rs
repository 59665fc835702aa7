//! Bringing the schema up to date.

use std::sync::Arc;
use std::time::Duration;

use super::connect::{Connection, Connector};
use super::error::NO_RIGHT;
use super::statements::Statements;
use crate::failure::Failure;
use crate::store::migrations::{OF_POSTGRES, newest_schema, runner};
use crate::store::sql::{self, Sql};
use crate::store::task::Complete;

/// Of all who start at once, one migrates. The number is the name of the lock, for this database.
const LOCK: &str = "SELECT CASE WHEN pg_try_advisory_lock(6013254712) THEN 1 ELSE 0 END";
const UNLOCK: &str = "SELECT pg_advisory_unlock(6013254712)";

/// Whoever stands still meanwhile does not keep the others for ever. PostgreSQL 13 has no such setting.
const GIVE_UP: &str = "SELECT count(set_config(name, '30s', false)) FROM pg_settings WHERE name = 'idle_session_timeout'";

/// Between two looks whether somebody else is done, and after so many of them the log tells.
const PAUSE: Duration = Duration::from_millis(100);
const TELL: usize = 20;

const DOING: &str = "migrating the database";

/// The version that the schema of a database has; 0 if there is none, or nothing in it.
pub(super) fn schema(connector: &Arc<Connector>) -> Result<i32, Failure> {
    let connected = connector.connect();
    let mut connection =
        connected.map_err(|it| it.failure("reading the version of the database"))?;
    let read = applied(&mut connection.statements);
    read.map_err(|err| err.when("reading the version of the database"))
}

pub(crate) fn applied(sql: &mut dyn Sql) -> sql::Result<i32> {
    let noted = "SELECT 1 FROM pg_class WHERE oid = to_regclass('refinery_schema_history')";
    if !sql.exists(noted, &[])? {
        return Ok(0);
    }
    let version = sql.number(
        "SELECT coalesce(max(version), 0) FROM refinery_schema_history",
        &[],
    )?;
    i32::try_from(version).map_err(sql::Error::fault)
}

/// Brings the schema up to date, or refuses one that is newer than this program, or another program's. Returns
/// a connection.
pub(super) fn migrate(
    connector: &Arc<Connector>,
    complete: Complete,
) -> Result<Connection, Failure> {
    let connect = || {
        let connected = connector.connect();
        connected.map_err(|it| it.failure("opening the database"))
    };
    let mut connection = connect()?;
    let when = |err: sql::Error| err.when(DOING);
    if applied(&mut connection.statements).map_err(when)? < newest_schema() {
        let it = &mut connection.statements;
        it.batch("SET lock_timeout = 0").map_err(when)?;
        it.batch(GIVE_UP).map_err(when)?;
        take_turn(it).map_err(when)?;
        let migrated = migrate_alone(it);
        let unlocked = it.batch(UNLOCK).map_err(when);
        // Of a connection that broke, this says why.
        migrated?;
        unlocked?;
        // Nobody else is to wait for a lock for ever.
        drop(connection);
        connection = connect()?;
    }
    let it = &mut connection.statements;
    check_schema(it)?;
    completed(it, complete).map_err(|err| err.when("chaining the audit trail"))?;
    Ok(connection)
}

/// Waits until nobody else migrates.
fn take_turn(it: &mut Statements) -> sql::Result<()> {
    let mut looks = 0;
    while (it as &mut dyn Sql).number(LOCK, &[])? == 0 {
        looks += 1;
        if looks == TELL {
            let note = "another server or command brings the database up to date, and has not said yet that it is done";
            tracing::warn!(event = "sys_migration_elsewhere", note);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn migrate_alone(it: &mut Statements) -> Result<(), Failure> {
    let when = |err: sql::Error| err.when(DOING);
    if applied(it).map_err(when)? == 0 {
        let of_others =
            "SELECT 1 FROM pg_class WHERE oid IN (to_regclass('users'), to_regclass('sessions'))";
        if (it as &mut dyn Sql).exists(of_others, &[]).map_err(when)? {
            return Err(Failure::new(
                DOING,
                "the database has tables of another program; make one of its own for this",
            ));
        }
    }
    // The library makes tables in the first schema of the path, and looks for its own there alone.
    let elsewhere = "SELECT 1 FROM pg_class WHERE oid = to_regclass('refinery_schema_history')
         AND relnamespace IS DISTINCT FROM quote_ident(current_schema())::regnamespace";
    if (it as &mut dyn Sql).exists(elsewhere, &[]).map_err(when)? {
        return Err(Failure::new(
            DOING,
            "the tables are in another schema than the first one of search_path; name theirs first: \
             ALTER ROLE … SET search_path = …",
        ));
    }
    let runner = runner(OF_POSTGRES).set_grouped(true);
    let ran = it.client.migrate(&runner).map_err(when)?;
    ran.map(drop).map_err(|err| {
        let said = err.to_string();
        // The library of migrations hides what kind of error it was.
        if said.contains("permission denied") {
            return Failure::new(DOING, format!("the role may not make tables; {NO_RIGHT}"));
        }
        Failure::new(DOING, err)
    })
}

fn check_schema(it: &mut Statements) -> Result<(), Failure> {
    let (newest, applied) = (newest_schema(), applied(it).map_err(|err| err.when(DOING))?);
    if applied > newest {
        return Err(Failure::new(
            DOING,
            format!(
                "the database has schema version {applied} and this program knows {newest}; \
                 start the newer minisass-auth that made it"
            ),
        ));
    }
    Ok(())
}

fn completed(it: &mut Statements, complete: Complete) -> sql::Result<()> {
    it.batch("BEGIN")?;
    complete(it)?;
    it.batch("COMMIT")
}
