//! Opening the file: pragmas, migrations, and the refusals that protect it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use refinery::embed_migrations;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{audit, backup, failure};
use crate::failure::Failure;
use crate::private_file::{append_to, folder_of, lock};
use crate::progress::unwatched;

embed_migrations!("migrations/sqlite");

/// Older ones can corrupt a database that two processes write and checkpoint at once, which is what
/// a server and its command line do (fixed in SQLite 3.51.3).
const OLDEST_SAFE_SQLITE: i32 = 3_051_003;

/// "mini" in ASCII: tells this file from any other SQLite file.
pub(crate) const APPLICATION_ID: i32 = 0x6d69_6e69;

/// Between two processes SQLite's lock is not fair; asking twice in a millisecond, for half a minute,
/// kept the worst wait at 0.1 s where SQLite's own back-off took 4 s.
const BUSY_PAUSE: Duration = Duration::from_micros(500);
const BUSY_TRIES: i32 = 60_000;

/// The log is moved into the database when it has so many pages of 4 KiB. Moving costs two
/// `fdatasync` and a write for each changed page; the default of 1000 does so every 200 logouts.
const LOG_PAGES: i32 = 8192;

/// The connection that writes; it creates and migrates the database.
pub(crate) fn writer(path: &Path) -> Result<Connection, Failure> {
    check_version()?;
    let _lock = lock(path).map_err(Failure::when("opening the folder of the database"))?;
    create_private(path).map_err(Failure::when("creating the database"))?;
    let mut connection = connect(path)?;
    check_identity(&connection, path)?;
    copy_before_migration(&connection, path)?;
    migrate(&mut connection)?;
    Ok(connection)
}

pub(crate) fn check_version() -> Result<(), Failure> {
    if rusqlite::version_number() >= OLDEST_SAFE_SQLITE {
        return Ok(());
    }
    let version = rusqlite::version();
    Err(refusal(format!(
        "SQLite {version} can corrupt the database; build this program with the SQLite it brings along"
    )))
}

/// Of several first starts at once one makes the database; the others wait and find it made. SQLite
/// does not wait by itself where a file becomes WAL.
pub(crate) fn lock(path: &Path) -> std::io::Result<File> {
    lock::wait(folder_of(path))
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path) -> Result<Connection, Failure> {
    let connection = connect(path)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(|err| failure("opening the database", err))?;
    Ok(connection)
}

/// SQLite gives the log and the shared memory the mode of the database file.
pub(crate) fn create_private(path: &Path) -> std::io::Result<()> {
    append_to(path).map(drop)
}

pub(crate) fn connect(path: &Path) -> Result<Connection, Failure> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_handler(Some(|tries| {
            std::thread::sleep(BUSY_PAUSE);
            tries < BUSY_TRIES
        }))?;
        connection.set_prepared_statement_cache_capacity(64);
        // Without this, SQLite plans a query anew for every value that it compares with the
        // condition of a partial index, which made looking up a session five times as slow.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // An acknowledged write survives a power cut, not only a crash.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        Ok(connection)
    };
    open().map_err(|err| failure("opening the database", err))
}

fn check_identity(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let read = || {
        Ok((
            number("PRAGMA application_id")?,
            number("SELECT count(*) FROM sqlite_schema")?,
        ))
    };
    match read().map_err(|err| failure("reading the database", err))? {
        (APPLICATION_ID, _) => Ok(()),
        (0, 0) => connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(|err| failure("creating the database", err)),
        _ => Err(foreign(path)),
    }
}

pub(crate) fn foreign(path: &Path) -> Failure {
    refusal(format!(
        "{} is a database of another program; name another file with --database",
        path.display()
    ))
}

/// The write-ahead log beside a database.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    let mut log = path.to_owned().into_os_string();
    log.push("-wal");
    log.into()
}

/// The version of the schema that this program has.
pub(crate) fn known() -> i32 {
    let runner = migrations::runner();
    let versions = runner.get_migrations().iter();
    versions
        .map(refinery::Migration::version)
        .max()
        .unwrap_or(0)
}

/// Whoever regrets an upgrade has the database as it was, verified, beside it.
fn copy_before_migration(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let read = || {
        let applied = applied(connection)?;
        let users = "SELECT EXISTS (SELECT 1 FROM users)";
        let is_used = applied > 0 && connection.query_row(users, [], |row| row.get(0))?;
        Ok((applied, is_used))
    };
    let (applied, is_used) = read().map_err(|err| failure("reading the database", err))?;
    if !is_used || applied >= known() {
        return Ok(());
    }
    let mut copy = path.to_owned().into_os_string();
    copy.push(format!(".before-v{}", known()));
    backup::copy(connection, Path::new(&copy), true, &unwatched()).map(drop)
}

/// Brings the schema up to date, or refuses one that is newer than this program.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    let known = known();
    let applied =
        applied(connection).map_err(|err| failure("reading the version of the database", err))?;
    if applied > known {
        return Err(refusal(format!(
            "the database has schema version {applied} and this program knows {known}; \
             start the newer minisass-auth that made it, or restore a backup from before"
        )));
    }
    if applied < known {
        migrations::runner()
            .set_grouped(true)
            .run(connection)
            .map_err(Failure::when("migrating the database"))?;
    }
    audit::chain_old(connection).map_err(|err| failure("chaining the audit trail", err))
}

/// The version of the schema, as the migration library notes it; 0 for a new file.
pub(crate) fn applied(connection: &Connection) -> rusqlite::Result<i32> {
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

fn refusal(text: String) -> Failure {
    Failure::new("opening the database", text)
}
