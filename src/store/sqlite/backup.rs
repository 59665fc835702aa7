//! Copies of the database: made while it is in use, verified, and put in place whole.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, Result};

use super::{failure, open};
use crate::failure::Failure;
use crate::private_file::replace::Draft;
use crate::progress::{Progress, Step};
use crate::store::maintenance::BackedUp;

const DOING: &str = "backing up the database";

/// So many pages are copied between two reports of progress.
const PAGES: i32 = 1024;

/// So many steps of SQLite's machine pass between two reports of a check.
const CHECK_STEPS: i32 = 10_000;

/// In KiB. A check looks up every row in every index, all over the place.
const CHECK_CACHE: i32 = 64 << 10;

/// A busy destination is asked again so soon.
const PAUSE: Duration = Duration::from_millis(5);

/// Copies what `source` holds as of now to `to`, and verifies the copy before it gets that name.
pub(crate) fn copy(
    source: &Connection,
    to: &Path,
    replacing: bool,
    progress: &Progress,
) -> std::result::Result<BackedUp, Failure> {
    if !replacing && fs::symlink_metadata(to).is_ok() {
        return Err(Failure::new(
            DOING,
            format!("{} exists already; choose another name", to.display()),
        ));
    }
    let draft = Draft::beside(to).map_err(|err| {
        let folder = to.parent().unwrap_or(Path::new("."));
        Failure::new(
            DOING,
            format!(
                "cannot write to {}: {err}; choose another place",
                folder.display()
            ),
        )
    })?;
    let counted = into(source, draft.path(), progress).map_err(|err| failure(DOING, err))?;
    verify(draft.path(), &counted, progress)?;
    let bytes = fs::metadata(draft.path())
        .map_err(Failure::when(DOING))?
        .len();
    draft.keep(to, replacing).map_err(Failure::when(DOING))?;
    let users = counted
        .iter()
        .find(|it| it.0 == "users")
        .map_or(0, |it| it.1);
    Ok(BackedUp { bytes, users })
}

/// Copies the pages and returns how many rows each table has. The transaction holds one state of the
/// database all the while; others write on.
fn into(source: &Connection, to: &Path, progress: &Progress) -> Result<Vec<(String, i64)>> {
    let transaction = source.unchecked_transaction()?;
    let counted = count(&transaction)?;
    let mut target = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Until it has its name nobody relies on it; then it is on the disk whole.
    target.pragma_update(None, "synchronous", "off")?;
    // On a full disk a journal would be left behind.
    target.pragma_update(None, "journal_mode", "off")?;
    {
        let backup = Backup::new(&transaction, &mut target)?;
        loop {
            let step = backup.step(PAGES)?;
            let state = backup.progress();
            let all = u64::try_from(state.pagecount).unwrap_or(0);
            let left = u64::try_from(state.remaining).unwrap_or(0);
            if !progress(Step::Done(all.saturating_sub(left), all)) {
                return Err(interrupted());
            }
            match step {
                StepResult::Done => break,
                StepResult::Busy | StepResult::Locked => std::thread::sleep(PAUSE),
                _ => {}
            }
        }
    }
    // One file, without a log beside it.
    target.pragma_update(None, "journal_mode", "delete")?;
    target.close().map_err(|(_, err)| err)?;
    Ok(counted)
}

/// What SQLite itself says of work that was told to end.
pub(crate) fn interrupted() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
    rusqlite::Error::SqliteFailure(code, None)
}

fn count(connection: &Connection) -> Result<Vec<(String, i64)>> {
    let names: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_>>()?;
    let rows = |name: String| {
        let quoted = name.replace('"', "\"\"");
        let sql = format!("SELECT count(*) FROM \"{quoted}\"");
        let rows = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok((name, rows))
    };
    names.into_iter().map(rows).collect()
}

