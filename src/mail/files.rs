//! Mails as files, for when there is no mail server.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::refusal::NotSent;
use crate::domain::MailKind;
use crate::failure::in_words;
use crate::private_file::replace::Draft;
use crate::private_file::{make_folder, sync_folder};

/// Sorted names are sorted by number.
pub(super) fn name(number: i64, letter: &str) -> String {
    format!("{number:08}-{letter}.eml")
}

/// The number in a name of ours; files of others are not for us to judge.
fn number(name: &str) -> Option<i64> {
    let (number, kind) = name.strip_suffix(".eml")?.split_once('-')?;
    MailKind::parse(kind).and_then(|_| number.parse().ok())
}

/// The numbers of the mails whose files were written before `before`.
pub(super) fn written_before(folder: &Path, before: SystemTime) -> io::Result<Vec<i64>> {
    let entries = match fs::read_dir(folder) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(number) = entry.file_name().to_str().and_then(number) else {
            continue;
        };
        match entry.metadata() {
            Ok(metadata) if metadata.modified()? < before => found.push(number),
            // Whoever deletes a user takes the files away.
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ => {}
        }
    }
    Ok(found)
}

/// Removes those of these files that are there, on the disk too.
pub(super) fn remove(folder: &Path, names: impl Iterator<Item = String>) -> io::Result<()> {
    let (mut is_removed, mut failed) = (false, Ok(()));
    for name in names {
        match fs::remove_file(folder.join(name)) {
            Ok(()) => is_removed = true,
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => failed = failed.and(Err(err)),
        }
    }
    // The next try finds no file, and would not do this.
    if is_removed {
        sync_folder(folder)?;
    }
    failed
}

/// Writes the file whole or not at all, and returns where it is. The folder is made if need be.
pub(super) fn write(folder: &Path, name: &str, message: &[u8]) -> Result<String, NotSent> {
    let path = folder.join(name);
    let write = || {
        make_folder(folder)?;
        let draft = Draft::beside(&path)?;
        fs::write(draft.path(), message)?;
        draft.keep(&path, true)
    };
    match write() {
        Ok(()) => Ok(format!("written to {}", path.display())),
        Err(err) => Err(NotSent {
            during: "writing to the outbox folder",
            code: None,
            words: in_words(&err),
            is_final: false,
            hint: "make room, and let this user write to the folder outbox in data_dir",
        }),
    }
}
