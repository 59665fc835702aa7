//! Copies of the database: made while it is in use, verified, and put in place whole.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, Result};

use super::error::{interrupted, when};
use crate::failure::{Failure, in_words};
use crate::private_file::replace::Draft;
use crate::private_file::{folder_of, whole_path};
use crate::progress::{Progress, Step};

const DOING: &str = "backing up the database";

/// How many pages are copied between two reports of progress.
const PAGES: i32 = 1024;

/// How many steps of SQLite's machine pass between two reports of a check.
const CHECK_STEPS: i32 = 10_000;

/// In KiB. A check looks up every row in every index, all over the place.
const CHECK_CACHE: i32 = 64 << 10;

/// A busy destination is asked again so soon.
const PAUSE: Duration = Duration::from_millis(5);

/// Copies what `source` holds as of now to `to`, and verifies the copy before it gets that name.
/// Returns its size and how many users are in it.
pub(super) fn copy(
    source: &Connection,
    to: &Path,
    replacing: bool,
    progress: &Progress,
) -> std::result::Result<(u64, i64), Failure> {
    if !replacing && fs::symlink_metadata(to).is_ok() {
        return Err(Failure::new(
            DOING,
            format!("{} exists already; choose another name", to.display()),
        ));
    }
    let draft = Draft::beside(to).map_err(|err| {
        let folder = whole_path(folder_of(to));
        let shown = folder.display();
        let why = in_words(&err);
        Failure::new(
            DOING,
            format!("cannot write to {shown}; choose another place: {why}"),
        )
    })?;
    let counted = into(source, draft.path(), progress).map_err(when(DOING))?;
    verify(draft.path(), &counted, progress)?;
    let bytes = fs::metadata(draft.path())
        .map_err(Failure::when(DOING))?
        .len();
    draft.keep(to, replacing).map_err(Failure::when(DOING))?;
    let users = counted
        .iter()
        .find(|it| it.0 == "users")
        .map_or(0, |it| it.1);
    Ok((bytes, users))
}

/// Copies the pages and returns how many rows each table has. The transaction holds one state of the
/// database all the while; others write on.
pub(super) fn into(
    source: &Connection,
    to: &Path,
    progress: &Progress,
) -> Result<Vec<(String, i64)>> {
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
    let mut copy = read_only(path).map_err(when(doing))?;
    let problems = problems(&mut copy, progress).map_err(when(doing))?;
    let counted = count(&copy).map_err(when(doing))?;
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
pub(super) fn problems(connection: &mut Connection, progress: &Progress) -> Result<Vec<String>> {
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

pub(super) fn read_only(path: &Path) -> Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}
