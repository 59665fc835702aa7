//! `user import`: reads a file as a stream and adds its users in batches.

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use super::import_file::{Report, Source};
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::terminal::output::{Output, note};
use crate::cli::terminal::progress::Bar;
use crate::domain::User;
use crate::failure::Failure;
use crate::interrupt::{Interrupt, Interrupted};
use crate::settings::Settings;
use crate::store::pending::Pending;
use crate::store::transfer::Fate;
use crate::transfer::choices::{OnBlankEmail, OnDuplicate};
use crate::transfer::django::{self, Models};
use crate::transfer::import::{Done, Ended, Host, Options};
use crate::transfer::report::{Case, Summary};
use crate::transfer::{csv_rows, json_lines};

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth user import newcomers.jsonl --dry-run",
    "minisass-auth user import newcomers.csv --from csv --on-error skip",
    "minisass-auth user import dump.json.gz --from django --report moved.jsonl",
    "minisass-auth user import dump.json --from django --user-model accounts.user",
]))]
pub(crate) struct Import {
    /// The file to read, packed by gzip or not; `-` reads standard input
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
    /// What happens to users without an address that mail can reach; they fail otherwise
    #[arg(long, value_name = "WHAT")]
    on_blank_email: Option<BlankEmail>,
    /// What happens to users whose name or address is taken, in any spelling; they fail otherwise
    #[arg(long, value_name = "WHAT")]
    on_duplicate: Option<Duplicate>,
    /// The model of users, if it is not auth.user. Keys such as UUIDs become new numbers; tokens of
    /// SimpleJWT that name a UUID are not good here, and these users log in again
    #[arg(long, value_name = "MODEL", value_parser = model)]
    user_model: Option<String>,
    /// The model of their profiles, if it is another
    #[arg(long, value_name = "MODEL", value_parser = model)]
    profile_model: Option<String>,
    /// A new file for who failed, was left out or changed, or got a new number: JSON Lines
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Mail a reset to active users who come without a password
    #[arg(long)]
    send_reset: bool,
}

/// What wrote the file.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// JSON Lines, as `user export` writes them
    Jsonl,
    /// A table of a spreadsheet, or of `user export`
    Csv,
    /// What `dumpdata` writes; superusers become staff
    Django,
}

/// What happens to the others of a batch.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnError {
    /// Nobody of that batch is added
    HoldBack,
    /// All others of it are added
    Skip,
}

/// What happens to users without an address.
#[derive(Clone, Copy, clap::ValueEnum)]
enum BlankEmail {
    /// They are left out
    Skip,
    /// They get one that leads nowhere
    Placeholder,
}

/// What happens to users who have what somebody else has.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Duplicate {
    /// They are left out
    Skip,
    /// Theirs is changed; such an address leads nowhere
    Suffix,
}

/// A model as a dump names it.
fn model(text: &str) -> Result<String, &'static str> {
    match text.split_once('.') {
        Some((app, name)) if !app.is_empty() && !name.is_empty() => Ok(text.to_lowercase()),
        _ => Err("a model is an app and a name, such as accounts.user"),
    }
}

/// What the import needs of the command.
struct Terminal<'a> {
    job: &'a Job,
    bar: Bar,
    interrupt: &'a Interrupt,
    report: Option<Report>,
    /// What is said once it is known that this run counts.
    held: Option<RefCell<Vec<String>>>,
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
        match &self.held {
            Some(held) => held.borrow_mut().push(text.to_owned()),
            None => self.bar.aside(|| note(text)),
        }
    }

    fn report(&self, case: &Case) {
        if let Some(report) = &self.report {
            report.write(case);
        }
    }

    fn find(&self, user: Pending<Option<User>>) -> Result<Option<User>, Failure> {
        self.job.wait(user)
    }
}

pub(crate) fn run(import: &Import, settings: Settings, output: &mut Output) -> anyhow::Result<()> {
    import.check()?;
    let job = &Job::open(settings, import.dry_run, true)?;
    let interrupt = Interrupt::watch()?;
    let is_read_again = import.from == Kind::Django;
    let source = Source::new(&import.file, is_read_again, job, &interrupt)?;
    if import.is_rehearsed() {
        let rehearsal = Run::of(import, &source, job, &interrupt, true)?;
        if !rehearsal.is_good() {
            return rehearsal.conclude(output);
        }
    }
    Run::of(import, &source, job, &interrupt, false)?.conclude(output)
}

/// The file was read once.
struct Run<'a> {
    import: &'a Import,
    source: &'a Source,
    host: Terminal<'a>,
    done: Done,
    read: anyhow::Result<()>,
    /// Whether it was only to find out what is wrong.
    is_rehearsal: bool,
}

impl<'a> Run<'a> {
    fn of(
        import: &'a Import,
        source: &'a Source,
        job: &'a Job,
        interrupt: &'a Interrupt,
        is_rehearsal: bool,
    ) -> anyhow::Result<Self> {
        let what = if is_rehearsal {
            "checking users"
        } else {
            "importing users"
        };
        let host = Terminal {
            job,
            bar: Bar::of(what),
            interrupt,
            report: import.report.as_deref().map(Report::new).transpose()?,
            held: is_rehearsal.then(RefCell::default),
        };
        let mut importer =
            job.operator
                .importer(import.options(is_rehearsal, job), &host, &job.actor);
        let read = match import.from {
            Kind::Jsonl => source
                .open(&host.bar)
                .and_then(|it| json_lines::read(it, &mut importer)),
            Kind::Csv => source
                .open(&host.bar)
                .and_then(|it| csv_rows::read(it, &mut importer)),
            Kind::Django => {
                django::read(&|| source.open(&host.bar), &import.models(), &mut importer)
            }
        };
        let done = importer.finish();
        Ok(Self {
            import,
            source,
            host,
            done,
            read,
            is_rehearsal,
        })
    }

