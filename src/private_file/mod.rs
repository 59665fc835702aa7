//! Folders and files for nobody else: their modes and owners, locks, replacement in one step.

pub(crate) mod data_dir;
pub(crate) mod lock;
pub(crate) mod own_files;
pub(crate) mod replace;

use std::fs::{DirBuilder, File, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use tempfile::TempDir;

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
            Err(err) if err.kind() == io::ErrorKind::PermissionDenied => {}
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
        tempfile::tempdir().map(Self)
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

/// Puts the names in a folder on the disk: a file that was renamed or removed is so after a power
/// cut too.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Whether anybody but the owner may read, write or enter it.
pub(crate) fn is_open_to_others(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 != 0
}

/// Whether it belongs to another user than the one who runs this program.
pub(crate) fn is_of_another_user(metadata: &Metadata) -> bool {
    metadata.uid() != rustix::process::geteuid().as_raw()
}
