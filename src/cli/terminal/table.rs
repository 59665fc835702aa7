//! Tables for people. At a terminal a table has the columns that people need, as many as fit, and a
//! word is never cut; elsewhere it is whole.

use std::io;
use std::io::IsTerminal;

use serde_json::{Map, Value};
use tabled::builder::Builder;
use tabled::grid::util::string::get_string_width;
use tabled::settings::object::{Cell, Columns, Rows};
use tabled::settings::{Color, Style, Width};

use crate::domain::Timestamp;
use crate::visible::visible;

pub(crate) type Row = Map<String, Value>;

/// Where tables are shown.
pub(crate) struct Screen {
    /// None where there is no terminal, or one that does not know.
    width: Option<usize>,
    is_terminal: bool,
    is_colourful: bool,
    now: Timestamp,
}

impl Screen {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            width: terminal_width(),
            is_terminal: io::stdout().is_terminal(),
            is_colourful: is_colourful(),
            now,
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Some rows, of which `wanted` columns are to be seen, the most important first; or all columns.
    pub(crate) fn table(&self, rows: &[Row], wanted: &[&str]) -> String {
        let Some(first) = rows.first() else {
            return String::new();
        };
        let names: Vec<&str> = first.keys().map(String::as_str).collect();
        let mut lines = vec![names.iter().map(|it| title(it)).collect::<Vec<_>>()];
        lines.extend(rows.iter().map(|row| self.cells(row)));
        let all: Vec<Column> = (0..names.len()).map(|it| Column::of(&lines, it)).collect();
        let mut shown: Vec<usize> = (0..names.len()).collect();
        if let Some(width) = self.width.filter(|_| !wanted.is_empty()) {
            shown = fitting(&names, &all, wanted, width);
        }
        let columns: Vec<&Column> = shown.iter().map(|it| &all[*it]).collect();
        let Some(widths) = widths(&columns, self.width) else {
            let names: Vec<&str> = shown.iter().map(|it| names[*it]).collect();
            let cards: Vec<String> = rows.iter().map(|row| self.card(row, &names)).collect();
            return cards.join("\n");
        };
        let cells = lines
            .iter()
            .map(|line| shown.iter().map(|it| line[*it].clone()).collect::<Vec<_>>());
        let mut table = Builder::from_iter(cells).build();
        table.with(Style::rounded());
        for (index, width) in widths.iter().enumerate() {
            table.modify(Columns::one(index), Width::wrap(*width).keep_words(true));
        }
        if self.is_colourful {
            table.modify(Rows::first(), Color::BOLD);
            for (row, fields) in rows.iter().enumerate() {
                for (index, name) in shown.iter().map(|it| names[*it]).enumerate() {
                    if let Some(colour) = fields.get(name).and_then(|it| colour(name, it)) {
                        table.modify(Cell::new(row + 1, index), colour);
                    }
                }
            }
        }
        format!("{table}\n")
    }

    /// A row, with a line for each name and its value. A value may be longer than the line.
    pub(crate) fn card(&self, row: &Row, names: &[&str]) -> String {
        let widest = names.iter().map(|it| it.len()).max().unwrap_or_default();
        let mut card = String::new();
        for name in names {
            let value = row.get(*name).unwrap_or(&Value::Null);
            let mut shown = cell(name, value);
            if let Some(relative) = self.relative(name, value) {
                shown = format!("{shown} ({relative})");
            }
            if let Some(colour) = colour(name, value).filter(|_| self.is_colourful) {
                shown = colour.colorize(&shown);
            }
            let line = format!("{name:widest$}  {shown}");
            card.push_str(line.trim_end());
            card.push('\n');
        }
        card
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let cells = row.iter().map(|(name, value)| {
            self.relative(name, value)
                .unwrap_or_else(|| cell(name, value))
        });
        cells.collect()
    }

    /// How long ago, for people at a terminal.
    fn relative(&self, name: &str, value: &Value) -> Option<String> {
        let is_time = name == "at" || name.ends_with("_at");
        let time = Timestamp::parse(value.as_str()?)?;
        (self.is_terminal() && is_time).then(|| relative(time, self.now))
    }
}

/// What a column holds.
struct Column {
    widest: usize,
    /// So narrow it can be without cutting a word.
    least: usize,
}

