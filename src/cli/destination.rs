//! Where a command is to put a file.

use std::path::Path;

use anyhow::ensure;

use crate::private_file::{folder_of, may_write, whole_path};

/// Refuses a folder in which this user may make no files. Whoever works as the user of a service does so from a folder
/// of their own.
pub(crate) fn check_may_write(file: &Path, data_dir: &Path) -> anyhow::Result<()> {
    let folder = folder_of(file);
    let instead = whole_path(&data_dir.join(file.file_name().unwrap_or_default()));
    // What is there may be ours.
    let such_as = match instead.exists() {
        true => String::new(),
        false => format!(", such as {}", instead.display()),
    };
    ensure!(
        !folder.is_dir() || may_write(folder),
        "cannot write to {}: permission denied; name another place{such_as}",
        whole_path(folder).display(),
    );
    Ok(())
}
