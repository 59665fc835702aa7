//! What keeps the database sound: checks, backups, and deleting what has expired.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Operator;
use crate::domain::{Actor, Timestamp};
use crate::failure::{Failure, in_words};
use crate::private_file::{make_folder, whole_path};
use crate::progress::Progress;
use crate::store::copy::CopiedTable;
use crate::store::maintenance::{BACKUP_LEASE, BackedUp, BackupLease, MOST_LOG_BYTES, Status};
use crate::store::{Location, Store};

/// What ended more seconds ago than this is deleted.
const KEEP: i64 = 30 * 24 * 3600;

/// So many rows are deleted together, in two or three milliseconds: nobody else writes meanwhile.
const BATCH: usize = 200;

/// Backups that the server makes by itself.
#[derive(Clone)]
pub struct BackupSchedule {
    pub folder: PathBuf,
    pub every: Duration,
    /// How many of those made here stay.
    pub keep: usize,
}

impl Operator {
    pub fn database_status(&self) -> Result<Status, Failure> {
        self.parts.store.status(self.now())
    }

    /// How many connections other servers and commands have to a database that they may share.
    pub fn others_at_database(&self) -> Result<i64, Failure> {
        self.parts.store.others()
    }

    /// Notes that the schema of the database has another version now.
    pub async fn note_migration(&self, from: i32, to: i32, caller: &Actor) -> Result<(), Failure> {
        let detail = format!("schema {from} to {to}");
        self.note("db.migrate", detail, caller).await
    }

    /// How many bytes the write-ahead log has, if those are too many.
    pub fn overgrown_log(&self) -> Option<u64> {
        let bytes = self.parts.store.log_bytes();
        (bytes > MOST_LOG_BYTES).then_some(bytes)
    }

    /// What is wrong with the database; nothing, if it is sound.
    pub fn check_database(&self, progress: &Progress) -> Result<Vec<String>, Failure> {
        self.parts.store.check(progress)
    }

    /// Deletes some of what at `now` expired 30 days ago, and some of the mails that are old then, and says
    /// whether that was all of it. The clock is not asked: it may have leapt.
    pub async fn purge_some(&self, now: Timestamp) -> Result<bool, Failure> {
        let (ended, mailed) = (
            Timestamp(now.0 - KEEP),
            now.minus(self.parts.rules.mail_keep),
        );
        let purged = self.parts.store.purge(ended, mailed, now, BATCH).await?;
        self.parts.mailer.forget(&purged.mails)?;
        Ok(purged.is_all && !self.prune_audit(now).await?)
    }

    /// Removes the files of old mails that are not in the outbox any more: whoever removed them there
    /// was cut off before the files went too.
    pub async fn remove_stray_mails(&self, now: Timestamp) -> Result<(), Failure> {
        let (store, mailer) = (&self.parts.store, &self.parts.mailer);
        let old = mailer.written_before(now.minus(self.parts.rules.mail_keep))?;
        mailer.forget(&store.mails_gone(old).await?)
    }

    /// Deletes some of the oldest rows of the audit trail, if they are to go, and says whether it did.
    async fn prune_audit(&self, now: Timestamp) -> Result<bool, Failure> {
        let Some(keep) = self.parts.rules.audit_keep else {
            return Ok(false);
        };
        let before = now.minus(keep);
        let stamp = Actor::server().at(self.now());
        self.parts.store.prune_audit(before, BATCH, stamp).await
    }

    /// Copies the database to `to`, which must not exist, and verifies the copy.
    pub async fn back_up(
        &self,
        to: &Path,
        caller: &Actor,
        progress: &Progress,
    ) -> Result<BackedUp, Failure> {
        let done = self.parts.store.back_up(to, progress)?;
        // Absolute: whoever reads the trail stands in another folder.
        let path = whole_path(to);
        let detail = path.display().to_string();
        self.note("db.backup", detail, caller).await?;
        Ok(done)
    }

    /// Copies everything to an empty database, and notes there from where it came.
    pub async fn copy_database(
        &self,
        to: &Location,
        caller: &Actor,
        progress: &Progress,
    ) -> Result<Vec<CopiedTable>, Failure> {
        let target = Store::open(to)?;
        target.ensure_alone(to)?;
        let copied = self.parts.store.move_to(&target, progress)?;
        let stamp = caller.at(self.now());
        let detail = "from another database".to_owned();
        target.note("db.copy", detail, stamp).await?;
        target.close();
        Ok(copied)
    }

