//! What lies in a data folder, and that it is one.

use std::fs;
use std::path::Path;

use anyhow::ensure;

use super::layout::{COMPLETE, KEYS, MASTER, SERVED};
use super::{append_to, folder_of, sync_folder, whole_path};

/// Whether database and keys have been there.
pub(crate) fn is_complete(folder: &Path) -> bool {
    folder.join(COMPLETE).exists()
}

/// Notes that database and keys are there. If that fails the next start does it.
pub(crate) fn mark_complete(folder: &Path) {
    let _ = append_to(&folder.join(COMPLETE)).and_then(|_| sync_folder(folder));
}

/// After a restore there may be no keys yet.
pub(crate) fn unmark_complete(folder: &Path) {
    let _ = fs::remove_file(folder.join(COMPLETE));
}

/// Whose modes and owner are the system's, whatever lies in them (Filesystem Hierarchy Standard 3.0).
const OF_SYSTEM: &str = "/ /bin /boot /dev /dev/shm /etc /etc/opt /home /lib /lib64 /media /mnt /opt /proc /root /run \
    /run/user /sbin /srv /sys /tmp /usr /usr/bin /usr/lib /usr/lib64 /usr/local /usr/sbin /usr/share /usr/src \
    /var /var/backups /var/cache /var/lib /var/local /var/log /var/mail /var/opt /var/run /var/spool /var/tmp";

pub(super) fn check_not_of_system(folder: &Path) -> anyhow::Result<()> {
    let place = folder.canonicalize().unwrap_or_else(|_| whole_path(folder));
    let advice = match is_complete(folder) {
        true => {
            "stop the server, move what is ours to a folder of its own, and let data_dir name that"
        }
        false => "let data_dir name one of its own",
    };
    ensure!(
        !OF_SYSTEM.split(' ').any(|it| Path::new(it) == place),
        "{} is a folder of the system, in which others have theirs; {advice}",
        folder.display()
    );
    Ok(())
}

/// Whether something of ours is there: the database, which may have another name, or what a server needs.
pub(crate) fn has_ours(folder: &Path, database: Option<&Path>) -> bool {
    let master = folder.join(KEYS).join(MASTER);
    let named = database.filter(|it| folder_of(it) == folder);
    let ours = [COMPLETE, SERVED, "auth.db"].map(|it| folder.join(it));
    let mut ours = ours
        .into_iter()
        .chain([master])
        .chain(named.map(Path::to_owned));
    ours.any(|it| it.exists())
}

/// Refuses a folder of the system, and one in which there are other things, and nothing of ours.
pub(crate) fn check_content(folder: &Path, database: Option<&Path>) -> anyhow::Result<()> {
    let shown = folder.display();
    ensure!(
        folder.is_dir() || !folder.exists(),
        "{shown} is no folder; let data_dir name one"
    );
    check_not_of_system(folder)?;
    // What cannot be read is not told to be anybody's.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_empty = entries
        .map(|it| it.file_name())
        .all(|it| it == "lost+found");
    ensure!(
        is_empty || has_ours(folder, database),
        "there are other things in {shown}, and nothing of ours; let data_dir name a folder of its own"
    );
    Ok(())
}