    fn is_good(&self) -> bool {
        self.done.end.is_ok() && self.read.is_ok() && self.done.summary.failed == 0
    }

    /// Says what was done, and why if that is not all.
    fn conclude(mut self, output: &mut Output) -> anyhow::Result<()> {
        if self.done.end.is_ok() && self.import.send_reset && !self.is_rehearsal {
            self.done.summary.resets = self.send_resets()?;
        }
        self.host.bar.clear();
        let said = self.host.held.take().map(RefCell::into_inner);
        for text in said.into_iter().flatten() {
            self.host.note(&text);
        }
        let summary = &mut self.done.summary;
        if self.is_rehearsal {
            summary.dry_run = false;
            summary.held_back += std::mem::take(&mut summary.added);
        }
        show(summary, output)?;
        if let Some(report) = self.host.report {
            report.keep()?;
        }
        match self.done.end {
            Ok(()) => {}
            Err(Ended::Interrupted) if self.is_rehearsal => {
                bail!(Interrupted("nothing was changed; run it again"))
            }
            Err(Ended::Interrupted) => {
                bail!(Interrupted(
                    "what is counted here is in; run it again to go on"
                ))
            }
            Err(Ended::Failed(failure)) => return Err(failure.into()),
        }
        let shown = self.source.shown();
        self.read.with_context(|| format!("cannot read {shown}"))?;
        let Summary {
            failed, held_back, ..
        } = self.done.summary;
        ensure!(
            failed == 0,
            "{failed} of the users in {shown} failed and {held_back} were held back; {}",
            self.import.advice(&self.done.summary)
        );
        Ok(())
    }

    /// How many reset mails were queued, or would be.
    fn send_resets(&self) -> anyhow::Result<usize> {
        let (job, mut count) = (self.host.job, 0);
        self.done.without_password.each(|who| {
            if self.host.interrupt.came() {
                bail!(Interrupted(
                    "the users are in; run it again for the other reset mails"
                ));
            }
            let is_dry = self.import.dry_run;
            let sent = job.operator.send_first_reset(&who, is_dry, &job.actor);
            count += usize::from(job.wait(sent)?);
            Ok(())
        })?;
        Ok(count)
    }
}

/// A table has no place for those who are named beside it.
fn show(summary: &mut Summary, output: &mut Output) -> anyhow::Result<()> {
    if output.format != crate::cli::terminal::output::Format::Json {
        summary.problems.clear();
        summary.passed_over.clear();
    }
    output.one(summary)?;
    Ok(output.finish()?)
}

impl Import {
    /// Refuses what can be told before there is a database to add to.
    fn check(&self) -> anyhow::Result<()> {
        let has_models = self.user_model.is_some() || self.profile_model.is_some();
        ensure!(
            self.from == Kind::Django || !has_models,
            "--user-model and --profile-model are for dumps; add --from django"
        );
        self.report.as_deref().map_or(Ok(()), Report::check)?;
        Source::check(&self.file)
    }

    /// Whether everything is tried first, so that nothing is written if a choice is missing: whoever
    /// moves finds out before the move.
    fn is_rehearsed(&self) -> bool {
        let has_chosen = self.on_error == OnError::Skip
            || self.on_blank_email.is_some() && self.on_duplicate.is_some();
        self.from == Kind::Django && !self.dry_run && !has_chosen
    }

    fn models(&self) -> Models {
        let user = self.user_model.as_deref().unwrap_or(django::USER);
        Models {
            user: user.to_owned(),
            profile: self.profile_model.clone(),
        }
    }

    fn options(&self, is_rehearsal: bool, job: &Job) -> Options {
        Options {
            dry_run: self.dry_run || is_rehearsal,
            // A rehearsal goes on, to find all that is wrong.
            skip_failures: self.on_error == OnError::Skip || is_rehearsal,
            on_blank_email: self.on_blank_email.map(|it| match it {
                BlankEmail::Skip => OnBlankEmail::Skip,
                BlankEmail::Placeholder => OnBlankEmail::Placeholder,
            }),
            on_duplicate: self.on_duplicate.map(|it| match it {
                Duplicate::Skip => OnDuplicate::Skip,
                Duplicate::Suffix => OnDuplicate::Suffix,
            }),
            with_numbers: self.report.is_some(),
            with_resets: self.send_reset && !is_rehearsal,
            is_served: job.is_served(),
        }
    }

    /// What to do about the users that failed.
    fn advice(&self, summary: &Summary) -> String {
        let mut advice = Vec::new();
        if summary.without_address > 0 {
            advice.push(format!(
                "for {} without an address add --on-blank-email skip or placeholder",
                summary.without_address
            ));
        }
        if summary.duplicates > 0 {
            advice.push(format!(
                "for {} whose name or address is taken add --on-duplicate skip or suffix",
                summary.duplicates
            ));
        }
        advice.push("repair the file and run this again".to_owned());
        let mut advice = advice.join("; ");
        if self.on_error != OnError::Skip {
            advice.push_str(", or add --on-error skip");
        }
        advice
    }
}
