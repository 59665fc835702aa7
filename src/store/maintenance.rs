//! Care for the database beside its use: opening and looking at it, its state, checks, copies. These
//! take their time, and block.

use std::path::Path;

use super::audit::{self, Chain};
use super::pending::Pending;
use super::sql::values;
use super::{Engine, Store, attempts, imported_tokens, links, mails, sessions};
use crate::domain::{Stamp, Timestamp};
use crate::failure::Failure;
use crate::progress::{Progress, unwatched};

/// The state of the database.
#[derive(Clone, Debug)]
pub struct Status {
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// Size of the write-ahead log, in bytes.
    pub log_bytes: u64,
    /// Version of the schema.
    pub schema: i32,
    pub users: i64,
    /// How many sessions live.
    pub sessions: i64,
    pub mails_queued: i64,
    pub mails_failed: i64,
    /// When the last backup was made, and where.
    pub last_backup: Option<(Timestamp, String)>,
}

/// A verified backup.
#[derive(Clone, Copy, Debug)]
pub struct BackedUp {
    /// Size of the file.
    pub bytes: u64,
    /// How many users are in it.
    pub users: i64,
}

impl Store {
    /// Opens the database, or creates it for nobody else, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let engine = Engine::open(path, audit::chain_old)?;
        Ok(Self { engine })
    }

    /// As [`Store::open`], for a dry run: each transaction is rolled back when it has been answered.
    pub fn open_dry(path: &Path) -> Result<Self, Failure> {
        let engine = Engine::open_dry(path, audit::chain_old)?;
        Ok(Self { engine })
    }

    /// How things stand at `now`.
    pub fn status(&self, now: Timestamp) -> Result<Status, Failure> {
        self.status_while("reading the state of the database", now)
    }

    fn status_while(&self, doing: &'static str, now: Timestamp) -> Result<Status, Failure> {
        let (bytes, log_bytes) = self.engine.sizes();
        let schema = self.engine.schema(doing)?;
        self.read_now(doing, |sql| {
            Ok(Status {
                bytes,
                log_bytes,
                schema,
                users: sql.number("SELECT count(*) FROM users", values![])?,
                sessions: sql.number(
                    "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > ?1",
                    values![now],
                )?,
                // Literals: the partial indexes of the outbox do not serve a parameter.
                mails_queued: sql.number(
                    "SELECT count(*) FROM outbox WHERE recipient <> '' AND state = 'queued'",
                    values![],
                )?,
                mails_failed: sql.number(
                    "SELECT count(*) FROM outbox WHERE recipient <> '' AND state = 'failed'",
                    values![],
                )?,
                last_backup: sql.one(
                    "SELECT at, coalesce(detail, '') FROM audit
                     WHERE action = 'db.backup' ORDER BY id DESC LIMIT 1",
                    values![],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )?,
            })
        })
    }

    /// What is wrong with the database; nothing, if it is sound.
    pub fn check(&self, progress: &Progress) -> Result<Vec<String>, Failure> {
        self.engine.problems("checking the database", progress)
    }

    /// Copies the database as of now to the new file `to`, which nobody else can read, and verifies
    /// the copy. Others may read and write meanwhile.
    pub fn back_up(&self, to: &Path, progress: &Progress) -> Result<BackedUp, Failure> {
        let (bytes, users) = self.engine.back_up(to, progress)?;
        Ok(BackedUp { bytes, users })
    }

    /// Forgets what nobody needs any more: sessions, links, counters and mails that ended before
    /// `before`.
    pub fn purge(&self, before: Timestamp) -> Pending<()> {
        self.write("forgetting what has expired", move |sql| {
            sessions::purge(sql, before)?;
            imported_tokens::purge(sql, before)?;
            attempts::purge(sql, before)?;
            mails::purge(sql, before)?;
            links::purge(sql, before)
        })
    }

    /// Puts a backup into the place of a database that holds no users, and returns how many users it
    /// brought. Every session has ended there and no link or mail waits, so that nothing revoked
    /// since comes back.
    pub fn restore(
        from: &Path,
        path: &Path,
        stamp: &Stamp,
        progress: &Progress,
    ) -> Result<i64, Failure> {
        let detail = from.display().to_string();
        Engine::restore(from, path, progress, audit::chain_old, |sql| {
            for end in [
                "UPDATE sessions SET ended_at = ?1 WHERE ended_at IS NULL",
                "UPDATE links SET used_at = ?1 WHERE used_at IS NULL",
            ] {
                sql.execute(end, values![stamp.at])?;
            }
            sql.execute(
                "UPDATE outbox SET state = 'expired' WHERE state = 'queued'",
                values![],
            )?;
            imported_tokens::end_of_everybody(sql, stamp.at)?;
            audit::write(sql, stamp, "db.restore", None, Some(&detail))
        })
    }
}

/// The version that the schema of this program has.
#[must_use]
pub fn newest_schema() -> i32 {
    Engine::newest_schema()
}

/// The version that the schema of a database has; 0 if there is none, or nothing in it.
pub fn schema_of(path: &Path) -> Result<i32, Failure> {
    Engine::schema_of(path)
}

/// The version of the engine that is built in, unless it is too old to be safe.
pub fn engine_version() -> Result<&'static str, Failure> {
    Engine::version()
}

const INSPECTING: &str = "inspecting the database";

/// A database as it is, also beside a running server: nothing is created, migrated or written.
pub struct Inspection(Store);

impl Inspection {
    /// Looks at a database, which must be there and of this program.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        let engine = Engine::inspect(path)?;
        Ok(Self(Store { engine }))
    }

    /// The version of its schema.
    pub fn schema(&self) -> Result<i32, Failure> {
        self.0.engine.schema(INSPECTING)
    }

    /// What is wrong with its pages and references; nothing, if it is sound.
    pub fn problems(&self) -> Result<Vec<String>, Failure> {
        self.0.engine.problems(INSPECTING, &unwatched())
    }

    /// How things stand at `now`, in a schema of today.
    pub fn status(&self, now: Timestamp) -> Result<Status, Failure> {
        self.0.status_while(INSPECTING, now)
    }

    /// Reads the whole audit trail, in a schema of today.
    pub fn verify_audit(&self) -> Result<Chain, Failure> {
        self.0
            .read_now(INSPECTING, |sql| audit::verify(sql, &unwatched()))
    }

    /// When something was last written down.
    pub fn last_change(&self) -> Result<Option<Timestamp>, Failure> {
        self.0.read_now(INSPECTING, |sql| {
            let last = "SELECT at FROM audit ORDER BY id DESC LIMIT 1";
            sql.one(last, values![], |row| row.get(0))
        })
    }
}
