//! `user import`: reads a file as a stream and adds its users in batches.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::cli::terminal::output::{Output, note};
use crate::compose::Config;
use crate::transfer::batch::{Importing, NAMED};
use crate::transfer::{django, read};

#[derive(clap::Args)]
pub(crate) struct Import {
    /// The file to read; `-` reads standard input
    file: PathBuf,
    /// What the file is
    #[arg(long, value_name = "KIND", default_value = "jsonl")]
    from: Kind,
    /// Do everything, then undo it
    #[arg(long)]
    dry_run: bool,
    /// What happens to a batch of 1000 users if one of them cannot be added
    #[arg(long, value_name = "WHAT", default_value = "hold-back")]
    on_error: OnError,
}

/// What wrote the file.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// JSON Lines, as `user export` writes them
    Jsonl,
    /// A header and rows, as `user export --as csv` writes them
    Csv,
    /// JSON of Django's `manage.py dumpdata`; superusers become staff
    Django,
}

/// What happens to the others of a batch.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnError {
    /// Nobody of that batch is added; repair the file and run the command again
    HoldBack,
    /// All others of that batch are added
    Skip,
}

pub(crate) fn run(import: &Import, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let shown = if import.file == Path::new("-") {
        "standard input".to_owned()
    } else {
        let shown = import.file.display().to_string();
        File::open(&import.file).with_context(|| format!("cannot read {shown}"))?;
        shown
    };
    let is_skipping = import.on_error == OnError::Skip;
    let mut importing = Importing::new(config, import.dry_run, is_skipping)?;
    let read = match import.from {
        Kind::Jsonl => read::lines(&import.file, &mut importing),
        Kind::Csv => read::csv(&import.file, &mut importing),
        Kind::Django => django::read(&import.file, &mut importing),
    };
    let done = importing.finish();
    importing.bar.clear();
    let summary = &importing.summary;
    output.one(summary)?;
    output.finish()?;
    done?;
    read.with_context(|| format!("cannot read {shown} to its end"))?;
    if summary.failed > NAMED {
        note(&format!("{} more failed", summary.failed - NAMED));
    }
    ensure!(
        summary.failed == 0,
        "{} of the users in {shown} failed and {} were held back; repair the file and run this again{}",
        summary.failed,
        summary.held_back,
        if is_skipping {
            ""
        } else {
            ", or add --on-error skip"
        }
    );
    Ok(())
}
