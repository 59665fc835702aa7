//! The files that the service lives by: no command writes anything else in their place.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::ensure;

use super::folder_of;
use super::layout::{BACKUPS, BESIDE, COMPLETE, COPY, KEYS, OUTBOX, SERVED};

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
    is_in_data_dir(&folder, name, path, data_dir) || is_beside(&folder, name, database)
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

fn is_beside(folder: &Path, name: &OsStr, database: &Path) -> bool {
    // A link may lead to the database: what stands beside it stands there.
    let database = database
        .canonicalize()
        .unwrap_or_else(|_| database.to_owned());
    let is_there = folder_of(&database)
        .canonicalize()
        .is_ok_and(|it| it == folder);
    let own = database.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_string_lossy();
    let end = name.strip_prefix(own.as_ref());
    is_there && end.is_some_and(|it| BESIDE.contains(&it) || it.starts_with(COPY))
}
