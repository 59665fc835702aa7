//! A user as a row of CSV, and files of such rows, read as streams.

use std::io::Read;

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use super::import::Importer;
use super::line::Line;
use crate::domain::{formula_safe, without_formula_mark};

/// All columns. The last ones are there only with hashes.
pub(super) const COLUMNS: [&str; 20] = [
    "id",
    "username",
    "email",
    "first_name",
    "last_name",
    "is_active",
    "is_staff",
    "awaits_confirmation",
    "created_at",
    "last_login_at",
    "email_confirmed_at",
    "organisation_type",
    "organisation_name",
    "country",
    "additional_fields",
    "is_expert",
    "upload_preference",
    "consents",
    "password_hash",
    "password_history",
];

/// How many columns at the end are there only with hashes.
pub(super) const HASH_COLUMNS: usize = 2;

/// The columns that are no text: a cell of theirs is JSON.
const JSON_COLUMNS: [&str; 8] = [
    "id",
    "is_active",
    "is_staff",
    "awaits_confirmation",
    "additional_fields",
    "is_expert",
    "consents",
    "password_history",
];

/// Hands the users of a file with a header and rows to `importer`.
pub fn read(file: impl Read, importer: &mut Importer<'_>) -> anyhow::Result<()> {
    let mut file = csv::ReaderBuilder::new().flexible(false).from_reader(file);
    let head = file.headers()?.clone();
    let unknown = head.iter().find(|it| !COLUMNS.contains(it));
    if let Some(name) = unknown {
        bail!(
            "the column {name:?} is unknown; the columns are {}",
            COLUMNS.join(", ")
        );
    }
    let mut row = csv::StringRecord::new();
    loop {
        let line = file.position().line();
        match file.read_record(&mut row) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let line = row.position().map_or(line, csv::Position::line);
                let record = Line::from_cells(&head, &row).and_then(|it| it.record(importer.now));
                importer.add(format!("line {line}"), record)?;
            }
            Err(err) if err.is_io_error() => return Err(err.into()),
            Err(err) => importer.add(format!("line {line}"), Err(err.into()))?,
        }
    }
}

impl Line {
    /// Reads a row of CSV. An empty cell is a value that was left out.
    fn from_cells(head: &csv::StringRecord, row: &csv::StringRecord) -> anyhow::Result<Self> {
        let mut fields = Map::new();
        for (name, cell) in head.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            let value = if JSON_COLUMNS.contains(&name) {
                serde_json::from_str(cell).with_context(|| name.to_owned())?
            } else {
                Value::String(without_formula_mark(cell).to_owned())
            };
            fields.insert(name.to_owned(), value);
        }
        Ok(serde_json::from_value(Value::Object(fields))?)
    }

    /// The cells of `columns`.
    pub(super) fn cells(&self, columns: &[&str]) -> anyhow::Result<Vec<String>> {
        let fields = serde_json::to_value(self)?;
        let cell = |name: &&str| match &fields[name] {
            Value::Null => String::new(),
            Value::String(text) => formula_safe(text.clone()),
            other => other.to_string(),
        };
        Ok(columns.iter().map(cell).collect())
    }
}
