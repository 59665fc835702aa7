//! Connections to the file: pragmas, and the refusals that protect it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::when;
use super::log::{self, APPLICATION_ID, log_of};
use crate::failure::{Failure, in_words};
use crate::private_file::ownership::line_for_owner;
use crate::private_file::{append_to, folder_of, lock, whole_path};

/// Older ones can corrupt a database that two processes write and checkpoint at once, which is what
/// a server and its command line do (fixed in SQLite 3.51.3).
const OLDEST_SAFE_SQLITE: i32 = 3_051_003;

/// Between two processes SQLite's lock is not fair; asking twice in a millisecond kept the worst wait
/// at 0.1 s where SQLite's own back-off took 4 s. After some 20 seconds it is given up: less than a
/// request may take.
const BUSY_PAUSE: Duration = Duration::from_micros(500);
const BUSY_TRIES: i32 = 30_000;

/// Who inspects waits only for whoever recovers the log after a crash.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many pages of 4 KiB the log has when it is moved into the database. Moving costs two
/// `fdatasync` and a write for each changed page; the default of 1000 does so every 200 logouts.
const LOG_PAGES: i32 = 8192;

/// The version of the engine that is built in, unless it is too old to be safe.
pub fn engine_version() -> Result<&'static str, Failure> {
    let version = rusqlite::version();
    if rusqlite::version_number() >= OLDEST_SAFE_SQLITE {
        return Ok(version);
    }
    Err(refusal(format!(
        "SQLite {version} can corrupt the database; build this program with the SQLite it brings along"
    )))
}

/// How every database of SQLite starts, whatever program it belongs to.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where its header says how it is written (2 with a log), and for whom it is. The header is so long.
const WRITE_VERSION: usize = 18;
const APPLICATION_ID_AT: usize = 68;
const HEADER: usize = 100;

/// The start of a file: whole, if it is a database.
fn header(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(HEADER);
    File::open(path)?
        .take(HEADER as u64)
        .read_to_end(&mut header)?;
    Ok(header)
}

/// Whether the changes of a database go into a log beside it first.
pub(super) fn has_log(path: &Path) -> std::io::Result<bool> {
    Ok(header(path)?.get(WRITE_VERSION) == Some(&2))
}

/// Whether there is a database of this program. An empty file is none. What belongs to another
/// program is refused; it is only looked at, and nothing is changed or made.
pub(crate) fn is_there(path: &Path) -> Result<bool, Failure> {
    let shown = path.display();
    // Whoever opens a pipe waits for its other end.
    if fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir()) {
        return Err(refusal(format!(
            "{shown} is no file, so no database can be there; choose another --database"
        )));
    }
    let header = match header(path) {
        Ok(header) => header,
        Err(err) if matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            check_log(path)?;
            return Ok(false);
        }
        Err(err) => {
            let line = line_for_owner(path, &err);
            let why = in_words(&err);
            return Err(refusal(format!("cannot read {shown}: {why}{line}")));
        }
    };
    if header.is_empty() {
        check_log(path)?;
        return Ok(false);
    }
    if !header.starts_with(MAGIC) {
        return Err(refusal(format!(
            "{shown} is no database; name another file with --database"
        )));
    }
    check_log(path)?;
    if header.get(APPLICATION_ID_AT..APPLICATION_ID_AT + 4) == Some(&APPLICATION_ID.to_be_bytes()) {
        return Ok(true);
    }
    // Older versions of this program left the number in the log for a while.
    let connection = if size(&log_of(path)) > 0 {
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
    } else {
        untouched(path)
    };
    let look = |connection: Connection| {
        connection.busy_timeout(PATIENCE)?;
        identity(&connection)
    };
    match connection
        .and_then(look)
        .map_err(when("reading the database"))?
    {
        (APPLICATION_ID, _) => Ok(true),
        (0, 0) => Ok(false),
        _ => Err(foreign(path)),
    }
}

