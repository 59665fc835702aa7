//! Locks on files and folders. A lock goes when its file is closed, and so with the process, however
//! that ends.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::append_to;

/// Waits until nobody else has the lock of this folder.
pub(crate) fn wait(folder: &Path) -> io::Result<File> {
    let folder = File::open(folder)?;
    flock(&folder, FlockOperation::LockExclusive)?;
    Ok(folder)
}

/// Takes the lock, with a file of its own; None if somebody else has it.
pub(crate) fn take(path: &Path) -> io::Result<Option<File>> {
    let file = append_to(path)?;
    let taken = flock(&file, FlockOperation::NonBlockingLockExclusive);
    Ok(taken.is_ok().then_some(file))
}

/// Whether somebody has the lock. To find out, it is taken for a moment in which nobody else can
/// take it: so this is for rare commands.
pub(crate) fn is_taken(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|it| flock(&it, FlockOperation::NonBlockingLockShared).is_err())
}
