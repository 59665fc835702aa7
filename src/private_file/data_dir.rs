//! The data folder: made, checked, and locked by whoever serves it.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use super::{append_to, is_of_another_user, is_open_to_others, lock, make_folder, sync_folder};

/// It is there once database and keys have been: so a loss is told from a first start.
const COMPLETE: &str = "complete";

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

/// Whether database and keys have been there.
pub(crate) fn is_complete(folder: &Path) -> bool {
    folder.join(COMPLETE).exists()
}

/// Refuses a data folder that was complete and has lost its database or its keys: new ones in their
/// place would make a service without users, or end every session, and nobody would be told.
pub(crate) fn check_complete(
    folder: &Path,
    database: &Path,
    has_database: bool,
) -> anyhow::Result<()> {
    let marker = folder.join(COMPLETE);
    let (shown, marker) = (database.display(), marker.display());
    ensure!(
        has_database,
        "the database {shown} is missing or empty, and this data folder had one; put a backup \
         there with `db restore`, or remove {marker} to begin anew"
    );
    let keys = folder.join("keys");
    ensure!(
        fs::read_dir(&keys).map_or(true, |mut it| it.next().is_some()) && keys.exists(),
        "the folder {} is missing or empty, and this data folder had one; put your copy of it \
         back, or remove {marker} to have new keys made, which ends every session",
        keys.display()
    );
    Ok(())
}

/// Notes that database and keys are there. If that fails the next start does it.
pub(crate) fn mark_complete(folder: &Path) {
    let _ = append_to(&folder.join(COMPLETE)).and_then(|_| sync_folder(folder));
}

/// After a restore there may be no keys yet.
pub(crate) fn unmark_complete(folder: &Path) {
    let _ = fs::remove_file(folder.join(COMPLETE));
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

/// Tells commands where the server that holds the lock is found; that it is there no more, if nowhere.
pub(crate) fn tell_public_url(lock: &File, url: Option<&str>) {
    let note = url.map_or_else(String::new, |it| format!("{it}\n"));
    // Without it, commands go by their own settings.
    let _ = lock::leave_note(lock, &note);
}

/// Where the server that works on this data at the moment is found, as it says itself.
pub(crate) fn public_url_of_server(folder: &Path) -> Option<String> {
    let note = lock::note_in(&folder.join(SERVED))?;
    // Without the end it is not whole yet.
    note.strip_suffix('\n').map(str::to_owned)
}

/// Whether a server works on this data at the moment.
pub(crate) fn is_served(folder: &Path) -> bool {
    lock::is_taken(&folder.join(SERVED))
}
