//! What the name of a file of users says of it.

use std::path::Path;

/// Whether it is a table, packed or not.
pub(super) fn is_csv(file: &Path) -> bool {
    let name = file.to_string_lossy().to_lowercase();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(".csv")
}
