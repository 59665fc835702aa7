//! What the name of a file of users says of it.

use std::path::Path;

/// Whether it is a table, packed or not.
pub(super) fn is_csv(file: &Path) -> bool {
    has_ending(file, "csv") || is_packed(file) && has_ending(&file.with_extension(""), "csv")
}

/// Whether it is packed by gzip.
pub(super) fn is_packed(file: &Path) -> bool {
    has_ending(file, "gz")
}

fn has_ending(file: &Path, ending: &str) -> bool {
    file.extension()
        .is_some_and(|it| it.eq_ignore_ascii_case(ending))
}