    /// Makes the next backup of the schedule if it is time at `now`, deletes the oldest ones, and returns the
    /// new file. The clock is not asked: it may have leapt.
    pub async fn back_up_if_due(
        &self,
        schedule: &BackupSchedule,
        now: Timestamp,
        caller: &Actor,
        progress: &Progress,
    ) -> Result<Option<PathBuf>, Failure> {
        let doing = "making a scheduled backup";
        let folder = &schedule.folder;
        let unread = |err: std::io::Error| {
            let why = match folder.symlink_metadata().is_ok() && !folder.is_dir() {
                true => "it is no folder; move it away".to_owned(),
                false => in_words(&err),
            };
            Failure::new(doing, format!("{}: {why}", folder.display()))
        };
        let mut made = scheduled(folder).map_err(unread)?;
        let since = now.minus(schedule.every);
        let name = name_at(now);
        // Backups from the future were made before the clock was set back: they are the oldest.
        let past = made.partition_point(|it| *it <= name);
        let is_due = past == 0 || made[past - 1] <= name_at(since);
        if !is_due {
            return Ok(None);
        }
        made.rotate_left(past);
        let path = folder.join(&name);
        if !self.parts.store.is_shared() {
            self.back_up(&path, caller, progress).await?;
        } else if let Some(lease) = self.parts.store.lease_backup(since, now).await? {
            self.back_up_in_hand(&path, (lease, now), caller, progress)
                .await?;
        } else {
            return Ok(None);
        }
        made.push(name);
        let surplus = made.len().saturating_sub(schedule.keep.max(1));
        for name in &made[..surplus] {
            std::fs::remove_file(folder.join(name)).map_err(Failure::when(doing))?;
        }
        Ok(Some(path))
    }
}

impl Operator {
    /// Whoever makes it says so all the time: another server makes it if this one dies. One that was only
    /// stopped for as long leaves it to the other.
    async fn back_up_in_hand(
        &self,
        path: &Path,
        (lease, now): (BackupLease, Timestamp),
        caller: &Actor,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let held = Arc::new(Mutex::new(Some((lease, now))));
        let (operator, renewed, watched) = (self.clone(), held.clone(), progress.clone());
        let holding: Progress = Arc::new(move |step| {
            let mut held = renewed.lock().unwrap_or_else(PoisonError::into_inner);
            watched(step) && operator.renew_backup(&mut held)
        });
        let backed_up = self.back_up(path, caller, &holding).await;
        let held = *held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((lease, _)) = held else {
            let why = "another server makes it, because this one was stopped for too long";
            return Err(Failure::new("making a scheduled backup", why));
        };
        let made_at = backed_up.is_ok().then_some(now);
        if let Err(failure) = self.parts.store.return_backup(lease, made_at).await {
            // Why there is no backup is what counts.
            failure.log();
        }
        backed_up.map(drop)
    }

    /// Whether a backup is still this server's to make. `held` says since when it has its right, and
    /// nothing once another server has that.
    fn renew_backup(&self, held: &mut Option<(BackupLease, Timestamp)>) -> bool {
        let Some((lease, since)) = *held else {
            return false;
        };
        let now = self.now();
        // A clock that was set back says nothing of how long it was.
        if now.seconds_since(since).abs() > BACKUP_LEASE / 4 {
            // If the database does not say, the next time will do.
            if let Ok(renewed) = self.parts.store.renew_backup(lease, now).wait() {
                *held = renewed.map(|it| (it, now));
            }
        }
        held.is_some()
    }
}

/// Such as `auth-20260131T235959Z.db`: sorted names are sorted by time.
fn name_at(at: Timestamp) -> String {
    format!("auth-{}.db", at.to_string().replace([':', '-'], ""))
}

/// The names of the backups that were made here, oldest first. Other files are not ours.
fn scheduled(folder: &Path) -> std::io::Result<Vec<String>> {
    make_folder(folder)?;
    let is_ours = |name: &String| {
        let stamp = name
            .strip_prefix("auth-")
            .and_then(|it| it.strip_suffix("Z.db"));
        stamp
            .is_some_and(|it| it.len() == 15 && it.bytes().all(|b| b.is_ascii_digit() || b == b'T'))
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok().filter(is_ours));
    }
    names.sort();
    Ok(names)
}
