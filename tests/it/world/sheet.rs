//! Tables of users as pandas, LibreOffice and Excel write them, for `user import --from csv`.

use std::process::Command;

use serde_json::Value;

use super::{file, python};
use crate::server::run;

/// A table with these rows, objects with the same keys; `how` is one of those in
/// `tests/world/sheet.py`.
#[track_caller]
pub fn sheet(how: &str, rows: &Value) -> Option<String> {
    let python = python()?;
    let mut writer = Command::new(python);
    writer.arg(file("sheet.py")).arg(how);
    Some(run(&mut writer, &rows.to_string()).ok())
}
