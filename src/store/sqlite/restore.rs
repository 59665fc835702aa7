//! Putting a backup into an empty place.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::error::when;
use super::migrate;
use super::statements::Statements;
use super::{backup, connect, log};
use crate::domain::counted;
use crate::failure::{Failure, in_words};
use crate::private_file::replace::Draft;
use crate::progress::Progress;
use crate::store::sql::{self, Sql};
use crate::store::task::Complete;

const DOING: &str = "restoring the backup";

/// A busy destination is asked again so soon.
const PAUSE: Duration = Duration::from_millis(5);

/// A backup that is whole and of this program.
pub struct SoundBackup {
    connection: Connection,
    /// For people.
    pub(crate) shown: String,
}

/// Puts a backup into the database at `path`, which must hold no users, and returns how many
/// users it brought. `settle` changes what is put there.
pub(crate) fn restore(
    backup: &SoundBackup,
    path: &Path,
    progress: &Progress,
    complete: Complete,
    settle: impl FnOnce(&mut dyn Sql) -> sql::Result<()>,
) -> Result<i64, Failure> {
    check_empty(path)?;
    let _lock = connect::lock(path).map_err(Failure::when(DOING))?;
    let draft = Draft::beside(path).map_err(Failure::when(DOING))?;
    backup::into(&backup.connection, draft.path(), progress).map_err(when(DOING))?;
    let mut prepared = Connection::open(draft.path()).map_err(when(DOING))?;
    prepared
        .pragma_update(None, "journal_mode", "memory")
        .map_err(when(DOING))?;
    migrate::migrate(&mut prepared, complete)?;
    let settled: sql::Result<()> = (|| {
        let transaction = prepared.unchecked_transaction()?;
        settle(&mut Statements::over(&transaction))?;
        Ok(transaction.commit()?)
    })();
    settled.map_err(|err| err.when(DOING))?;
    let users = number(&prepared, "SELECT count(*) FROM users").map_err(when(DOING))?;
    connect::create_private(path)?;
    let mut target = connect::connect(path)?;
    log::stamp_after(&prepared, &target).map_err(when(DOING))?;
    // By SQLite and in one transaction: whoever looks at it now sees either state, whole.
    let place = |target: &mut Connection| {
        Backup::new(&prepared, target)?.run_to_completion(i32::MAX, PAUSE, None)
    };
    place(&mut target).map_err(when(DOING))?;
    Ok(users)
}

fn check_empty(path: &Path) -> Result<(), Failure> {
    if migrate::schema_of(path)? == 0 {
        return Ok(());
    }
    let users = number(&connect::reader(path)?, "SELECT count(*) FROM users");
    let users = users.map_err(when(DOING))?;
    if users == 0 {
        return Ok(());
    }
    let shown = path.display();
    Err(Failure::new(
        DOING,
        format!(
            "the database {shown} holds {}; back it up and move it away, \
             or choose another --data-dir",
            counted(users, "user", "users")
        ),
    ))
}

/// Looks at a backup, which people know as `shown`, and changes nothing.
pub fn sound_backup(from: &Path, shown: &str, progress: &Progress) -> Result<SoundBackup, Failure> {
    let refused = |why: String| Failure::new(DOING, why);
    fs::metadata(from)
        .map_err(|err| refused(format!("cannot read {shown}: {}", in_words(&err))))?;
    let unreadable = |err: rusqlite::Error| {
        refused(format!(
            "{shown} is no sound backup ({err}); name another one"
        ))
    };
    if connect::has_log(from).map_err(Failure::when(DOING))? {
        return Err(refused(format!(
            "{shown} cannot be told from a copy that was made while a server wrote, whose last changes are \
             in a log (WAL) beside the original; name a file that `db backup` made"
        )));
    }
    let mut connection = connect::untouched(from).map_err(unreadable)?;
    let problems = backup::problems(&mut connection, progress).map_err(unreadable)?;
    if let Some(problem) = problems.first() {
        return Err(refused(format!(
            "{shown} is damaged ({problem}); name another one"
        )));
    }
    let id = number(&connection, "PRAGMA application_id").map_err(unreadable)?;
    if id != i64::from(log::APPLICATION_ID) {
        return Err(refused(format!(
            "{shown} is no backup of this program; name another one"
        )));
    }
    Ok(SoundBackup {
        connection,
        shown: shown.to_owned(),
    })
}

fn number(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}
