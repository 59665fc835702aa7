//! `user export`: all users, a page at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::config::{Config, said};
use super::output::note;
use super::user_cells::COLUMNS;
use super::user_line::{Line, PolicyLine};
use crate::domain::UserId;

/// So many users are in memory at once.
const PAGE: usize = 500;

/// The columns that are only there with hashes, at the end.
const HASH_COLUMNS: usize = 2;

#[derive(clap::Args)]
pub(super) struct Export {
    /// The file to write, with mode 0600; `-` writes to standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// How to write it
    #[arg(long = "as", value_name = "KIND", default_value = "jsonl")]
    kind: Kind,
    /// With the hashes of passwords, which let somebody guess the passwords
    #[arg(long)]
    with_hashes: bool,
}

/// How users stand in a file.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// JSON Lines: an object a line, privacy policies first
    Jsonl,
    /// A header and a row for each user; privacy policies are not in it
    Csv,
}

pub(super) fn run(export: &Export, config: &Config) -> anyhow::Result<()> {
    if export.file == Path::new("-") {
        let mut out = BufWriter::new(io::stdout());
        write(export, config, &mut out)?;
        return Ok(out.flush()?);
    }
    // Whoever looks finds the old file or the whole new one.
    let mut part = export.file.clone().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    let shown = export.file.display();
    let written = write_file(&part, export, config)
        .and_then(|count| Ok(fs::rename(&part, &export.file).map(|()| count)?));
    if written.is_err() {
        // The error that is shown is the first one.
        let _ = fs::remove_file(&part);
    }
    let count = written.with_context(|| format!("cannot write {shown}"))?;
    note(&format!("{count} users are in {shown}"));
    Ok(())
}

fn write_file(part: &Path, export: &Export, config: &Config) -> anyhow::Result<usize> {
    // What an interrupted export left may have another mode.
    if fs::exists(part)? {
        fs::remove_file(part)?;
    }
    let file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)?;
    let mut out = BufWriter::new(file);
    let count = write(export, config, &mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(count)
}

fn write(export: &Export, config: &Config, out: &mut impl Write) -> anyhow::Result<usize> {
    let columns = match export.with_hashes {
        true => &COLUMNS[..],
        false => &COLUMNS[..COLUMNS.len() - HASH_COLUMNS],
    };
    match export.kind {
        Kind::Csv => csv::Writer::from_writer(&mut *out).write_record(columns)?,
        Kind::Jsonl => {
            let policies = config.wait(config.accounts.policies()).map_err(said)?;
            for policy in policies.into_iter().rev() {
                writeln!(out, "{}", json!({"policy": PolicyLine::of(policy)}))?;
            }
        }
    }
    let mut after = UserId(0);
    let mut count = 0;
    loop {
        let page = config
            .wait(config.accounts.export(after, PAGE))
            .map_err(said)?;
        let Some(last) = page.last().and_then(|it| it.id) else {
            return Ok(count);
        };
        after = last;
        count += page.len();
        let lines = page.into_iter().map(|it| Line::of(it, export.with_hashes));
        match export.kind {
            Kind::Csv => {
                let mut csv = csv::Writer::from_writer(&mut *out);
                for line in lines {
                    csv.write_record(line.cells(columns)?)?;
                }
                csv.flush()?;
            }
            Kind::Jsonl => {
                for line in lines {
                    serde_json::to_writer(&mut *out, &line)?;
                    out.write_all(b"\n")?;
                }
            }
        }
    }
}
