//! Mails as files, for when there is no mail server.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use super::refusal::NotSent;

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
        let draft = path.with_extension("tmp");
        let write = || {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&self.0)?;
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&draft)?;
            file.write_all(message)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            fs::File::open(&self.0)?.sync_all()
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
