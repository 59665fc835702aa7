//! Results on standard output: as a table, JSON or CSV.

use std::io::{self, BufWriter, Stdout, Write};

use anyhow::{Context as _, bail, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use serde_json::{Map, Value};

use super::table::{Row, Screen, plain, title};
use crate::domain::{Timestamp, formula_safe};
use crate::visible::{visible, visible_json};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Json,
    Csv,
}

/// What `--format` takes.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WantedFormat {
    /// For people
    Table,
    /// One document with stable names, for programs
    Json,
    /// For spreadsheets
    Csv,
    /// The OpenAPI document only
    #[value(hide = true)]
    Yaml,
}

/// What it takes where a document is printed.
pub(crate) fn document_format() -> impl TypedValueParser<Value = WantedFormat> {
    PossibleValuesParser::new(["json", "yaml"]).map(|it| match &*it {
        "yaml" => WantedFormat::Yaml,
        _ => WantedFormat::Json,
    })
}

/// How results are to be printed.
#[derive(clap::Args)]
pub(crate) struct How {
    /// How to print results
    #[arg(
        long,
        global = true,
        hide = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    format: WantedFormat,
    /// Only these columns, in this order
    #[arg(
        long,
        global = true,
        hide = true,
        value_name = "NAMES",
        value_delimiter = ','
    )]
    columns: Vec<String>,
    /// All columns, also where they do not fit
    #[arg(long, global = true, hide = true, conflicts_with = "columns")]
    wide: bool,
}

impl How {
    /// What is wrong with the columns that were asked for, if a table has `known`.
    pub(crate) fn unknown_column(&self, known: &[&str]) -> Option<String> {
        let typed = self.columns.iter().map(|it| spelled(it));
        let mut typed = typed.filter(|it| !it.is_empty());
        let unknown = typed.find(|typed| !known.iter().any(|it| is_column(typed, it)))?;
        Some(no_column(&unknown, &known.join(", ")))
    }

    pub(crate) fn chooses_columns(&self) -> bool {
        self.wide || !self.columns.is_empty()
    }

    /// Whether the OpenAPI document is wanted in YAML.
    pub(crate) fn wants_yaml(&self) -> bool {
        self.format == WantedFormat::Yaml
    }
}

/// What was asked for is done, and nobody was told.
#[derive(Debug, thiserror::Error)]
#[error("it is done, and only the answer could not be written ({}); do not run it again for that", .0.kind())]
pub(crate) struct Untold(io::Error);

/// Where results go.
struct Standard {
    out: Stdout,
    /// Whether the work goes on when this breaks: what is changed must not stay half done because nobody
    /// reads what is said of it.
    goes_on: bool,
    broken: Option<io::Error>,
}

impl Standard {
    fn note<T>(&mut self, done: io::Result<T>, instead: T) -> io::Result<T> {
        match done {
            Err(err) if self.goes_on && err.kind() != io::ErrorKind::Interrupted => {
                self.broken.get_or_insert(err);
                Ok(instead)
            }
            done => done,
        }
    }
}

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.note(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.note(flushed, ())
    }
}

/// Standard output.
pub(crate) struct Output {
    pub(crate) format: Format,
    /// Whether what is said has not happened.
    pub(crate) is_dry: bool,
    columns: Vec<String>,
    is_wide: bool,
    /// The columns that people need, the most important first; empty if all are.
    needed: &'static [&'static str],
    screen: Screen,
    out: BufWriter<Standard>,
}

impl Output {
    /// `changes` says whether the command does more than to read.
    pub(crate) fn new(how: How, (changes, is_dry): (bool, bool), now: Timestamp) -> Self {
        Self {
            format: match how.format {
                WantedFormat::Table => Format::Table,
                WantedFormat::Csv => Format::Csv,
                WantedFormat::Json | WantedFormat::Yaml => Format::Json,
            },
            is_dry,
            columns: how.columns.iter().map(|it| spelled(it)).collect(),
            is_wide: how.wide,
            needed: &[],
            screen: Screen::new(now),
            out: BufWriter::new(Standard {
                out: io::stdout(),
                goes_on: changes && !is_dry,
                broken: None,
            }),
        }
    }

