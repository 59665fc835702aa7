//! Mails as files, for when there is no mail server.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::refusal::NotSent;
use crate::private_file::make_folder;
use crate::private_file::replace::Draft;

/// A folder of messages.
pub(crate) struct Files(PathBuf);

impl Files {
    /// The folder is made when the first message is written.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Writes the file whole or not at all, and returns where it is.
    pub(crate) fn write(&self, number: i64, name: &str, message: &[u8]) -> Result<String, NotSent> {
        let path = self.0.join(format!("{number:08}-{name}.eml"));
        let write = || {
            make_folder(&self.0)?;
            let draft = Draft::beside(&path)?;
            fs::write(draft.path(), message)?;
            draft.keep(&path, true)
        };
        match write() {
            Ok(()) => Ok(format!("written to {}", path.display())),
            Err(err) => Err(unwritten(&err)),
        }
    }
}

fn unwritten(err: &io::Error) -> NotSent {
    NotSent {
        during: "writing to the outbox folder",
        code: None,
        words: err.to_string(),
        is_final: false,
        hint: "make room, and let this user write to the folder outbox in data_dir",
    }
}
