//! The data folder: made, checked, and locked by whoever serves it.

use std::fmt::Display;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::fs::{Access, access};

use super::layout::{BESIDE, COMPLETE, FOLDERS, KEYS, LOCK, MASTER, SERVED};
use super::owner::{command_as, has_sudo, is_service, quoted_path};
use super::system_users::{group_of_user, is_member, name_of_group, name_of_user};
use super::{
    append_to, beside, folder_of, is_of_another_user, is_open_to_others, is_replaced,
    is_to_work_in, lock, make_folder, sync_folder, whole_path,
};

pub(crate) fn make(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        check_not_of_system(folder)?;
    }
    make_folder(folder).with_context(|| cannot_create(folder))?;
    check(folder)
}

fn cannot_create(folder: &Path) -> String {
    // Whoever wrote a relative path may not know relative to what.
    let path = whole_path(folder);
    let shown = path.display();
    format!("cannot create the data folder {shown}; choose another one with --data-dir")
}

/// Refuses what `make` would refuse, and makes nothing.
pub(crate) fn check_makeable(folder: &Path) -> anyhow::Result<()> {
    // What is below a closed folder may be there.
    if folder.try_exists().unwrap_or(true) {
        return check(folder);
    }
    check_not_of_system(folder)?;
    let path = whole_path(folder);
    let above = path.ancestors().find(|it| it.exists());
    let asked = above.map_or(Ok(()), |it| access(it, Access::WRITE_OK | Access::EXEC_OK));
    asked
        .map_err(io::Error::from)
        .with_context(|| cannot_create(folder))
}

/// Removes a data folder that was made for nothing, unless something is in it beside its lock.
pub(crate) fn unmake(folder: &Path) {
    if fs::read_dir(folder).is_ok_and(|it| it.count() == 1) {
        let _ = fs::remove_file(folder.join(SERVED)).and_then(|()| fs::remove_dir(folder));
    }
}

/// Refuses a data folder that this user should not, or cannot, work in.
pub(crate) fn check(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    let metadata =
        fs::metadata(folder).with_context(|| format!("cannot read the data folder {shown}"))?;
    check_owner(&metadata, "the data folder", folder)?;
    // Whose data have been there is told by `doctor` to move them, and may go on meanwhile.
    if !is_complete(folder) {
        check_not_of_system(folder)?;
    }
    match access(folder, Access::WRITE_OK).map_err(io::Error::from) {
        Err(err) if err.kind() == ErrorKind::PermissionDenied => {
            bail!(
                "the data folder {shown} is not writable; run: chmod u+rwx {}",
                quoted_path(folder)
            )
        }
        asked => asked.with_context(|| format!("the data folder {shown} is not writable")),
    }
}

/// Refuses a database of another user, or one that others can read; there may be none yet.
pub(crate) fn check_database(database: &Path) -> anyhow::Result<()> {
    let Ok(metadata) = fs::metadata(database) else {
        return Ok(());
    };
    let shown = database.display();
    check_owner(&metadata, "the database", database)?;
    if is_open_to_others(&metadata) {
        bail!(
            "others can read the database {shown}; run: chmod 600 {}",
            quoted_path(database)
        );
    }
    check_name(database)
}

/// Refuses a database that has two names, or may have: SQLite names log and locks after the file, and
/// there would be two of each.
pub(crate) fn check_name(database: &Path) -> anyhow::Result<()> {
    let Ok(metadata) = fs::metadata(database) else {
        return Ok(());
    };
    let shown = database.display();
    ensure!(
        !is_mount_point(database),
        "the database {shown} is mounted as a single file, so its log and its locks are not where \
         others look for them; mount the folder, not the file"
    );
    ensure!(
        !metadata.is_file() || metadata.nlink() == 1,
        "the database {shown} has another name too (a hard link), by which it could be destroyed; \
         remove that one: find -samefile {}",
        quoted_path(database)
    );
    Ok(())
}

/// Refuses what somebody else has put among our files, where they may: SQLite would believe such a log,
/// and a lock would say where links lead to.
pub(crate) fn check_nobody_elses(folder: &Path, database: Option<&Path>) -> anyhow::Result<()> {
    let in_folder = FOLDERS.iter().chain(&[COMPLETE, SERVED]);
    let beside_it = BESIDE.iter().filter_map(|end| Some(beside(database?, end)));
    let paths = in_folder.map(|it| folder.join(it)).chain(beside_it);
    for path in paths {
        // Of a link, who made that.
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        ensure!(
            !is_of_another_user(&metadata),
            "{shown} belongs to uid {uid}, who is neither root nor the user of this program and may have put \
             anything there; remove it, or, if you know that it is right, run: chown {ours} {quoted}",
            shown = path.display(),
            quoted = quoted_path(&path),
            uid = metadata.uid(),
            ours = rustix::process::geteuid().as_raw(),
        );
    }
    Ok(())
}

