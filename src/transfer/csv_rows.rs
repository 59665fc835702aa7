//! A user as a row of CSV, and files of such rows, read as streams.

use std::io::{BufRead, Read};

use anyhow::{anyhow, bail, ensure};
use serde_json::{Map, Value};

use super::import::Importer;
use super::line::{Line, NO_PASSWORDS};
use super::lines::Counted;
use super::report::Origin;
use super::unshown::{misfit, quoted};
use crate::domain::{counted, formula_safe, without_formula_mark};

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

/// The columns that say yes or no.
const TRUTHS: [&str; 4] = ["is_active", "is_staff", "awaits_confirmation", "is_expert"];

/// How a table says so: in words of people, and as sheets write them for people of other languages.
const YES: [&str; 22] = [
    "true",
    "yes",
    "y",
    "t",
    "1",
    "1.0",
    "wahr",
    "vrai",
    "vero",
    "verdadero",
    "verdadeiro",
    "waar",
    "sann",
    "sant",
    "sand",
    "tosi",
    "igaz",
    "prawda",
    "pravda",
    "doğru",
    "истина",
    "істина",
];
const NO: [&str; 22] = [
    "false",
    "no",
    "n",
    "f",
    "0",
    "0.0",
    "falsch",
    "faux",
    "falso",
    "onwaar",
    "usann",
    "falskt",
    "falsk",
    "epätosi",
    "hamis",
    "fałsz",
    "nepravda",
    "yanlış",
    "yanliş",
    "ложь",
    "хибність",
    "fals",
];

/// The columns whose cells are JSON.
const JSON_COLUMNS: [&str; 3] = ["additional_fields", "consents", "password_history"];

/// What separates cells: Excel writes `;` where the comma is in numbers, and tabs are copied from sheets.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Comes behind the last row, on a line of its own: a quote that nobody closed swallows it. No cell may have a NUL.
const END: &[u8] = b"\0end\0";

/// Hands the users of a file with a header and rows to `importer`.
pub fn read(mut file: impl BufRead, importer: &mut Importer<'_>) -> anyhow::Result<()> {
    let start = file.fill_buf()?;
    ensure!(!start.trim_ascii().is_empty(), "it is empty");
    let (separator, skipped) = separator(start);
    for _ in 0..skipped {
        file.skip_until(b'\n')?;
    }
    let separator = separator?;
    let (file, lines) = Counted::new(file, skipped + 1);
    let mut file = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(separator)
        .from_reader(file.chain(&b"\n"[..]).chain(END));
    let is_open = |cell: &str| cell.as_bytes().ends_with(END);
    ensure!(
        !file.headers()?.iter().any(is_open),
        "a quote begins in the header and does not end"
    );
    let mut head = Head::of(file.headers()?)?;
    let mut row = csv::ByteRecord::new();
    while file.read_byte_record(&mut row)? {
        let is_nothing = |cell: &[u8]| cell.trim_ascii().is_empty() || cell == END;
        if row.iter().all(is_nothing) {
            continue;
        }
        if let Some(other) = Head::of_joined(&row) {
            head = other;
            continue;
        }
        if let Some(number) = head.nameless(&row) {
            importer.note(&format!("column {number} has no name and is passed over"));
        }
        let line = row.position().map_or(0, |it| lines.at(it.byte()));
        let place = format!("line {line}");
        if row.iter().any(|cell| cell.ends_with(END)) {
            let err = anyhow!("a quote begins there that does not end before the file does");
            importer.add(Origin::at(place), Err(err))?;
            continue;
        }
        match Line::from_cells(&head, &row) {
            Ok(user) => importer.add(user.origin(place), Ok(user))?,
            Err(err) => importer.add(Origin::at(place), Err(err))?,
        }
    }
    Ok(())
}

/// What separates cells, and how many lines stand before the header: Excel's `sep=;` may.
fn separator(begin: &[u8]) -> (anyhow::Result<u8>, u64) {
    let mut lines = begin.split(|it| matches!(it, b'\r' | b'\n'));
    let first = lines.next().unwrap_or_default();
    match first {
        [b's', b'e', b'p', b'=', separator] => return (Ok(*separator), 1),
        [b'[' | b'{', ..] => {
            let err = anyhow!(
                "it is no table but JSON; read it with --from jsonl, or with --from django if dumpdata wrote it"
            );
            return (Err(err), 0);
        }
        _ => {}
    }
    let known = |separator: &u8| {
        let names = first.split(|it| it == separator);
        names
            .filter(|it| column(&String::from_utf8_lossy(it)).is_some())
            .count()
    };
    // The last of equals is taken, and that is the comma.
    let best = SEPARATORS.into_iter().rev().max_by_key(known);
    (Ok(best.unwrap_or(b',')), 0)
}

