//! Care for the database: its state, checks, backups.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Result};

use super::{Sqlite, audit, backup, failure, imported_tokens, open};
use crate::domain::Stamp;
use crate::domain::Timestamp;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::store::maintenance::{BackedUp, DatabaseStatus, Upkeep};

pub(crate) fn status(
    connection: &Connection,
    path: &Path,
    now: Timestamp,
) -> Result<DatabaseStatus> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let mails = "SELECT count(*) FROM outbox WHERE recipient <> '' AND state =";
    Ok(DatabaseStatus {
        bytes: size(path),
        log_bytes: size(&open::log_of(path)),
        schema: open::applied(connection)?,
        users: number("SELECT count(*) FROM users")?,
        sessions: connection.query_row(
            "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > ?",
            [now.0],
            |row| row.get(0),
        )?,
        mails_queued: number(&format!("{mails} 'queued'"))?,
        mails_failed: number(&format!("{mails} 'failed'"))?,
        last_backup: connection
            .query_row(
                "SELECT at, coalesce(detail, '') FROM audit WHERE action = 'db.backup' ORDER BY id DESC LIMIT 1",
                [],
                |row| Ok((Timestamp(row.get(0)?), row.get(1)?)),
            )
            .optional()?,
    })
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |it| it.len())
}

impl Upkeep for Sqlite {
    fn status(&self, now: Timestamp) -> std::result::Result<DatabaseStatus, Failure> {
        self.with_reader(|c| {
            status(c, &self.path, now)
                .map_err(|err| failure("reading the state of the database", err))
        })
    }

    fn check(&self, progress: &Progress) -> std::result::Result<Vec<String>, Failure> {
        self.with_reader(|c| {
            backup::problems(c, progress).map_err(|err| failure("checking the database", err))
        })
    }

    fn back_up(&self, to: &Path, progress: &Progress) -> std::result::Result<BackedUp, Failure> {
        self.with_reader(|c| backup::copy(c, to, false, progress))
    }
}

/// What may be asked of a database that is not opened for use.
impl Sqlite {
    /// The version that the schema of this program has.
    #[must_use]
    pub fn newest_schema() -> i32 {
        open::known()
    }

    /// The version of the SQLite that is built in.
    ///
    /// # Errors
    /// If it is too old to be safe.
    pub fn version() -> std::result::Result<&'static str, Failure> {
        open::check_version().map(|()| rusqlite::version())
    }

    /// The version that the schema of the file has; 0 if there is no file, or nothing in it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn schema_of(path: &Path) -> std::result::Result<i32, Failure> {
        if size(path) == 0 {
            return Ok(0);
        }
        let doing = "reading the version of the database";
        open::applied(&open::reader(path)?).map_err(|err| failure(doing, err))
    }

    /// Puts a backup into the place of a database that holds no users, with every session ended and
    /// every link voided, and returns how many users it brought.
    ///
    /// # Errors
    /// If there are users already, or `from` is no sound backup of this program.
    pub fn restore(
        from: &Path,
        path: &Path,
        actor: &Stamp,
        progress: &Progress,
    ) -> std::result::Result<i64, Failure> {
        let doing = "restoring the backup";
        let there = if Self::schema_of(path)? == 0 {
            0
        } else {
            open::reader(path)?
                .query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0))
                .map_err(|err| failure(doing, err))?
        };
        if there > 0 {
            let shown = path.display();
            return Err(Failure::new(
                doing,
                format!(
                    "the database {shown} holds {there} users; back it up and move it away, \
                     or choose another --data-dir"
                ),
            ));
        }
        let detail = from.display().to_string();
        backup::restore(from, path, progress, |connection| {
            let end = [
                "UPDATE sessions SET ended_at = ?1 WHERE ended_at IS NULL",
                "UPDATE links SET used_at = ?1 WHERE used_at IS NULL",
                "UPDATE outbox SET state = 'expired' WHERE state = 'queued' AND ?1 IS NOT NULL",
            ];
            for sql in end {
                connection.execute(sql, [actor.at.0])?;
            }
            imported_tokens::end_tokens(connection, None, actor.at)?;
            audit::write(connection, actor, "db.restore", None, Some(&detail))
        })
    }
}
