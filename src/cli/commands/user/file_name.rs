//! What the name of a file of users says of it.

use std::path::Path;

/// Whether it is a table, which may be packed.
pub(super) fn is_read_as_csv(file: &Path) -> bool {
    let is_packed = file
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("gz"));
    is_csv(file) || is_packed && is_csv(&file.with_extension(""))
}

/// Whether it is a table.
pub(super) fn is_csv(file: &Path) -> bool {
    file.to_string_lossy().to_lowercase().ends_with(".csv")
}
