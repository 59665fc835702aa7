//! The data folder: made, checked, and locked by whoever serves it.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use rustix::fs::{Access, access};

use super::content::{check_not_of_system, is_complete};
use super::layout::{BESIDE, COMPLETE, FOLDERS, KEYS, LOCK, MASTER, SERVED};
use super::lent::{Fault, Use, fault_of_use, fault_of_way, serves_another};
use super::owner::quoted_path;
use super::ownership::{check_guest, check_owner, is_shared_by_root};
use super::system_users::{called, name_or_number};
use super::{
    beside, folder_of, is_of_another_user, is_open_to_others, is_own, is_replaced, is_to_work_in,
    lock, make_folder, whole_path,
};

pub(crate) fn make(folder: &Path) -> anyhow::Result<()> {
    check_link(folder)?;
    if !folder.exists() {
        check_not_of_system(folder)?;
    }
    make_folder(folder).map_err(|err| cannot_create(folder, err))?;
    check(folder)
}

fn cannot_create(folder: &Path, err: io::Error) -> anyhow::Error {
    // Whoever wrote a relative path may not know relative to what.
    let path = whole_path(folder);
    let shown = path.display();
    if let Some(Fault { what, advice }) = fault_of_way(folder, folder) {
        return anyhow!("cannot create the data folder {shown}: {what}; {advice}");
    }
    if err.kind() == ErrorKind::PermissionDenied {
        let ours = name_or_number(rustix::process::geteuid().as_raw());
        let quoted = quoted_path(&path);
        return anyhow!(
            "this user may not create the data folder {shown}; choose another one with --data-dir, or run as \
             root: install -d -m 700 -o {ours} {quoted}"
        );
    }
    anyhow!(err).context(format!(
        "cannot create the data folder {shown}; choose another one with --data-dir"
    ))
}

/// Refuses a link where nothing is: the disk may not be mounted.
fn check_link(folder: &Path) -> anyhow::Result<()> {
    let leads_nowhere = |it: &&Path| it.is_symlink() && !it.try_exists().unwrap_or(true);
    let Some(link) = folder.ancestors().find(leads_nowhere) else {
        return Ok(());
    };
    let below = match link == folder {
        true => String::new(),
        false => format!("below {}, which is ", link.display()),
    };
    bail!(
        "the data folder {} is {below}a link that leads nowhere; mount or make what it leads to, or let data_dir name \
         another one",
        folder.display()
    );
}

/// Refuses what `make` would refuse, and makes nothing.
pub(crate) fn check_makeable(folder: &Path) -> anyhow::Result<()> {
    check_link(folder)?;
    // What is below a closed folder may be there.
    if folder.try_exists().unwrap_or(true) {
        return check(folder);
    }
    check_not_of_system(folder)?;
    let path = whole_path(folder);
    let above = path.ancestors().find(|it| it.exists());
    let asked = above.map_or(Ok(()), |it| access(it, Access::WRITE_OK | Access::EXEC_OK));
    asked.map_err(|err| cannot_create(folder, err.into()))
}

/// Removes our locks from a data folder that was made for nothing, unless something is beside them.
pub(crate) fn remove_locks(folder: &Path, database: Option<&Path>) {
    let of_database = database.map(|it| beside(it, LOCK));
    let locks = [Some(Path::new(SERVED)), of_database.as_deref()];
    let names = locks.map(|it| it.and_then(Path::file_name));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let entries: Vec<PathBuf> = entries.map(|it| it.path()).collect();
    if entries.iter().all(|it| names.contains(&it.file_name())) {
        entries.iter().for_each(|it| drop(fs::remove_file(it)));
    }
}

