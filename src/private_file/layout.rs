//! The names of what lies in the data folder and beside a database.

/// The signing keys, and the key of mailed links.
pub(crate) const KEYS: &str = "keys";

/// In that folder, the key that seals those in the database.
pub(crate) const MASTER: &str = "master.key";

/// Mails that became files.
pub(crate) const OUTBOX: &str = "outbox";

/// Backups that the server made by itself.
pub(crate) const BACKUPS: &str = "backups";

/// All folders of the data folder.
pub(crate) const FOLDERS: [&str; 3] = [KEYS, OUTBOX, BACKUPS];

/// It is there once database and keys have been: so a loss is told from a first start.
pub(crate) const COMPLETE: &str = "complete";

/// The lock that a server holds as long as it lives.
pub(crate) const SERVED: &str = "serve.lock";

/// The lock beside a database, by the end of its name.
pub(crate) const LOCK: &str = ".lock";

/// What stands beside a database, by the ends of the names.
pub(crate) const BESIDE: [&str; 5] = ["", "-wal", "-shm", "-journal", LOCK];

/// Copies that migrations leave beside a database.
pub(super) const COPY: &str = ".before-v";