/// A system that does not know has no reason to refuse.
fn is_mount_point(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let known = statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    known.is_ok_and(|it| it.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Whether database and keys have been there.
pub(crate) fn is_complete(folder: &Path) -> bool {
    folder.join(COMPLETE).exists()
}

/// Refuses a data folder that was complete and has lost its database: a new one in its place would make a
/// service without users, and nobody would be told.
pub(crate) fn check_complete(
    folder: &Path,
    shown: &dyn Display,
    has_database: bool,
) -> anyhow::Result<()> {
    let marker = folder.join(COMPLETE);
    let marker = marker.display();
    ensure!(
        has_database,
        "the database {shown} is missing or empty, and this data folder had one; put a backup \
         there with `db restore`, or remove {marker} to begin anew"
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
fn check_owner(metadata: &Metadata, what: &str, path: &Path) -> anyhow::Result<()> {
    let (theirs, ours) = (metadata.uid(), rustix::process::geteuid().as_raw());
    let shown = path.display();
    ensure!(
        is_to_work_in(metadata),
        "{what} {shown} belongs to uid {theirs} and this is uid {ours}; {}",
        advice_on_owner(theirs, ours, path)
    );
    Ok(())
}

fn advice_on_owner(theirs: u32, ours: u32, path: &Path) -> String {
    let give = format!("chown -R {ours} {}", quoted_path(path));
    let as_owner = || format!("run it as its owner: {}", command_as(theirs));
    if theirs != 0 {
        let folder = match path.is_dir() {
            true => path,
            false => folder_of(path),
        };
        let guest = guest(folder).filter(|it| !it.is_lent);
        return guest.map_or_else(as_owner, |it| it.giving_back(folder));
    }
    if path.is_file() {
        let is_among_ours = fs::metadata(folder_of(path)).is_ok_and(|it| it.uid() == ours);
        return match is_among_ours {
            true => format!("run as root: {give}"),
            false => as_owner(),
        };
    }
    if let Some(guest) = guest(path) {
        return format!(
            "run it as whom the data belong to: {}",
            command_as(guest.owner)
        );
    }
    let metadata = fs::metadata(path).ok();
    let lent_to = metadata.filter(|it| it.gid() != 0 && it.mode() & 0o020 != 0);
    if let Some(group) = lent_to.and_then(|it| name_of_group(it.gid())) {
        return format!("run it as a user of the group {group}, which root lends it to");
    }
    // Engines of containers make volumes that are root's, and there is nobody else inside.
    match check_content(path, None) {
        Err(foreign) => foreign.to_string(),
        Ok(()) if is_service() => format!("run as root: {give}"),
        Ok(()) if has_sudo() => as_owner(),
        Ok(()) => format!("run it as root, or, in a container, give it to this user: {give}"),
    }
}

/// Whose modes and owner are the system's, whatever lies in them (Filesystem Hierarchy Standard 3.0).
const OF_SYSTEM: &str = "/ /bin /boot /dev /dev/shm /etc /etc/opt /home /lib /lib64 /media /mnt /opt /proc /root /run \
    /run/user /sbin /srv /sys /tmp /usr /usr/bin /usr/lib /usr/lib64 /usr/local /usr/sbin /usr/share /usr/src \
    /var /var/backups /var/cache /var/lib /var/local /var/log /var/mail /var/opt /var/run /var/spool /var/tmp";

/// Whom the data belong to: a folder of root's may be lent to whoever has filled it, and a folder may have been given
/// to somebody else since, or some of what is in it. Somebody who has put a file there owns nothing else.
pub(crate) fn owner(folder: &Path) -> Option<u32> {
    let owner = |path: &Path| fs::metadata(path).ok().map(|it| it.uid());
    let of_folder = owner(folder)?;
    let ours = [COMPLETE, SERVED, KEYS, "auth.db"].map(|it| owner(&folder.join(it)));
    let there: Vec<u32> = ours.into_iter().flatten().collect();
    let count = |id: u32| there.iter().filter(|it| **it == id).count();
    let has_most = |id: u32| count(id) > 1 && count(id) * 2 > there.len();
    // With a database elsewhere there may be one file only.
    let metadata = fs::metadata(folder).ok()?;
    let has_all = |id: u32| count(id) == there.len() && is_lent(&metadata, id);
    let of_most = there
        .iter()
        .copied()
        .find(|it| has_most(*it) || has_all(*it));
    Some(of_most.filter(|it| *it != 0).unwrap_or(of_folder))
}

/// Whose data are in a folder of somebody else's.
pub(crate) struct Guest {
    pub(crate) owner: u32,
    /// Root lets this one make files there, as it lends volumes to containers.
    pub(crate) is_lent: bool,
}

pub(crate) fn guest(folder: &Path) -> Option<Guest> {
    check_not_of_system(folder).ok()?;
    let metadata = fs::metadata(folder).ok()?;
    let owner = owner(folder).filter(|it| ![0, metadata.uid()].contains(it))?;
    Some(Guest {
        owner,
        is_lent: is_lent(&metadata, owner),
    })
}

/// Whether root lets a user make files in a folder of its own.
fn is_lent(folder: &Metadata, to: u32) -> bool {
    let group = folder.gid();
    let is_member = || name_of_user(to).is_some_and(|it| is_member(&it, group));
    // Of one without an account nobody knows.
    let is_of_group = || group_of_user(to).is_none_or(|it| it == group) || is_member();
    folder.uid() == 0 && folder.mode() & 0o020 != 0 && is_of_group()
}

impl Guest {
    /// Gives the folder back to this one.
    pub(crate) fn giving_back(&self, folder: &Path) -> String {
        format!("run as root: chown {} {}", self.owner, quoted_path(folder))
    }
}

fn check_not_of_system(folder: &Path) -> anyhow::Result<()> {
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
    let ours = [COMPLETE, SERVED, "auth.db"].map(|it| folder.join(it));
    let master = folder.join(KEYS).join(MASTER);
    let database = database.filter(|it| folder_of(it) == folder);
    let mut ours = ours
        .into_iter()
        .chain([master])
        .chain(database.map(Path::to_owned));
    ensure!(
        is_empty || ours.any(|it| it.exists()),
        "there are other things in {shown}, and nothing of ours; let data_dir name a folder of its own"
    );
    Ok(())
}

/// The locks of a server: on the data folder, whose mails would be sent twice, and on a database that is a
/// file, whatever data folder it is named with.
pub(crate) struct Locks {
    folder: File,
    path: PathBuf,
    _database: Option<File>,
}

impl Locks {
    /// Whether somebody removed the lock of the folder, or put another file in its place, so that a
    /// second server could start; the store looks after the one of its database.
    pub(crate) fn is_lost(&self) -> bool {
        is_replaced(&self.path, &self.folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// What a command leaves in the lock while it migrates the database: whoever comes then waits.
pub(crate) const MIGRATES: &str = "a command brings the database up to date\n";

/// How often whoever waits for that looks.
const LOOK: Duration = Duration::from_millis(20);

/// How often a lock is tried that somebody has who has not said yet what for.
const TRIES: usize = 10;

/// Waits while a command migrates the database.
pub(crate) fn wait_for_migration(folder: &Path) {
    while lock::note_in(&folder.join(SERVED)).is_some_and(|it| it == MIGRATES) {
        std::thread::sleep(LOOK);
    }
}

/// Takes the locks of a server.
pub(crate) fn lock(folder: &Path, database: Option<&Path>) -> anyhow::Result<Locks> {
    let mut tried = 0;
    loop {
        wait_for_migration(folder);
        match lock_at_once(folder, database) {
            Err(_) if tried < TRIES && note_of_server(folder).is_none() => {
                tried += 1;
                std::thread::sleep(LOOK);
            }
            locked => return locked,
        }
    }
}

fn lock_at_once(folder: &Path, database: Option<&Path>) -> anyhow::Result<Locks> {
    let take = |path: &Path, what: &Path, choose: &str| {
        let lock = lock::take(path).with_context(|| format!("cannot create {}", path.display()))?;
        lock.with_context(|| {
            let holder = lock::holder_of(path).map_or_else(String::new, |it| format!(": {it}"));
            let shown = what.display();
            format!("a server serves {shown} already{holder}; stop it, or choose another {choose}")
        })
    };
    let path = folder.join(SERVED);
    Ok(Locks {
        folder: take(&path, folder, "--data-dir")?,
        path,
        _database: database
            .map(|it| take(&beside(it, LOCK), it, "--database"))
            .transpose()?,
    })
}

/// Tells commands how the server that holds the locks is known; without a note, that it is there no
/// more.
pub(crate) fn leave_note(locks: &Locks, note: Option<&str>) {
    // Without it, commands go by their own settings.
    let _ = lock::leave_note(&locks.folder, note.unwrap_or_default());
}

/// What the server that works on this data at the moment says of itself.
pub(crate) fn note_of_server(folder: &Path) -> Option<String> {
    let note = lock::note_in(&folder.join(SERVED)).filter(|it| it != MIGRATES)?;
    // Without the end it is not whole yet.
    note.strip_suffix('\n').map(str::to_owned)
}

/// Whether a server works on this data at the moment.
pub(crate) fn is_served(folder: &Path, database: Option<&Path>) -> bool {
    let of_database = database.map(|it| beside(it, LOCK));
    lock::is_taken(&folder.join(SERVED)) || of_database.is_some_and(|it| lock::is_taken(&it))
}