/// Refuses a log without its database: SQLite would delete it, and with it what was committed last.
fn check_no_log_alone(path: &Path) -> Result<(), Failure> {
    let log = log_of(path);
    let has_commits = match log::has_commits(&log) {
        // Its folder is not there, say.
        Err(err) if err.kind() == ErrorKind::NotADirectory => false,
        known => known.map_err(Failure::when("reading the database"))?,
    };
    let (shown, log) = (path.display(), log.display());
    if !has_commits {
        return Ok(());
    }
    Err(refusal(format!(
        "the database {shown} is missing or empty, and its log {log} still holds what was written \
         last; put the database that belongs to it back, or, if what is only in the log may go, \
         remove {log}"
    )))
}

/// Refuses a file that was put in the place of another one, whose log lies there still. To be asked
/// before SQLite opens the file: to close it takes away the locks that this process has there.
pub(super) fn check_log(path: &Path) -> Result<(), Failure> {
    if size(path) < HEADER as u64 {
        return check_no_log_alone(path);
    }
    let log = log_of(path);
    let belongs = File::open(path).and_then(|database| log::belongs(&database, &log));
    if belongs.map_err(Failure::when("reading the database"))? {
        return Ok(());
    }
    let (shown, log) = (path.display(), log.display());
    Err(refusal(format!(
        "the log {log} does not belong to {shown}, which was put in the place of another database; \
         put that one back, or, if what is only in its log may go, remove {log}"
    )))
}

/// Whose a database is, and how many tables and indexes it has.
pub(super) fn identity(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
    Ok((
        number("PRAGMA application_id")?,
        number("SELECT count(*) FROM sqlite_schema")?,
    ))
}

/// A connection to a file that nobody changes: there is no lock, and nothing is made beside it.
pub(super) fn untouched(path: &Path) -> rusqlite::Result<Connection> {
    let absolute = whole_path(path);
    let mut uri = String::from("file://");
    for &byte in absolute.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags)
}

/// Of several first starts at once one makes the database; the others wait and find it made. SQLite
/// does not wait by itself where a file becomes WAL.
pub(super) fn lock(path: &Path) -> std::io::Result<File> {
    lock::wait(folder_of(path))
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Connection, Failure> {
    let connection = connect(path)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(when("opening the database"))?;
    Ok(connection)
}

/// A connection that looks at a file which must be there, and writes nothing.
pub(super) fn inspector(path: &Path) -> Result<Connection, Failure> {
    let doing = "inspecting the database";
    let open = || {
        // Somebody who may write leaves no log behind where there was none; but a log that a
        // crash left is evidence, which the last one to write would move into the database.
        let flags = if log_of(path).exists() {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        };
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        Ok((connection, id))
    };
    let (connection, id) = open().map_err(when(doing))?;
    if id != APPLICATION_ID {
        return Err(foreign(path));
    }
    Ok(connection)
}

/// SQLite gives the log and the shared memory the mode of the database file. The first thing in it
/// says whose it is, before there is a log: a copy of the file alone says so too.
pub(super) fn create_private(path: &Path) -> Result<(), Failure> {
    append_to(path).map_err(Failure::when("creating the database"))?;
    if size(path) > 0 {
        return Ok(());
    }
    let mark = || {
        let new = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let transaction = new.unchecked_transaction()?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        log::stamp(&transaction)?;
        transaction.commit()
    };
    mark().map_err(when("creating the database"))
}

pub(super) fn connect(path: &Path) -> Result<Connection, Failure> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        wait_for_others(&mut connection)?;
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
        // What is deleted is overwritten: nothing of a deleted user stays in a free page.
        connection.pragma_update(None, "secure_delete", true)?;
        Ok(connection)
    };
    open().map_err(when("opening the database"))
}

/// Others may write too: they are waited for.
pub(super) fn wait_for_others(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(|tries| {
        std::thread::sleep(BUSY_PAUSE);
        tries < BUSY_TRIES
    }))
}

/// When the last connection is closed, SQLite moves the log into the file and deletes it. Not so if that
/// connection is this one.
pub(super) fn leave_log(connection: &Connection) {
    // It fails in no version that has the switch.
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
}

pub(super) fn foreign(path: &Path) -> Failure {
    refusal(format!(
        "{} is a database of another program; name another file with --database",
        path.display()
    ))
}

/// In bytes; 0 if there is no such file.
pub(super) fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |it| it.len())
}

pub(super) fn refusal(text: String) -> Failure {
    Failure::new("opening the database", text)
}