    /// Says which columns people need at a terminal, the most important first.
    pub(crate) fn need(&mut self, columns: &'static [&'static str]) {
        self.needed = columns;
    }

    /// Whether somebody asked for a column that is not in every list.
    pub(crate) fn wants(&self, column: &str) -> bool {
        self.is_wide || self.columns.iter().any(|it| is_column(it, column))
    }

    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        self.out.flush()?;
        let broken = self.out.get_mut().broken.take();
        broken.map_or(Ok(()), |err| Err(Untold(err).into()))
    }

    /// A text of our own as it is.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// A sentence for people, about names that others chose.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        let mark = if self.is_dry { "dry run: " } else { "" };
        writeln!(self.out, "{mark}{}", visible(text))
    }

    /// One result, whose names are stable: a table of names and values, an object, or a header and a row.
    pub(crate) fn one(&mut self, row: &impl Serialize) -> anyhow::Result<()> {
        let row = self.chosen(fields(row)?)?;
        match self.format {
            Format::Table => {
                let names: Vec<&str> = row.keys().map(String::as_str).collect();
                let card = self.screen.card(&row, &names);
                Ok(self.text(&card)?)
            }
            Format::Json => {
                let json = format!("{:#}", Value::Object(row));
                Ok(writeln!(self.out, "{}", visible_json(&json))?)
            }
            Format::Csv => self.csv(&[row], true),
        }
    }

    /// What was done: a sentence for people, a result for programs.
    pub(crate) fn done(&mut self, sentence: &str, row: &impl Serialize) -> anyhow::Result<()> {
        match self.format {
            Format::Table => Ok(self.line(sentence)?),
            Format::Json | Format::Csv => self.one(row),
        }
    }

    /// What was named: an object if that is one thing.
    pub(crate) fn named<T: Serialize>(&mut self, rows: &[T]) -> anyhow::Result<()> {
        match rows {
            [row] => self.one(row),
            rows => self.rows(rows),
        }
    }

    /// Many results that are in memory.
    pub(crate) fn rows<T: Serialize>(
        &mut self,
        rows: impl IntoIterator<Item = T>,
    ) -> anyhow::Result<()> {
        let page = rows.into_iter().collect();
        self.many(std::iter::once(Ok(page))).map(drop)
    }

    /// Many results, page by page, so that they need not be in memory together.
    pub(crate) fn many<T: Serialize>(
        &mut self,
        pages: impl Iterator<Item = anyhow::Result<Vec<T>>>,
    ) -> anyhow::Result<usize> {
        let mut count = 0;
        for page in pages {
            let rows = page?
                .iter()
                .map(|row| self.chosen(fields(row)?))
                .collect::<anyhow::Result<Vec<_>>>()?;
            match self.format {
                Format::Table => self.table(&rows)?,
                Format::Json => self.json(&rows, count == 0)?,
                Format::Csv => self.csv(&rows, count == 0)?,
            }
            count += rows.len();
        }
        if self.format == Format::Json {
            self.text(if count == 0 { "[]\n" } else { "\n]\n" })?;
        }
        // What is said of a list comes behind it.
        self.out.flush()?;
        Ok(count)
    }

    /// The columns that were asked for, in that order.
    fn chosen(&self, mut row: Row) -> anyhow::Result<Row> {
        if self.columns.is_empty() {
            return Ok(row);
        }
        let known: Vec<String> = row.keys().cloned().collect();
        let mut chosen = Map::new();
        for typed in self.columns.iter().filter(|it| !it.is_empty()) {
            let Some(name) = known.iter().find(|it| is_column(typed, it)) else {
                bail!(no_column(typed, &known.join(", ")));
            };
            let value = row.shift_remove(name);
            let value = value.with_context(|| format!("--columns names {name} twice"))?;
            chosen.insert(name.clone(), value);
        }
        ensure!(
            !chosen.is_empty(),
            "--columns names none of {}",
            known.join(", ")
        );
        Ok(chosen)
    }

    fn table(&mut self, rows: &[Row]) -> io::Result<()> {
        let is_chosen = self.is_wide || !self.columns.is_empty();
        let needed = if is_chosen { &[] } else { self.needed };
        let table = self.screen.table(rows, needed);
        self.text(&table)
    }

    fn json(&mut self, rows: &[Row], first: bool) -> anyhow::Result<()> {
        for (index, row) in rows.iter().enumerate() {
            self.text(if first && index == 0 {
                "[\n  "
            } else {
                ",\n  "
            })?;
            self.text(&visible_json(&serde_json::to_string(row)?))?;
        }
        Ok(())
    }

    /// A spreadsheet gets the characters as they are, and a terminal does not.
    fn csv(&mut self, rows: &[Row], with_head: bool) -> anyhow::Result<()> {
        let show = if self.screen.is_terminal() {
            |text: String| visible(&text)
        } else {
            |text| text
        };
        let mut writer = csv::Writer::from_writer(&mut self.out);
        if let Some(first) = rows.first().filter(|_| with_head) {
            writer.write_record(first.keys())?;
        }
        for row in rows {
            writer.write_record(row.values().map(|value| show(formula_safe(plain(value)))))?;
        }
        Ok(writer.flush()?)
    }
}

/// Says something beside the result, in a line on standard error. A name in it may be anything that
/// somebody else chose.
pub(crate) fn note(text: &str) {
    // Nobody may be listening; the result does not depend on it.
    let _ = writeln!(io::stderr(), "{}", visible(text));
}

fn no_column(typed: &str, known: &str) -> String {
    format!("there is no column {typed:?}; there are {known}")
}

/// A column as it is spelled in results, whatever somebody typed.
fn spelled(typed: &str) -> String {
    typed.trim().to_lowercase().replace([' ', '-'], "_")
}

/// Whether a column is meant by its name, or by what stands above it.
fn is_column(typed: &str, name: &str) -> bool {
    typed == name || typed == spelled(&title(name))
}

fn fields(row: &impl Serialize) -> anyhow::Result<Row> {
    match serde_json::to_value(row)? {
        Value::Object(fields) => Ok(fields),
        other => Ok(Map::from_iter([("value".to_owned(), other)])),
    }
}
