//! Care for the database beside its use: opening and looking at it, its state, checks, copies. These
//! take their time, and block.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::audit::{self, Chain};
use super::engine::{Engine, Readers};
use super::keys::{self, StoredKeys};
use super::pending::Pending;
use super::sql::{Sql, values};
use super::sqlite;
use super::task::End;
use super::{Location, Store, attempts, clock, counts, imported_tokens, links, mails, sessions};
use crate::domain::{Stamp, Timestamp};
use crate::failure::Failure;
use crate::private_file;
use crate::private_file::replace::Draft;
use crate::progress::Progress;

pub use super::engine::{is_there, schema_of};
pub use super::migrations::newest_schema;
pub use super::server_facts::{ConnectionLimit, ServerFacts};
pub use super::sqlite::{SoundBackup, engine_version, sound_backup};

/// Under this name it is noted when the last scheduled backup was begun.
const SCHEDULED_BACKUP: &str = "scheduled-backup";
/// Under this one, until when a server has the next one in hand.
const BACKUP_IN_HAND: &str = "scheduled-backup-in-hand";

/// For how many seconds a server that may have died is waited for.
pub const BACKUP_LEASE: i64 = 600;

/// Says that a server has the next scheduled backup in hand, and until when: nobody else is given it
/// before, so that the end says whose it is.
#[derive(Clone, Copy, Debug)]
pub struct BackupLease(i64);

/// By so many seconds servers that go by one clock may tell it differently.
const SLACK: i64 = 5;

/// A log beyond this says that somebody reads an old state all the time.
pub const MOST_LOG_BYTES: u64 = 64 << 20;

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
    /// How often a link was asked for that nobody may use.
    pub links_for_nobody: i64,
    /// When the last backup was made, and where.
    pub last_backup: Option<(Timestamp, String)>,
    /// What its server tells, if it has one.
    pub server: Option<ServerFacts>,
}

/// A verified backup.
#[derive(Clone, Copy, Debug)]
pub struct BackedUp {
    /// Size of the file.
    pub bytes: u64,
    /// How many users are in it.
    pub users: i64,
}

/// What was forgotten.
#[derive(Clone, Debug)]
pub struct Purged {
    /// The numbers of the mails that are gone.
    pub mails: Vec<i64>,
    /// Whether nothing is left that has ended.
    pub is_all: bool,
}

impl Store {
    /// Opens the database, or creates it for nobody else, and brings its schema up to date.
    pub fn open(place: &Location) -> Result<Self, Failure> {
        Self::open_to(place, End::Commit)
    }

    /// As [`Store::open`], for a dry run: each transaction is rolled back when it has been answered.
    pub fn open_dry(place: &Location) -> Result<Self, Failure> {
        Self::open_to(place, End::RollBack)
    }

    fn open_to(place: &Location, end: End) -> Result<Self, Failure> {
        let engine = Engine::open(place, end, audit::chain_old)?;
        let readers = engine.readers();
        Ok(Self { engine, readers })
    }

    /// The size of the write-ahead log, in bytes.
    pub fn log_bytes(&self) -> u64 {
        // That of a server is nothing to warn of.
        self.readers.sizes().map_or(0, |it| it.1)
    }

    /// How things stand at `now`.
    pub fn status(&self, now: Timestamp) -> Result<Status, Failure> {
        status(&self.readers, "reading the state of the database", now)
    }

    /// How many connections others have to the database, if it is one that servers may share.
    pub fn others(&self) -> Result<i64, Failure> {
        self.readers.others()
    }

    /// Refuses a database, found at `place`, that servers or other commands work on. Who else works on a file
    /// says its lock instead.
    pub fn ensure_alone(&self, place: &Location) -> Result<(), Failure> {
        if self.others()? == 0 {
            return Ok(());
        }
        let why = format!("others work on the database {place}; stop every server of it first");
        Err(Failure::new("looking at the database", why))
    }

    /// What is wrong with the database; nothing, if it is sound.
    pub fn check(&self, progress: &Progress) -> Result<Vec<String>, Failure> {
        self.readers.problems("checking the database", progress)
    }

