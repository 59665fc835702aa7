//! `user export`: all users, a page at a time.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::json;

use crate::cli::terminal::interrupt::Interrupt;
use crate::cli::terminal::output::note;
use crate::cli::terminal::progress::Bar;
use crate::compose::{Config, said};
use crate::domain::UserId;
use crate::private_file::replace::Draft;
use crate::progress::Step;
use crate::transfer::cells::COLUMNS;
use crate::transfer::record::{Line, PolicyLine};

/// So many users are in memory at once.
const PAGE: usize = 500;

/// The columns that are only there with hashes, at the end.
const HASH_COLUMNS: usize = 2;

#[derive(clap::Args)]
pub(crate) struct Export {
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

pub(crate) fn run(export: &Export, config: &Config) -> anyhow::Result<()> {
    let mut exporting = Exporting {
        export,
        config,
        bar: Bar::of("exporting users"),
        interrupt: None,
    };
    if export.file == Path::new("-") {
        let mut out = BufWriter::new(io::stdout());
        exporting.write(&mut out)?;
        return Ok(out.flush()?);
    }
    let interrupt = Interrupt::watch()?;
    exporting.interrupt = Some(interrupt.clone());
    let shown = export.file.display();
    let written = exporting
        .write_file()
        .with_context(|| format!("cannot write {shown}; make room, or choose another place"));
    exporting.bar.clear();
    let count = interrupt.explain(written, "the file was not written; run it again")?;
    note(&format!("{count} users are in {shown}"));
    Ok(())
}

struct Exporting<'a> {
    export: &'a Export,
    config: &'a Config,
    bar: Bar,
    interrupt: Option<Interrupt>,
}

impl Exporting<'_> {
    /// Whoever looks finds the old file or the whole new one.
    fn write_file(&self) -> anyhow::Result<u64> {
        let draft = Draft::beside(&self.export.file)?;
        let mut out = BufWriter::new(File::options().write(true).open(draft.path())?);
        let count = self.write(&mut out)?;
        out.flush()?;
        draft.keep(&self.export.file, true)?;
        Ok(count)
    }

    fn write(&self, out: &mut impl Write) -> anyhow::Result<u64> {
        let columns = match self.export.with_hashes {
            true => &COLUMNS[..],
            false => &COLUMNS[..COLUMNS.len() - HASH_COLUMNS],
        };
        let operator = &self.config.operator;
        match self.export.kind {
            Kind::Csv => csv::Writer::from_writer(&mut *out).write_record(columns)?,
            Kind::Jsonl => {
                let policies = self
                    .config
                    .wait(operator.accounts.policies())
                    .map_err(said)?;
                for policy in policies.into_iter().rev() {
                    writeln!(out, "{}", json!({"policy": PolicyLine::of(policy)}))?;
                }
            }
        }
        let all = operator.database_status().map_err(said)?.users;
        let (mut after, mut count) = (UserId(0), 0);
        loop {
            let page = self.config.wait(operator.export(after, PAGE));
            let page = page.map_err(said)?;
            let Some(last) = page.last().and_then(|it| it.id) else {
                return Ok(count);
            };
            after = last;
            count += page.len() as u64;
            let lines = page.into_iter();
            let lines = lines.map(|it| Line::of(it, self.export.with_hashes));
            match self.export.kind {
                Kind::Csv => write_cells(lines, columns, out)?,
                Kind::Jsonl => {
                    for line in lines {
                        serde_json::to_writer(&mut *out, &line)?;
                        out.write_all(b"\n")?;
                    }
                }
            }
            self.bar.at(Step::Done(count, all.unsigned_abs()));
            ensure!(
                !self.interrupt.as_ref().is_some_and(Interrupt::came),
                "interrupted"
            );
        }
    }
}

fn write_cells(
    lines: impl Iterator<Item = Line>,
    columns: &[&str],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    for line in lines {
        csv.write_record(line.cells(columns)?)?;
    }
    Ok(csv.flush()?)
}