fn verify(
    path: &Path,
    expected: &[(String, i64)],
    progress: &Progress,
) -> std::result::Result<(), Failure> {
    let doing = "verifying the backup";
    let mut copy = read_only(path).map_err(|err| failure(doing, err))?;
    let problems = problems(&mut copy, progress).map_err(|err| failure(doing, err))?;
    let counted = count(&copy).map_err(|err| failure(doing, err))?;
    if let Some(problem) = problems.first() {
        return Err(Failure::new(
            doing,
            format!("{problem}; check the original with `db check`"),
        ));
    }
    if counted != expected {
        return Err(Failure::new(doing, "it has other rows than the original"));
    }
    Ok(())
}

/// What SQLite finds wrong with a database, at most a hundred things.
pub(crate) fn problems(connection: &mut Connection, progress: &Progress) -> Result<Vec<String>> {
    connection.pragma_update(None, "cache_size", -CHECK_CACHE)?;
    let watch = Arc::clone(progress);
    connection.progress_handler(CHECK_STEPS, Some(move || !watch(Step::Checking)))?;
    let found = find_problems(connection);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    found
}

fn find_problems(connection: &Connection) -> Result<Vec<String>> {
    let mut found: Vec<String> = connection
        .prepare("PRAGMA integrity_check")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_>>()?;
    found.retain(|it| it != "ok");
    let orphans = connection
        .prepare("PRAGMA foreign_key_check")?
        .query_map([], |row| {
            let (table, row_id): (String, Option<i64>) = (row.get(0)?, row.get(1)?);
            let parent: String = row.get(2)?;
            let row_id = row_id.map_or_else(String::new, |it| format!(" {it}"));
            Ok(format!(
                "row{row_id} of {table} belongs to no row of {parent}"
            ))
        })?
        .take(100)
        .collect::<Result<Vec<_>>>()?;
    found.extend(orphans);
    Ok(found)
}

fn read_only(path: &Path) -> Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Puts the backup `from` into the database at `path`, which holds no users. In what is put there,
/// every session has ended and no link or mail waits, so that nothing revoked since comes back.
pub(crate) fn restore(
    from: &Path,
    path: &Path,
    progress: &Progress,
    settle: impl FnOnce(&Connection) -> Result<()>,
) -> std::result::Result<i64, Failure> {
    let doing = "restoring the backup";
    let shown = from.display();
    let refused = |why: String| Failure::new(doing, why);
    fs::metadata(from).map_err(|err| refused(format!("cannot read {shown}: {err}")))?;
    let unreadable = |err: rusqlite::Error| {
        refused(format!(
            "{shown} is no sound backup ({err}); name another one"
        ))
    };
    let mut source = read_only(from).map_err(unreadable)?;
    if let Some(problem) = problems(&mut source, progress).map_err(unreadable)?.first() {
        return Err(refused(format!(
            "{shown} is damaged ({problem}); name another one"
        )));
    }
    let number = |c: &Connection, sql: &str| c.query_row(sql, [], |row| row.get::<_, i64>(0));
    if number(&source, "PRAGMA application_id").map_err(unreadable)?
        != i64::from(open::APPLICATION_ID)
    {
        return Err(refused(format!(
            "{shown} is no backup of this program; name another one"
        )));
    }
    let _lock = open::lock(path).map_err(Failure::when(doing))?;
    let draft = Draft::beside(path).map_err(Failure::when(doing))?;
    into(&source, draft.path(), progress).map_err(|err| failure(doing, err))?;
    let mut prepared = Connection::open(draft.path()).map_err(|err| failure(doing, err))?;
    prepared
        .pragma_update(None, "journal_mode", "memory")
        .map_err(|err| failure(doing, err))?;
    open::migrate(&mut prepared)?;
    let settled = || {
        let transaction = prepared.unchecked_transaction()?;
        settle(&transaction)?;
        transaction.commit()?;
        number(&prepared, "SELECT count(*) FROM users")
    };
    let users = settled().map_err(|err| failure(doing, err))?;
    open::create_private(path).map_err(Failure::when(doing))?;
    let mut target = open::connect(path)?;
    // By SQLite and in one transaction: whoever looks at it now sees either state, whole.
    let place = |target: &mut Connection| {
        Backup::new(&prepared, target)?.run_to_completion(i32::MAX, PAUSE, None)
    };
    place(&mut target).map_err(|err| failure(doing, err))?;
    Ok(users)
}
