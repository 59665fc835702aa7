//! Folders and files for nobody else: their modes and owners, locks, replacement in one step.

pub(crate) mod content;
pub(crate) mod data_dir;
pub(crate) mod layout;
pub(crate) mod lent;
pub(crate) mod lock;
pub(crate) mod own_files;
pub(crate) mod owner;
pub(crate) mod ownership;
pub(crate) mod replace;
pub(crate) mod system_users;

use std::fs::{DirBuilder, File, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, Mode, OFlags, access};
use rustix::io::Errno;
use tempfile::TempDir;

/// So many symbolic links the system follows too.
const MOST_LINKS: usize = 40;

/// From now on nobody else may use what this process makes, unless it says so: a socket gets its mode only after it is
/// there.
pub(crate) fn close_new_files() {
    rustix::process::umask(Mode::from_raw_mode(0o077));
}

/// Makes a folder of mode 0700, and those above it, unless it is there. They are there after a power
/// cut too.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let above = folder.ancestors();
    let missing: Vec<&Path> = above
        .take_while(|it| !it.as_os_str().is_empty() && !it.exists())
        .collect();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    for folder in missing {
        match sync_folder(folder_of(folder)) {
            // It may be entered and not read: nobody can sync it.
            Err(err) if err.kind() == ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Opens a file to append to; a new one has mode 0600.
pub(crate) fn append_to(path: &Path) -> io::Result<File> {
    File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// A folder of mode 0700 for a while: it goes with this value.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> io::Result<Self> {
        let mode = Permissions::from_mode(0o700);
        tempfile::Builder::new()
            .permissions(mode)
            .tempdir()
            .map(Self)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The folder that holds `path`.
pub(crate) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// A path on the disk that a database is on, or will be, in a folder that is there already: folders for
/// temporary files may be memory.
pub(crate) fn on_disk_of(database: &Path) -> PathBuf {
    let there = folder_of(database).ancestors().find(|it| it.is_dir());
    let name = database.file_name().unwrap_or_default();
    there.unwrap_or(Path::new(".")).join(name)
}

/// As people in any folder find it.
pub(crate) fn whole_path(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What is said wherever a database is made: the folder may be the wrong one.
pub(crate) fn new_database(path: &Path) -> String {
    let shown = whole_path(path);
    format!("a new database was made at {}", shown.display())
}

/// Where symbolic links lead to, whether anything is there or not.
pub(crate) fn end_of_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            Ok(to) => path = folder_of(&path).join(to),
            Err(_) => break,
        }
    }
    path
}

/// Where a path leads that goes through a link which cannot be followed; None if it goes through none.
pub(crate) fn behind_closed_link(path: &Path) -> Option<PathBuf> {
    let is_closed = |it: &&Path| it.is_symlink() && it.metadata().is_err();
    let link = path.ancestors().find(is_closed)?;
    let rest = path.strip_prefix(link).unwrap_or(Path::new(""));
    Some(end_of_links(link).join(rest))
}

/// A file beside a database, by the end of its name: the same for every way to name the database, which
/// may still have to be made.
pub(crate) fn beside(database: &Path, end: &str) -> PathBuf {
    let path = end_of_links(database);
    let folder = folder_of(&path);
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    folder.join(name)
}

/// Opens a file of any kind only to know it again: as long as it is open no other file gets its number.
pub(crate) fn hold(path: &Path) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// Whether an open file has lost its name, or another one has it. What cannot be found out, for want of file
/// descriptors, say, is no reason to say so.
pub(crate) fn is_replaced(path: &Path, open: &File) -> bool {
    let place = |it: Metadata| (it.dev(), it.ino());
    match (std::fs::metadata(path), open.metadata()) {
        (Ok(named), Ok(open)) => place(named) != place(open),
        (Err(err), _) => matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        _ => false,
    }
}

/// Whether this user may make files in a folder.
pub(crate) fn may_write(folder: &Path) -> bool {
    !matches!(access(folder, Access::WRITE_OK), Err(Errno::ACCESS))
}

/// How many bytes are free on the disk of an open file, if it tells.
pub(crate) fn room_beside(file: &File) -> Option<u64> {
    let disk = rustix::fs::fstatvfs(file).ok()?;
    // Some blocks may be kept for root.
    let free = match rustix::process::geteuid().is_root() {
        true => disk.f_bfree,
        false => disk.f_bavail,
    };
    // Some file systems know of no blocks.
    (disk.f_blocks > 0).then(|| free.saturating_mul(disk.f_frsize))
}

/// Puts the names in a folder on the disk: a file that was renamed or removed is so after a power
/// cut too.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Whether anybody but the owner, root and our own group may read, write or enter it.
pub(crate) fn is_open_to_others(metadata: &Metadata) -> bool {
    is_granted_to_others(metadata, 0o7)
}

/// Whether anybody but the owner, root and our own group may write to it.
pub(crate) fn is_writable_by_others(metadata: &Metadata) -> bool {
    is_granted_to_others(metadata, 0o2)
}

fn is_granted_to_others(metadata: &Metadata, what: u32) -> bool {
    let mode = metadata.mode();
    mode & what != 0 || mode >> 3 & what != 0 && !is_our_group(metadata.gid())
}

/// The first of a folder and those above it in which others can put files of theirs in the place of
/// ours. Above it a sticky bit, as `/tmp` has it, keeps what is there; in the folder itself our files come
/// and go.
pub(crate) fn replaceable_in(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let is_so = |it: &&Path| {
        let is_kept = |metadata: &Metadata| *it != folder && metadata.mode() & 0o1000 != 0;
        let metadata = std::fs::metadata(it);
        metadata.is_ok_and(|it| is_writable_by_others(&it) && !is_kept(&it))
    };
    folder.ancestors().find(is_so).map(Path::to_owned)
}

/// Whether it belongs to somebody who is neither root nor the one who runs this program.
pub(crate) fn is_of_another_user(metadata: &Metadata) -> bool {
    metadata.uid() != 0 && !is_own(metadata)
}

/// Whether this program works in it: it is ours, or root shares it with our group, as containers do.
pub(crate) fn is_to_work_in(metadata: &Metadata) -> bool {
    let is_shared = metadata.mode() & 0o020 != 0 && is_our_group(metadata.gid());
    is_own(metadata) || metadata.uid() == 0 && is_shared
}

pub(crate) fn is_own(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

fn is_our_group(id: u32) -> bool {
    let others = rustix::process::getgroups().unwrap_or_default();
    id == rustix::process::getegid().as_raw() || others.iter().any(|it| it.as_raw() == id)
}
