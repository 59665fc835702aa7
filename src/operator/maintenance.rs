//! What keeps an installation sound: the audit trail, backups, signing keys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Operator;
use crate::crypto::{KeyError, Keyring, SigningKey};
use crate::domain::{Actor, Timestamp};
use crate::failure::Failure;
use crate::private_file::make_folder;
use crate::progress::Progress;
use crate::store::audit::{AuditEntry, AuditPage, Chain};
use crate::store::maintenance::{BackedUp, DatabaseStatus};

/// Which rows of the audit trail to list.
pub type AuditQuery = AuditPage;

impl Operator {
    /// Rows of the audit trail, oldest first, a page at a time.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, Failure> {
        self.parts.store.audit(query).await
    }

    /// The number after which the last rows of the trail stand that match.
    pub async fn audit_tail(&self, query: &AuditQuery) -> Result<i64, Failure> {
        self.parts.store.audit_tail(query).await
    }

    /// Whether the audit trail is the one that was written.
    pub async fn verify_audit(&self, progress: &Progress) -> Result<Chain, Failure> {
        self.parts.store.verify_audit(progress).await
    }

    /// How the database stands.
    pub fn database_status(&self) -> Result<DatabaseStatus, Failure> {
        self.parts.store.status(self.now())
    }

    /// What is wrong with the database; nothing, if it is sound.
    pub fn check_database(&self, progress: &Progress) -> Result<Vec<String>, Failure> {
        self.parts.store.check(progress)
    }

    /// Copies the database to the new file `to` and verifies the copy.
    pub async fn back_up(
        &self,
        to: &Path,
        caller: &Actor,
        progress: &Progress,
    ) -> Result<BackedUp, Failure> {
        let done = self.parts.store.back_up(to, progress)?;
        let actor = caller.at(self.now());
        // Whoever reads it stands in another folder.
        let whole = std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
        let detail = whole.display().to_string();
        self.parts.store.note("db.backup", detail, actor).await?;
        Ok(done)
    }

    /// Makes a backup in `folder` if the last one there is older than `every`, and keeps the last
    /// `keep` of those made here. Returns the new file.
    pub async fn back_up_if_due(
        &self,
        folder: &Path,
        every: Duration,
        keep: usize,
        caller: &Actor,
        progress: &Progress,
    ) -> Result<Option<PathBuf>, Failure> {
        let doing = "making a scheduled backup";
        let now = self.now();
        let mut made = scheduled(folder).map_err(Failure::when(doing))?;
        let since = Timestamp(now.0.saturating_sub(Timestamp(0).plus(every).0));
        // A backup from the future was made before the clock was set back: it counts as old.
        let is_due = made
            .last()
            .is_none_or(|last| *last <= name_at(since) || *last > name_at(now));
        if !is_due {
            return Ok(None);
        }
        let name = name_at(now);
        let path = folder.join(&name);
        self.back_up(&path, caller, progress).await?;
        made.push(name);
        let surplus = made.len().saturating_sub(keep.max(1));
        for name in &made[..surplus] {
            std::fs::remove_file(folder.join(name)).map_err(Failure::when(doing))?;
        }
        Ok(Some(path))
    }

    /// Makes the key in `folder` that signs from now on, and returns its name.
    pub async fn rotate_key(&self, folder: &Path, caller: &Actor) -> Result<String, Failure> {
        let kid = Keyring::rotate(folder, &self.parts.random, self.now())?;
        let actor = caller.at(self.now());
        self.parts
            .store
            .note("key.rotate", kid.clone(), actor)
            .await?;
        Ok(kid)
    }

    /// Adds the secret of another service to `folder`: it signs from now on, and that service's
    /// tokens are good. Returns the name of the key.
    pub async fn import_key(
        &self,
        folder: &Path,
        secret: &str,
        caller: &Actor,
    ) -> Result<String, KeyError> {
        let kid = Keyring::import(folder, secret, &self.parts.random, self.now())?;
        let actor = caller.at(self.now());
        self.parts
            .store
            .note("key.import", kid.clone(), actor)
            .await?;
        Ok(kid)
    }

    /// Removes a key of `folder` that does not sign any more.
    pub async fn retire_key(
        &self,
        folder: &Path,
        kid: &str,
        caller: &Actor,
    ) -> Result<(), KeyError> {
        Keyring::retire(folder, kid)?;
        let actor = caller.at(self.now());
        self.parts
            .store
            .note("key.retire", kid.to_owned(), actor)
            .await?;
        Ok(())
    }

    /// The signing keys in `folder`, oldest first.
    pub fn signing_keys(&self, folder: &Path) -> Result<Vec<SigningKey>, Failure> {
        Ok(Keyring::open(folder, &self.parts.random, self.now())?.list())
    }
}

/// Such as `auth-20260131T235959Z.db`: in the order of the alphabet is in the order of time.
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
