//! `user import`: reads a file as a stream and adds its users in batches.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::terminal::output::{Output, note};
use crate::cli::terminal::progress::Bar;
use crate::failure::Failure;
use crate::interrupt::{Interrupt, Interrupted};
use crate::store::pending::Pending;
use crate::store::transfer::Fate;
use crate::transfer::import::{Ended, Host, Importer, NAMED, Options};
use crate::transfer::{csv_rows, django, json_lines};

/// How many bytes are read at once.
const CHUNK: usize = 1 << 16;

/// What editors on Windows put before a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth user import newcomers.jsonl --dry-run",
    "minisass-auth user import newcomers.csv --from csv --on-error skip",
    "minisass-auth user import dump.json --from django",
]))]
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

/// What the import needs of the command.
struct Terminal<'a> {
    job: &'a Job,
    bar: Bar,
    interrupt: Interrupt,
}

impl Host for Terminal<'_> {
    fn wait(&self, fates: Pending<Vec<Vec<Fate>>>) -> Result<Vec<Vec<Fate>>, Failure> {
        self.job.wait(fates)
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.came()
    }

    fn doing(&self, what: String) {
        self.bar.say(what);
    }

    fn note(&self, text: &str) {
        self.bar.aside(|| note(text));
    }
}

pub(crate) fn run(import: &Import, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let shown = import.shown();
    if !import.is_piped() {
        File::open(&import.file).with_context(|| format!("cannot read {shown}"))?;
    }
    let host = Terminal {
        job,
        bar: Bar::of("importing users"),
        interrupt: Interrupt::watch()?,
    };
    let is_skipping = import.on_error == OnError::Skip;
    let options = Options {
        dry_run: import.dry_run,
        skip_failures: is_skipping,
        is_served: job.is_served(),
    };
    let mut importer = job.operator.importer(options, &host, &job.actor);
    let read = import.read(&host.bar, &mut importer);
    let (summary, done) = importer.finish();
    host.bar.clear();
    output.one(&summary)?;
    output.finish()?;
    match done {
        Ok(()) => {}
        Err(Ended::Interrupted) => {
            let then = "what is counted here is in; run it again to go on";
            return Err(Interrupted(then).into());
        }
        Err(Ended::Failed(failure)) => return Err(failure.into()),
    }
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

impl Import {
    fn is_piped(&self) -> bool {
        self.file == Path::new("-")
    }

    fn shown(&self) -> String {
        if self.is_piped() {
            "standard input".to_owned()
        } else {
            self.file.display().to_string()
        }
    }

    fn read(&self, bar: &Bar, importer: &mut Importer<'_>) -> anyhow::Result<()> {
        match self.from {
            Kind::Jsonl => json_lines::read(self.open(bar)?, importer),
            Kind::Csv => csv_rows::read(self.open(bar)?, importer),
            Kind::Django if self.is_piped() => {
                bail!("a dump of Django is read twice; name a file instead of -")
            }
            Kind::Django => django::read(&|| self.open(bar), importer),
        }
    }

    /// The file, or standard input, without a byte order mark.
    fn open(&self, bar: &Bar) -> io::Result<Box<dyn BufRead>> {
        let mut input = self.open_as_it_is(bar)?;
        if input.fill_buf()?.starts_with(MARK) {
            input.consume(MARK.len());
        }
        Ok(input)
    }

    /// The bar shows how much of it is read.
    fn open_as_it_is(&self, bar: &Bar) -> io::Result<Box<dyn BufRead>> {
        if self.is_piped() {
            let input = bar.reading(io::stdin(), 0);
            return Ok(Box::new(BufReader::with_capacity(CHUNK, input)));
        }
        let file = File::open(&self.file)?;
        let bytes = file.metadata()?.len();
        let input = bar.reading(file, bytes);
        Ok(Box::new(BufReader::with_capacity(CHUNK, input)))
    }
}