    /// Copies the database as of now to the new file `to`, which nobody else can read, and verifies
    /// the copy. Others may read and write meanwhile.
    pub fn back_up(&self, to: &Path, progress: &Progress) -> Result<BackedUp, Failure> {
        let (bytes, users) = match self.readers.back_up(to, progress) {
            Some(backed_up) => backed_up?,
            None => self.back_up_by_rows(to, progress)?,
        };
        Ok(BackedUp { bytes, users })
    }

    /// By way of a database beside it.
    fn back_up_by_rows(&self, to: &Path, progress: &Progress) -> Result<(u64, i64), Failure> {
        let doing = "backing up the database";
        if fs::symlink_metadata(to).is_ok() {
            let taken = format!("{} exists already; choose another name", to.display());
            return Err(Failure::new(doing, taken));
        }
        let draft = Draft::beside(to).map_err(Failure::when(doing))?;
        let backed_up = Self::open(&draft.path().into()).and_then(|beside| {
            let copied = self.copy_to(&beside, progress);
            let backed_up = copied.and_then(|_| {
                let backed_up = beside.readers.back_up(to, progress);
                backed_up.unwrap_or_else(|| Err(Failure::new(doing, "it is no file")))
            });
            beside.close();
            backed_up
        });
        // What could not be moved into the draft stays beside it otherwise, on a disk that may be full.
        for end in ["-wal", "-shm"] {
            let _ = fs::remove_file(private_file::beside(draft.path(), end));
        }
        backed_up
    }

    /// The right to make a scheduled backup for [`BACKUP_LEASE`]: of the servers that share the database, the
    /// first to ask has it if none was made since `since`.
    pub fn lease_backup(&self, since: Timestamp, now: Timestamp) -> Pending<Option<BackupLease>> {
        self.write("taking a backup in hand", move |sql| {
            let period = now.seconds_since(since);
            let now = now.0;
            // What lies further ahead was noted before the clock was set back.
            let is_ahead = |noted: i64, by: i64| noted > now && noted - now <= by;
            let until = counts::of(sql, BACKUP_IN_HAND)?;
            let made = counts::of(sql, SCHEDULED_BACKUP)?;
            if is_ahead(until, BACKUP_LEASE + SLACK)
                || is_ahead(made.saturating_add(period), period + SLACK)
            {
                return Ok(None);
            }
            counts::set(sql, BACKUP_IN_HAND, now + BACKUP_LEASE)?;
            Ok(Some(BackupLease(now + BACKUP_LEASE)))
        })
    }

    /// The same right from now on, if nobody else has it by now.
    pub fn renew_backup(&self, held: BackupLease, now: Timestamp) -> Pending<Option<BackupLease>> {
        self.write_regardless("keeping a backup in hand", move |sql| {
            if counts::of(sql, BACKUP_IN_HAND)? != held.0 {
                return Ok(None);
            }
            let until = now.0 + BACKUP_LEASE;
            counts::set(sql, BACKUP_IN_HAND, until)?;
            Ok(Some(BackupLease(until)))
        })
    }

    /// Lets another server try, or this one again, if it was not made. Whoever has the right by now keeps it.
    pub fn return_backup(&self, held: BackupLease, made_at: Option<Timestamp>) -> Pending<()> {
        self.write("giving a backup back", move |sql| {
            if counts::of(sql, BACKUP_IN_HAND)? != held.0 {
                return Ok(());
            }
            if let Some(at) = made_at {
                counts::set(sql, SCHEDULED_BACKUP, at.0)?;
            }
            counts::forget(sql, BACKUP_IN_HAND)
        })
    }

