//! Files of users, as `user export` writes them, read as streams.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::bail;

use super::batch::Importing;
use super::cells::COLUMNS;
use super::record::{Line, PolicyLine};
use crate::cli::terminal::progress::Bar;

/// The longest line that is read, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// A line that is a version of the privacy policy.
#[derive(serde::Deserialize)]
struct Published {
    policy: PolicyLine,
}

/// So many bytes are read at once.
const CHUNK: usize = 1 << 16;

/// The file, whose progress the bar shows.
pub(crate) fn open(path: &Path, bar: &Bar) -> io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        let input = BufReader::with_capacity(CHUNK, bar.reading(io::stdin(), 0));
        return Ok(Box::new(input));
    }
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let input = BufReader::with_capacity(CHUNK, bar.reading(file, bytes));
    Ok(Box::new(input))
}

/// Reads JSON Lines.
pub(crate) fn lines(path: &Path, importing: &mut Importing<'_>) -> anyhow::Result<()> {
    let mut file = open(path, &importing.bar)?;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if file
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?
            == 0
        {
            break;
        }
        if line.len() as u64 == LONGEST_LINE {
            bail!("line {number} has more than {LONGEST_LINE} bytes");
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let place = format!("line {number}");
        match serde_json::from_slice::<Line>(&line) {
            Ok(user) => importing.add(place, user.record(importing.now))?,
            Err(err) => match serde_json::from_slice::<Published>(&line) {
                Ok(published) => match published.policy.recorded() {
                    Ok(policy) => importing.publish(policy),
                    Err(err) => importing.add(place, Err(err.context("policy")))?,
                },
                Err(_) => importing.add(place, Err(err.into()))?,
            },
        }
    }
    Ok(())
}

/// Reads a header and rows.
pub(crate) fn csv(path: &Path, importing: &mut Importing<'_>) -> anyhow::Result<()> {
    let mut file = csv::ReaderBuilder::new()
        .flexible(false)
        .from_reader(open(path, &importing.bar)?);
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
                let record = Line::from_cells(&head, &row).and_then(|it| it.record(importing.now));
                importing.add(format!("line {line}"), record)?;
            }
            Err(err) if err.is_io_error() => return Err(err.into()),
            Err(err) => importing.add(format!("line {line}"), Err(err.into()))?,
        }
    }
}