/// The column that a name in the header means, however it is written: `E-Mail`, `First name`, `username`.
fn column(name: &str) -> Option<&'static str> {
    let name = letters(name);
    COLUMNS.into_iter().find(|it| letters(it) == name)
}

fn letters(name: &str) -> String {
    let letters = name.chars().filter(|it| it.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// The columns of a table.
struct Head {
    /// None for a column without a name: pandas writes one with the numbers of rows.
    columns: Vec<Option<&'static str>>,
    /// Whether something may stand in one that nobody has been told of.
    has_nameless: bool,
}

impl Head {
    fn of(names: &csv::StringRecord) -> anyhow::Result<Self> {
        let is_password = |name: &str| letters(name) == "password";
        ensure!(!names.iter().any(is_password), NO_PASSWORDS);
        // What is no header at all is not shown: it may be a secret.
        ensure!(
            names.iter().any(|it| column(it).is_some()),
            "its first line names no column that is known; they are: {}",
            COLUMNS.join(", ")
        );
        let mut columns = Vec::with_capacity(names.len());
        for (name, number) in names.iter().zip(1..) {
            let found = column(name);
            if found.is_none() && !name.trim().is_empty() {
                bail!(
                    "the column {} is unknown; the columns are {}",
                    quoted(name),
                    COLUMNS.join(", ")
                );
            }
            ensure!(
                found.is_none() || !columns.contains(&found),
                "the column {name:?} is there twice, the second time as column {number}"
            );
            columns.push(found);
        }
        Ok(Self {
            has_nameless: columns.contains(&None),
            columns,
        })
    }

    /// The header of the next file, where tables were joined.
    fn of_joined(row: &csv::ByteRecord) -> Option<Self> {
        let first = row.iter().find(|it| !it.is_empty())?;
        column(std::str::from_utf8(first).ok()?)?;
        let names = csv::StringRecord::from_byte_record(row.clone()).ok()?;
        let head = Self::of(&names).ok()?;
        // A single word may be a name.
        let is_head = head.columns.iter().flatten().count() > 1;
        is_head.then_some(head)
    }

    /// The first column without a name that something stands in, once.
    fn nameless(&mut self, row: &csv::ByteRecord) -> Option<usize> {
        if !self.has_nameless {
            return None;
        }
        let mut cells = self.columns.iter().zip(row);
        let found = cells.position(|(name, cell)| name.is_none() && !cell.trim_ascii().is_empty());
        self.has_nameless = found.is_none();
        found.map(|it| it + 1)
    }
}

impl Line {
    /// Reads a row of CSV. An empty cell is a value that was left out.
    fn from_cells(head: &Head, row: &csv::ByteRecord) -> anyhow::Result<Self> {
        let columns = &head.columns;
        let is_blank = |cell: &[u8]| cell.trim_ascii().is_empty();
        ensure!(
            row.len() >= columns.len() && row.iter().skip(columns.len()).all(is_blank),
            "it has {}, and the header has {}",
            counted(row.len(), "cell", "cells"),
            columns.len()
        );
        let mut fields = Map::new();
        for (name, cell) in columns.iter().zip(row).filter(|(_, it)| !is_blank(it)) {
            let Some(name) = *name else { continue };
            let cell = std::str::from_utf8(cell).map_err(|_| {
                anyhow!("{name}: it is not UTF-8; Excel saves that as \"CSV UTF-8\"")
            })?;
            fields.insert(name.to_owned(), value(name, cell)?);
        }
        serde_json::from_value(Value::Object(fields)).map_err(|err| misfit(&err))
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

/// What a cell says.
fn value(column: &str, cell: &str) -> anyhow::Result<Value> {
    if column == "id" {
        // A column of numbers with a gap in it becomes one of fractions.
        let number = cell.trim();
        let number = number.strip_suffix(".0").unwrap_or(number);
        let number: i64 = number
            .parse()
            .map_err(|_| anyhow!("id: {} is no number", quoted(cell)))?;
        return Ok(number.into());
    }
    if TRUTHS.contains(&column) {
        let word = cell.trim().to_lowercase();
        let is_yes = YES.contains(&&*word);
        ensure!(
            is_yes || NO.contains(&&*word),
            "{column}: {} is neither true nor false",
            quoted(cell)
        );
        return Ok(is_yes.into());
    }
    if JSON_COLUMNS.contains(&column) {
        return serde_json::from_str(cell).map_err(|err| misfit(&err).context(column.to_owned()));
    }
    Ok(Value::String(without_formula_mark(cell).to_owned()))
}