/// Refuses a data folder that this user should not, or cannot, work in.
pub(crate) fn check(folder: &Path) -> anyhow::Result<()> {
    check_link(folder)?;
    let shown = folder.display();
    let read = fs::metadata(folder);
    if let (Err(_), Some(Fault { what, advice })) = (&read, fault_of_way(folder, folder)) {
        bail!("cannot read the data folder {shown}: {what}; {advice}");
    }
    let metadata = read.with_context(|| format!("cannot read the data folder {shown}"))?;
    // Whoever the data belong to would be sent back.
    if !is_to_work_in(&metadata)
        && serves_another(folder)
        && let Some(Fault { what, advice }) = fault_of_way(folder, folder)
    {
        bail!("the data folder {shown} is of no use: {what}; {advice}");
    }
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
        Err(err) if err.kind() == ErrorKind::ReadOnlyFilesystem => Err(err).with_context(|| {
            format!(
                "the data folder {shown} is not writable (to read the data, copy the folder to another \
                 disk with cp -a, and name the copy with --data-dir)"
            )
        }),
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
    if is_open_to_others(&metadata) && !is_shared_by_root(folder_of(database), &metadata) {
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
    check_guest(folder)?;
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
            "{shown} belongs to {owner}, who is neither root nor the user of this program and may have put \
             anything there; if it is not right, move it away and keep it; if it is, run as root: \
             chown -R {ours} {quoted}",
            shown = path.display(),
            quoted = quoted_path(&path),
            owner = called(metadata.uid()),
            ours = name_or_number(rustix::process::geteuid().as_raw()),
        );
    }
    Ok(())
}

/// Refuses what the server of this data cannot work with, whoever asks. Folders of what it can do without are not
/// looked at.
pub(crate) fn check_usable(folder: &Path, database: Option<&Path>) -> anyhow::Result<()> {
    check_folder(folder, database)?;
    let beside_it = BESIDE.iter().filter_map(|end| Some(beside(database?, end)));
    let written = beside_it.chain([folder.join(SERVED)]);
    let keys = folder.join(KEYS);
    let read = [keys.clone(), keys.join(MASTER)];
    let written = written.map(|it| (it, Use::Write));
    for (path, what) in written.chain(read.map(|it| (it, Use::Read))) {
        if let Some(fault) = fault_of_use(&path, folder, what) {
            return Err(unusable(&path, &fault));
        }
    }
    Ok(())
}

/// Refuses a folder of a database that the server of this data cannot work in.
pub(crate) fn check_folder(folder: &Path, database: Option<&Path>) -> anyhow::Result<()> {
    match database.and_then(|it| Some((folder_of(it), fault_of_folder(it, folder)?))) {
        Some((path, fault)) => Err(unusable(path, &fault)),
        None => Ok(()),
    }
}

fn unusable(path: &Path, Fault { what, advice }: &Fault) -> anyhow::Error {
    anyhow!("{} is not to be used: {what}; {advice}", path.display())
}

/// Of the folder that holds a database, in which there may be other things.
fn fault_of_folder(database: &Path, data: &Path) -> Option<Fault> {
    let folder = folder_of(database);
    let fault = fault_of_use(folder, data, Use::Write)?;
    let is_there = database.try_exists();
    let advice = match is_there {
        _ if check_not_of_system(folder).is_err() => {
            "let database name a place in a folder of its own".to_owned()
        }
        Ok(true) => fault.advice,
        // Of our own the mode alone is wrong.
        Ok(false) if fs::metadata(folder).is_ok_and(|it| is_own(&it)) => fault.advice,
        Ok(false) => "let database name a place in a folder that is this user's".to_owned(),
        Err(_) => format!("if the database is in it, {}", fault.advice),
    };
    Some(Fault { advice, ..fault })
}

/// A system that does not know has no reason to refuse.
fn is_mount_point(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let known = statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    known.is_ok_and(|it| it.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
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
        let lock = lock::take(path).with_context(|| format!("cannot lock {}", path.display()))?;
        lock.with_context(|| {
            let holder = lock::holder_of(path).map_or_else(String::new, |it| format!(": {it}"));
            let shown = what.display();
            format!("a server serves {shown} already{holder}; stop it, or choose another {choose}")
        })
    };
    let path = folder.join(SERVED);
    let of_folder = take(&path, folder, "--data-dir")?;
    let of_database = database.map(|it| take(&beside(it, LOCK), it, "--database"));
    if let Some(Err(refused)) = of_database {
        if fs::read_dir(folder).is_ok_and(|it| it.count() == 1) {
            // It was made for nothing.
            let _ = fs::remove_file(&path);
        }
        return Err(refused);
    }
    Ok(Locks {
        folder: of_folder,
        path,
        _database: of_database.transpose()?,
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
