//! `user export`: all users into a file, or to standard output.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::file_name::{is_csv, is_packed};
use crate::cli::destination::check_may_write;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::terminal::output::note;
use crate::cli::terminal::progress::Bar;
use crate::domain::counted;
use crate::interrupt::Interrupt;
use crate::private_file::end_of_links;
use crate::private_file::own_files::check_not_own;
use crate::private_file::replace::{Draft, is_standard_output, stream};
use crate::progress::Progress;
use crate::transfer::export::{Format, packed};
use crate::visible::Visible;

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth user export --with-hashes users.jsonl",
    "minisass-auth user export users.csv.gz",
    "minisass-auth user export --as csv > users.csv",
]))]
pub(crate) struct Export {
    /// The file to write, with mode 0600, packed if its name ends in .gz; `-` writes to standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// How to write it [default: csv if the file's name ends in .csv or .csv.gz, else jsonl]
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<Kind>,
    /// Replace the file, if it is there
    #[arg(long)]
    force: bool,
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

impl Export {
    fn kind(&self) -> Kind {
        let by_name = || match is_csv(&self.file) {
            true => Kind::Csv,
            false => Kind::Jsonl,
        };
        self.kind.unwrap_or_else(by_name)
    }

    /// Packed, if the name of the file says so.
    fn write(
        &self,
        out: impl Write + IsTerminal,
        progress: &Progress,
        job: &Job,
    ) -> anyhow::Result<u64> {
        if is_packed(&self.file) {
            return packed(out, |out| self.write_plain(out, false, progress, job));
        }
        let is_terminal = out.is_terminal();
        self.write_plain(out, is_terminal, progress, job)
    }

    fn write_plain(
        &self,
        out: impl Write,
        is_terminal: bool,
        progress: &Progress,
        job: &Job,
    ) -> anyhow::Result<u64> {
        let kind = self.kind();
        let format = match kind {
            Kind::Jsonl => Format::JsonLines,
            Kind::Csv => Format::Csv,
        };
        let exporter = job.operator.exporter(format, self.with_hashes);
        // JSON says the same in characters that do nothing.
        let mut out: Box<dyn Write> = match kind {
            Kind::Jsonl => Box::new(Visible::json(BufWriter::new(out))),
            Kind::Csv if is_terminal => Box::new(Visible::text(BufWriter::new(out))),
            Kind::Csv => Box::new(BufWriter::new(out)),
        };
        let count = job.wait(exporter.write(&mut out, progress))?;
        out.flush()?;
        Ok(count)
    }

    /// A reader finds the old file or the whole new one.
    fn write_file(&self, file: &Path, progress: &Progress, job: &Job) -> anyhow::Result<u64> {
        let draft = Draft::beside(file)?;
        let out = File::options().write(true).open(draft.path())?;
        let count = self.write(out, progress, job)?;
        draft.keep(file, self.force)?;
        Ok(count)
    }
}

pub(crate) fn run(export: &Export, job: &Job) -> anyhow::Result<()> {
    let bar = Bar::of("exporting users");
    if export.file == Path::new("-") || is_standard_output(&export.file) {
        export.write(io::stdout(), &bar.progress(None), job)?;
        return Ok(());
    }
    let settings = &job.settings;
    // Whoever made a link wants it to stay, and the file that it leads to written.
    let file = end_of_links(&export.file);
    for place in [&export.file, &file] {
        check_not_own(place, &settings.data_dir, &settings.database_file())?;
    }
    let shown = export.file.display();
    let stream = stream(&file).with_context(|| format!("cannot write {shown}"))?;
    if let Some(stream) = stream {
        export.write(stream, &bar.progress(None), job)?;
        return Ok(());
    }
    // A link that leads nowhere has the name too.
    let is_taken = export.file.symlink_metadata().is_ok();
    ensure!(
        export.force || !is_taken,
        "{shown} exists already; choose another name, or replace it with --force"
    );
    check_may_write(&file, &settings.data_dir)?;
    let interrupt = Interrupt::watch()?;
    let progress = bar.progress(Some(&interrupt));
    let written = export
        .write_file(&file, &progress, job)
        .with_context(|| format!("cannot write {shown}; make room, or choose another place"));
    bar.clear();
    let count = interrupt.explain(written, "the file was not written; run it again")?;
    note(&format!(
        "{} in {shown}",
        counted(count, "user is", "users are")
    ));
    Ok(())
}
