//! Results on standard output: as a table, JSON or CSV.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use serde::Serialize;
use serde_json::{Map, Value};
use tabled::Table;
use tabled::builder::Builder;
use tabled::grid::util::string::get_string_width;
use tabled::settings::peaker::Priority;
use tabled::settings::{Style, Width};

use crate::domain::formula_safe;

/// A cell is wrapped at this width and not before: a date fits.
const NARROWEST: usize = 10;

/// How to print results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One document with stable names, for programs
    Json,
    /// For spreadsheets
    Csv,
}

/// Standard output.
pub(crate) struct Output {
    pub(crate) format: Format,
    /// Whether what is said has not happened.
    pub(crate) is_dry: bool,
    out: BufWriter<Stdout>,
}

impl Output {
    pub(crate) fn new(format: Format, is_dry: bool) -> Self {
        Self {
            format,
            is_dry,
            out: BufWriter::new(io::stdout()),
        }
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// A text as it is.
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
        let row = fields(row)?;
        match self.format {
            Format::Table => Ok(self.card(&row)?),
            Format::Json => Ok(writeln!(self.out, "{:#}", Value::Object(row))?),
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
                .map(fields)
                .collect::<anyhow::Result<Vec<_>>>()?;
            match self.format {
                Format::Table => self.page(&rows)?,
                Format::Json => self.json(&rows, count == 0)?,
                Format::Csv => self.csv(&rows, count == 0)?,
            }
            count += rows.len();
        }
        if self.format == Format::Json {
            self.text(if count == 0 { "[]\n" } else { "\n]\n" })?;
        }
        Ok(count)
    }

    fn page(&mut self, rows: &[Map<String, Value>]) -> io::Result<()> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let head = first
            .keys()
            .map(|name| name.to_uppercase().replace('_', " "));
        let mut lines = vec![head.collect::<Vec<_>>()];
        lines.extend(rows.iter().map(|row| row.values().map(cell).collect()));
        if terminal_width().is_some_and(|width| least_width(&lines) > width) {
            return rows.iter().try_for_each(|row| self.card(row));
        }
        let mut table = Builder::from(lines).build();
        table.with(Style::rounded());
        self.table(table, is_colourful())
    }

    /// A row as a table of its own: names on the left, values on the right.
    fn card(&mut self, row: &Map<String, Value>) -> io::Result<()> {
        let lines = row.iter().map(|(name, value)| [name.clone(), cell(value)]);
        let mut table = Builder::from_iter(lines).build();
        table.with(Style::rounded().remove_horizontals());
        self.table(table, false)
    }

    fn table(&mut self, mut table: Table, is_bold: bool) -> io::Result<()> {
        if let Some(width) = terminal_width() {
            let wrap = Width::wrap(width).priority(Priority::max(true));
            table.with(wrap.keep_words(true));
        }
        let table = table.to_string();
        let table = if is_bold {
            with_bold_head(&table)
        } else {
            table
        };
        writeln!(self.out, "{table}")
    }

    fn json(&mut self, rows: &[Map<String, Value>], first: bool) -> anyhow::Result<()> {
        for (index, row) in rows.iter().enumerate() {
            self.text(if first && index == 0 {
                "[\n  "
            } else {
                ",\n  "
            })?;
            serde_json::to_writer(&mut self.out, row)?;
        }
        Ok(())
    }

    fn csv(&mut self, rows: &[Map<String, Value>], with_head: bool) -> anyhow::Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        if let Some(first) = rows.first().filter(|_| with_head) {
            writer.write_record(first.keys())?;
        }
        for row in rows {
            writer.write_record(row.values().map(|value| formula_safe(plain(value))))?;
        }
        Ok(writer.flush()?)
    }
}

/// Says something beside the result, on standard error.
pub(crate) fn note(text: &str) {
    // Nobody may be listening; the result does not depend on it.
    let _ = writeln!(io::stderr(), "{text}");
}

fn fields(row: &impl Serialize) -> anyhow::Result<Map<String, Value>> {
    match serde_json::to_value(row)? {
        Value::Object(fields) => Ok(fields),
        other => Ok(Map::from_iter([("value".to_owned(), other)])),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => visible(&plain(other)),
    }
}

/// What people typed must not move the cursor or turn the writing round (ASVS 5.0, 1.2.10 in spirit).
pub(crate) fn visible(text: &str) -> String {
    let invisible = |c: char| {
        let category = CodePointMapData::<GeneralCategory>::new().get(c);
        c.is_control()
            || matches!(
                category,
                GeneralCategory::Format
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
            )
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if invisible(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// How narrow a table can be and still be read.
fn least_width(lines: &[Vec<String>]) -> usize {
    let mut widths: Vec<usize> = Vec::new();
    for line in lines {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = get_string_width(cell).min(NARROWEST).max(*width);
        }
    }
    // A border and two blanks for each column, and a border at the end.
    widths.iter().map(|it| it + 3).sum::<usize>() + 1
}

/// Whether standard output is a terminal that nobody wants plain (https://no-color.org).
fn is_colourful() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|it| !it.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|it| it == "dumb");
    io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}

/// The head is our own words, so that nothing in it is taken for a border or a command.
fn with_bold_head(table: &str) -> String {
    let Some((head, rows)) = table.split_once("\n├") else {
        return table.to_owned();
    };
    let head = head.replace("│\n", "│\x1b[22m\n");
    let head = head.replace("│ ", "\x1b[22m│\x1b[1m ");
    format!("{head}\x1b[22m\n├{rows}")
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (io::stdout().is_terminal() && size.ws_col > 0).then_some(usize::from(size.ws_col))
}
