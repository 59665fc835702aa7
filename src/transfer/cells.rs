//! A user as cells of CSV.

use anyhow::Context;
use serde_json::{Map, Value};

use super::record::Line;
use crate::cli::terminal::output::{formula_safe, without_formula_mark};

/// All columns of CSV. The last two are there only with hashes.
pub(crate) const COLUMNS: [&str; 20] = [
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

impl Line {
    /// Reads a row of CSV. An empty cell is a value that was left out.
    pub(crate) fn from_cells(
        head: &csv::StringRecord,
        row: &csv::StringRecord,
    ) -> anyhow::Result<Self> {
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
    pub(crate) fn cells(&self, columns: &[&str]) -> anyhow::Result<Vec<String>> {
        let fields = serde_json::to_value(self)?;
        let cell = |name: &&str| match &fields[name] {
            Value::Null => String::new(),
            Value::String(text) => formula_safe(text.clone()),
            other => other.to_string(),
        };
        Ok(columns.iter().map(cell).collect())
    }
}
