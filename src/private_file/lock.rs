//! Locks on files and folders. A lock goes when its file is closed, and so with the process, however
//! that ends.

use std::fs::{self, File};
use std::io::{self, Write};
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
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(None);
    }
    // The note of a holder that was killed.
    file.set_len(0)?;
    Ok(Some(file))
}

/// Leaves a note in a lock that is held, for whoever finds it taken.
pub(crate) fn leave_note(mut lock: &File, note: &str) -> io::Result<()> {
    lock.set_len(0)?;
    lock.write_all(note.as_bytes())
}

/// The note in a lock that somebody has. What a holder left that was killed counts no more.
pub(crate) fn note_in(path: &Path) -> Option<String> {
    // Most locks hold none: those are not touched.
    let note = fs::read_to_string(path).ok().filter(|it| !it.is_empty())?;
    is_taken(path).then_some(note)
}

/// Whether somebody has the lock. To find out, it is taken for a moment in which nobody else can
/// take it: so this is for rare commands.
pub(crate) fn is_taken(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|it| flock(&it, FlockOperation::NonBlockingLockShared).is_err())
}
