//! The lock that a server holds as long as it lives.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

/// In the data folder.
const LOCK: &str = "serve.lock";

/// Two servers would send every mail twice. The lock goes with the process, however it ends.
pub(crate) fn hold(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join(LOCK);
    let file = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot create {}", path.display()))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!(
            "another server serves {}; stop it, or choose another --data-dir",
            data_dir.display()
        );
    }
    Ok(file)
}

/// Whether a server works on this data at the moment. To find out, the lock is taken for a moment in
/// which no server can start: so this is for rare commands.
pub(crate) fn is_held(data_dir: &Path) -> bool {
    let file = File::open(data_dir.join(LOCK));
    file.is_ok_and(|it| flock(&it, FlockOperation::NonBlockingLockShared).is_err())
}
