//! What is asked about the database itself.

use crate::progress::Progress;
use std::path::Path;

use crate::domain::Timestamp;
use crate::failure::Failure;

/// The state of the database.
#[derive(Clone, Debug)]
pub struct DatabaseStatus {
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// Size of the write-ahead log, in bytes.
    pub log_bytes: u64,
    /// Version of the schema.
    pub schema: i32,
    /// How many users there are.
    pub users: i64,
    /// How many sessions live.
    pub sessions: i64,
    /// How many mails wait.
    pub mails_queued: i64,
    /// How many mails could not be sent.
    pub mails_failed: i64,
    /// When the last backup was made, and where.
    pub last_backup: Option<(Timestamp, String)>,
}

/// A verified backup.
#[derive(Clone, Copy, Debug)]
pub struct BackedUp {
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// How many users are in it.
    pub users: i64,
}

/// Care for the database, beside its use. These take their time, and block.
pub trait Upkeep {
    /// How things stand at `now`.
    ///
    /// # Errors
    /// If the database does not answer.
    fn status(&self, now: Timestamp) -> Result<DatabaseStatus, Failure>;
    /// What is wrong with the database; nothing, if it is sound.
    ///
    /// # Errors
    /// If the database does not answer.
    fn check(&self, progress: &Progress) -> Result<Vec<String>, Failure>;
    /// Copies the database as of now to the new file `to`, with mode 0600, and verifies the copy.
    /// Others may read and write meanwhile.
    ///
    /// # Errors
    /// If `to` exists or cannot be written, or the copy is not what the original is.
    fn back_up(&self, to: &Path, progress: &Progress) -> Result<BackedUp, Failure>;
}
