//! The data folder: made, checked, and locked by whoever serves it.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail};

use super::{is_of_another_user, is_open_to_others, lock, make_folder};

/// The lock that a server holds as long as it lives.
const SERVED: &str = "serve.lock";

pub(crate) fn make(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    make_folder(folder).with_context(|| {
        format!("cannot create the data folder {shown}; choose another one with --data-dir")
    })?;
    check(folder)
}

/// Refuses a data folder that this user should not, or cannot, work in.
pub(crate) fn check(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    let metadata =
        fs::metadata(folder).with_context(|| format!("cannot read the data folder {shown}"))?;
    check_owner(&metadata, &format!("the data folder {shown}"))?;
    if rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err() {
        bail!("the data folder {shown} is not writable; run: chmod u+rwx {shown}");
    }
    Ok(())
}

/// Refuses a database of another user, or one that others can read; there may be none yet.
pub(crate) fn check_database(database: &Path) -> anyhow::Result<()> {
    let Ok(metadata) = fs::metadata(database) else {
        return Ok(());
    };
    let shown = database.display();
    check_owner(&metadata, &format!("the database {shown}"))?;
    if is_open_to_others(&metadata) {
        bail!("others can read the database {shown}; run: chmod 600 {shown}");
    }
    Ok(())
}

/// A file that another user made would lock the owner out, the running server included.
fn check_owner(metadata: &Metadata, what: &str) -> anyhow::Result<()> {
    if is_of_another_user(metadata) {
        let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
        bail!("{what} belongs to uid {owner} and this is uid {own}; run it as its owner");
    }
    Ok(())
}

/// Takes the lock of a server: two servers would send every mail twice.
pub(crate) fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(SERVED);
    let lock = lock::take(&path).with_context(|| format!("cannot create {}", path.display()))?;
    lock.with_context(|| {
        format!(
            "another server serves {}; stop it, or choose another --data-dir",
            folder.display()
        )
    })
}

/// Whether a server works on this data at the moment.
pub(crate) fn is_served(folder: &Path) -> bool {
    lock::is_taken(&folder.join(SERVED))
}