impl Column {
    fn of(lines: &[Vec<String>], index: usize) -> Self {
        let cells = || lines.iter().map(|line| line[index].as_str());
        let words = cells().flat_map(str::split_whitespace);
        Self {
            widest: cells().map(get_string_width).max().unwrap_or_default(),
            least: words.map(get_string_width).max().unwrap_or_default(),
        }
    }
}

/// A border and two blanks for each column, and a border at the end.
fn whole(widths: impl Iterator<Item = usize>) -> usize {
    widths.map(|it| it + 3).sum::<usize>() + 1
}

/// The columns that fit as they are, the most important first, in their usual order.
fn fitting(names: &[&str], all: &[Column], wanted: &[&str], width: usize) -> Vec<usize> {
    let place = |name: &&str| names.iter().position(|it| it == name);
    let mut shown: Vec<usize> = Vec::new();
    for index in wanted.iter().filter_map(place) {
        let widths = shown.iter().chain([&index]).map(|it| all[*it].widest);
        let needed = whole(widths);
        if shown.len() < 2 || needed <= width {
            shown.push(index);
        }
    }
    shown.sort_unstable();
    shown
}

/// The width of each column, or none if some word would have to be cut.
fn widths(columns: &[&Column], width: Option<usize>) -> Option<Vec<usize>> {
    let mut widths: Vec<usize> = columns.iter().map(|it| it.widest).collect();
    while width.is_some_and(|width| whole(widths.iter().copied()) > width) {
        let can_shrink = |it: &usize| widths[*it] > columns[*it].least;
        let widest = (0..widths.len())
            .filter(can_shrink)
            .max_by_key(|it| widths[*it]);
        widths[widest?] -= 1;
    }
    Some(widths)
}

/// `last_login_at` is `LAST LOGIN` above a column.
pub(crate) fn title(name: &str) -> String {
    let name = name.strip_prefix("is_").unwrap_or(name);
    let name = name.strip_suffix("_at").unwrap_or(name);
    name.to_uppercase().replace('_', " ")
}

pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The value of a setting is shown as it can be set.
fn cell(name: &str, value: &Value) -> String {
    match value {
        Value::Bool(true) if name != "value" => "yes".to_owned(),
        Value::Bool(false) if name != "value" => "no".to_owned(),
        other => visible(&plain(other)),
    }
}

/// `5 min ago`, `in 3 days`.
fn relative(time: Timestamp, now: Timestamp) -> String {
    let seconds = time.seconds_since(now);
    let length = seconds.unsigned_abs();
    let (one, unit) = match length {
        0..60 => return "now".to_owned(),
        60..3_600 => (60, "min"),
        3_600..172_800 => (3_600, "h"),
        172_800..5_184_000 => (86_400, "days"),
        5_184_000..63_072_000 => (2_592_000, "months"),
        _ => (31_536_000, "years"),
    };
    // What began a moment ago and lasts a day ends in 24 hours, not in 23.
    let count = length.saturating_add(one / 2) / one;
    if seconds < 0 {
        format!("{count} {unit} ago")
    } else {
        format!("in {count} {unit}")
    }
}

/// States that are well, need a look, or are wrong.
fn colour(name: &str, value: &Value) -> Option<Color> {
    match (name, value) {
        ("is_active" | "is_good", Value::Bool(false)) | ("is_weak", Value::Bool(true)) => {
            Some(Color::FG_RED)
        }
        ("signs" | "is_good", Value::Bool(true)) => Some(Color::FG_GREEN),
        ("state", Value::String(state)) => match state.as_str() {
            "ok" | "sent" | "signs" => Some(Color::FG_GREEN),
            "warning" | "queued" => Some(Color::FG_YELLOW),
            "failed" | "expired" | "retired" => Some(Color::FG_RED),
            _ => None,
        },
        _ => None,
    }
}

/// Whether standard output is a terminal that nobody wants plain (https://no-color.org,
/// https://bixense.com/clicolors).
fn is_colourful() -> bool {
    let value = |name| std::env::var_os(name).filter(|it| !it.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|it| it == "dumb");
    let is_forced = value("CLICOLOR_FORCE").is_some_and(|it| it != "0");
    let is_off = value("NO_COLOR").is_some() || value("CLICOLOR").is_some_and(|it| it == "0");
    !is_off && (is_forced || io::stdout().is_terminal() && !is_dumb)
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (io::stdout().is_terminal() && size.ws_col > 0).then_some(usize::from(size.ws_col))
}
