//! The files that the service lives by: no command writes anything else in their place.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::ensure;

use super::layout::{BACKUPS, BESIDE, COMPLETE, COPY, KEYS, OUTBOX, SERVED};
use super::{beside, folder_of};

/// Refuses a place to write to if what is there, or would be, belongs to the service.
pub(crate) fn check_not_own(path: &Path, data_dir: &Path, database: &Path) -> anyhow::Result<()> {
    ensure!(
        !is_own(path, data_dir, database),
        "{} belongs to the service itself, which would lose what it lives by; choose a place outside \
         of {}",
        path.display(),
        data_dir.display()
    );
    Ok(())
}

fn is_own(path: &Path, data_dir: &Path, database: &Path) -> bool {
    let (Ok(folder), Some(name)) = (folder_of(path).canonicalize(), path.file_name()) else {
        // Nothing can be written there.
        return false;
    };
    is_in_data_dir(&folder, name, path, data_dir) || is_beside(&folder.join(name), database)
}

/// Removes a database that was made for nothing, with what stands beside it.
pub(crate) fn remove_database(database: &Path) {
    for end in BESIDE {
        // Most of them are not there.
        let _ = std::fs::remove_file(beside(database, end));
    }
}

fn is_in_data_dir(folder: &Path, name: &OsStr, path: &Path, data_dir: &Path) -> bool {
    let Ok(data_dir) = data_dir.canonicalize() else {
        return false;
    };
    let Ok(below) = folder.strip_prefix(&data_dir) else {
        return false;
    };
    match below.components().next() {
        None => name == COMPLETE || name == SERVED,
        Some(first) => {
            let first = first.as_os_str();
            // Among backups another one may be made, but not in the place of one that is there.
            first == KEYS || first == OUTBOX || first == BACKUPS && path.symlink_metadata().is_ok()
        }
    }
}

/// Whether it is the database, its log, one of its locks, or a copy from before a migration, by its canonical path.
pub(crate) fn is_beside(path: &Path, database: &Path) -> bool {
    let is_copy = || {
        let start = beside(database, COPY).into_os_string().into_encoded_bytes();
        path.as_os_str().as_encoded_bytes().starts_with(&start)
    };
    BESIDE.iter().any(|it| path == beside(database, it)) || is_copy()
}