    /// Forgets sessions, refused tokens, counters and links that ended before `ended`, and mails that
    /// did before `mailed`: at most `limit` of them, because everybody else who writes waits meanwhile.
    pub fn purge(
        &self,
        ended: Timestamp,
        mailed: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Pending<Purged> {
        self.write("forgetting what has expired", move |sql| {
            let mut left = limit;
            left -= sessions::purge(sql, ended, left)?;
            left -= imported_tokens::purge(sql, ended, left)?;
            left -= attempts::purge(sql, ended, left)?;
            let mails = mails::purge(sql, mailed, now, left)?;
            left -= mails.len();
            left -= links::purge(sql, ended.min(mailed), left)?;
            let is_all = left > 0;
            Ok(Purged { mails, is_all })
        })
    }

    /// Puts a backup into the place of a database that holds no users, and returns how many users it
    /// brought. Every session has ended there and no link or mail waits, so that nothing revoked
    /// since comes back.
    pub fn restore(
        backup: &SoundBackup,
        path: &Path,
        stamp: &Stamp,
        progress: &Progress,
    ) -> Result<i64, Failure> {
        sqlite::restore(backup, path, progress, audit::chain_old, |sql| {
            for end in [
                "UPDATE sessions SET ended_at = ?1 WHERE ended_at IS NULL",
                "UPDATE links SET used_at = ?1 WHERE used_at IS NULL",
            ] {
                sql.execute(end, values![stamp.at])?;
            }
            sql.execute(
                "UPDATE outbox SET state = 'expired', next_at = ?1 WHERE state = 'queued'",
                values![stamp.at],
            )?;
            imported_tokens::end_of_everybody(sql, stamp.at)?;
            audit::write(sql, stamp, "db.restore", None, Some(&backup.shown))
        })
    }
}

fn status(readers: &Readers, doing: &'static str, now: Timestamp) -> Result<Status, Failure> {
    let (bytes, log_bytes) = readers.sizes()?;
    let schema = readers.schema(doing)?;
    let server = readers.server(doing)?;
    let status = readers.read(doing, move |sql| {
        Ok(Status {
            bytes,
            log_bytes,
            schema,
            users: sql.number("SELECT count(*) FROM users", values![])?,
            sessions: sql.number(
                &format!("SELECT count(*) FROM sessions WHERE {}", sessions::LIVE),
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
            links_for_nobody: counts::of(sql, links::DECOYS)?,
            last_backup: sql.one(
                "SELECT at, coalesce(detail, '') FROM audit
                 WHERE action = 'db.backup' ORDER BY id DESC LIMIT 1",
                values![],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?,
            server: server.clone(),
        })
    });
    status.wait()
}

const INSPECTING: &str = "inspecting the database";

/// A database as it is, also beside a running server: nothing is created, migrated or written.
pub struct Inspection(Readers);

impl Inspection {
    /// Looks at a database, which must be there and of this program.
    pub fn of(place: &Location) -> Result<Self, Failure> {
        Readers::inspect(place).map(Self)
    }

    /// The version of its schema.
    pub fn schema(&self) -> Result<i32, Failure> {
        self.0.schema(INSPECTING)
    }

    /// What is wrong with its pages and references; nothing, if it is sound.
    pub fn problems(&self, progress: &Progress) -> Result<Vec<String>, Failure> {
        self.0.problems(INSPECTING, progress)
    }

    /// Its size.
    pub fn bytes(&self) -> Result<u64, Failure> {
        self.0.sizes().map(|it| it.0)
    }

    /// How things stand at `now`, in a schema of today.
    pub fn status(&self, now: Timestamp) -> Result<Status, Failure> {
        status(&self.0, INSPECTING, now)
    }

    /// Reads the whole audit trail, in a schema of today.
    pub fn verify_audit(&self, progress: &Progress) -> Result<Chain, Failure> {
        let progress = Arc::clone(progress);
        let verify = move |sql: &mut dyn Sql| audit::verify(sql, &progress);
        self.0.read(INSPECTING, verify).wait()
    }

    /// What the server of the database tells of itself, if it has one.
    pub fn server(&self) -> Result<Option<ServerFacts>, Failure> {
        self.0.server(INSPECTING)
    }

    /// The stored keys, in a schema of today.
    pub fn keys(&self) -> Result<StoredKeys, Failure> {
        self.0.read(INSPECTING, keys::all).wait()
    }

    /// When something was last written down.
    pub fn last_change(&self) -> Result<Option<Timestamp>, Failure> {
        self.0.read(INSPECTING, clock::last_change).wait()
    }
}
