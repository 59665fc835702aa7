//! `user import`: reads a file as a stream and adds its users in batches.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use super::file_name::is_csv;
use super::import_file::{Report, Source};
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::terminal::output::{Format, Output, note};
use crate::cli::terminal::progress::Bar;
use crate::compose;
use crate::domain::{User, counted};
use crate::failure::Failure;
use crate::interrupt::{Interrupt, Interrupted};
use crate::operator::transfer::{self, Extent, Import as Wanted, Imported, Kind};
use crate::private_file::on_disk_of;
use crate::settings::Settings;
use crate::store::pending::Pending;
use crate::store::transfer::Fate;
use crate::transfer::choices::{OnBlankEmail, OnDuplicate};
use crate::transfer::django::{self, Models};
use crate::transfer::import::{Done, Ended, Host};
use crate::transfer::report::{Case, Summary};
use crate::transfer::without_password::WithoutPassword;

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth user import newcomers.jsonl --dry-run",
    "minisass-auth user import newcomers.csv --on-error skip",
    "minisass-auth user import dump.json.gz --from django --report moved.jsonl",
]))]
pub(crate) struct Import {
    /// The file to read, packed by gzip or not; `-` reads standard input
    file: PathBuf,
    /// What the file is [default: csv if its name ends in .csv or .csv.gz, else jsonl]
    #[arg(long, value_name = "KIND")]
    from: Option<FileKind>,
    /// Do everything, then roll it back
    #[arg(long)]
    dry_run: bool,
    /// What happens to the others if somebody cannot be added
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
    /// The model of their profiles, if it is another; that of the users has to be named too
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
enum FileKind {
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
    /// Nobody of a dump is added, or nobody of the same 1000 users of another file
    HoldBack,
    /// They are added
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
    held: RefCell<Option<Vec<String>>>,
}

impl Host for Terminal<'_> {
    fn begin(&self, is_rehearsal: bool) {
        self.held.replace(is_rehearsal.then(Vec::new));
        if let Some(report) = &self.report {
            report.begin();
        }
    }

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
        match &mut *self.held.borrow_mut() {
            Some(held) => held.push(text.to_owned()),
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
    let interrupt = Interrupt::watch()?;
    // Whoever is refused finds no database made: where there is none, it is tried first, in a place
    // that goes again, whether anybody comes over.
    let is_first = !import.dry_run && !compose::is_there(&settings)?;
    let put_aside = on_disk_of(&settings.database_file());
    let is_read_again = is_first || import.kind() == FileKind::Django;
    let source = Source::new(&import.file, is_read_again, &put_aside)?;
    let job = Job::open(settings.clone(), import.dry_run || is_first, true)?;
    let mut host = Terminal {
        job: &job,
        bar: Bar::of("reading users"),
        interrupt: &interrupt,
        report: import.report.as_deref().map(Report::new).transpose()?,
        held: RefCell::default(),
    };
    let read = |host: &Terminal<'_>, extent| {
        let for_good = import.kind() != FileKind::Django && extent != Extent::Trial;
        let (job, open) = (host.job, || source.open(for_good, &host.bar));
        let wanted = import.wanted(job, &put_aside, extent);
        job.operator.import(&wanted, &open, host, &job.actor)
    };
    let made;
    if is_first {
        let mut tried = read(&host, Extent::Trial);
        if !tried.brings_somebody() {
            tried.is_held_back = true;
            return conclude(import, tried, &source.shown(), host, output);
        }
        made = host.bar.aside(|| Job::open(settings, false, true))?;
        host = Terminal { job: &made, ..host };
    }
    let extent = match (import.dry_run, is_first) {
        (true, _) => Extent::Dry,
        (_, true) => Extent::AfterTrial,
        _ => Extent::Whole,
    };
    let mut imported = read(&host, extent);
    let done = &mut imported.done;
    let mut sent = Ok(());
    if done.end.is_ok() && import.send_reset && !imported.is_held_back {
        let count = &mut done.summary.resets;
        sent = send_resets(import, &done.without_password, &host, count);
    }
    // The users are in, whatever became of the mails.
    conclude(import, imported, &source.shown(), host, output)?;
    sent
}

/// Counts the reset mails that were queued, or would be.
fn send_resets(
    import: &Import,
    to: &WithoutPassword,
    host: &Terminal<'_>,
    count: &mut usize,
) -> anyhow::Result<()> {
    let job = host.job;
    to.each(|who| {
        if host.interrupt.came() {
            bail!(Interrupted(match import.dry_run {
                true => "nothing was changed; run it again",
                false => "the users are in; run it again for the other reset mails",
            }));
        }
        let sent = job
            .operator
            .send_first_reset(&who, import.dry_run, &job.actor);
        *count += usize::from(job.wait(sent)?);
        Ok(())
    })
}

/// Says what was done, and why if that is not all.
fn conclude(
    import: &Import,
    imported: Imported,
    shown: &str,
    host: Terminal<'_>,
    output: &mut Output,
) -> anyhow::Result<()> {
    host.bar.clear();
    host.held
        .take()
        .iter()
        .flatten()
        .for_each(|text| note(text));
    let Done { summary, end, .. } = imported.done;
    // Of a file that could not be read at all there is nothing to count.
    if output.format != Format::Table || imported.read.is_ok() || !summary.is_empty() {
        show(&summary, output)?;
    }
    if let Some(report) = host.report {
        report.keep()?;
    }
    check_end(end, imported.is_held_back || import.dry_run)?;
    let read = imported.read.map_err(anyhow::Error::from_boxed);
    read.with_context(|| format!("cannot read {shown}"))?;
    let failed = counted(summary.failed, "user", "users");
    let held_back = counted(summary.held_back, "was", "were");
    ensure!(
        summary.failed == 0,
        "{failed} in {shown} failed and {held_back} held back; {}",
        import.advice(&summary)
    );
    Ok(())
}

/// Why it ended before the file did, if it did.
fn check_end(end: Result<(), Ended>, is_rolled_back: bool) -> anyhow::Result<()> {
    match end {
        Ok(()) | Err(Ended::Answered) => Ok(()),
        Err(Ended::Interrupted) if is_rolled_back => {
            bail!(Interrupted("nothing was changed; run it again"))
        }
        Err(Ended::Interrupted) => {
            bail!(Interrupted(
                "what is counted here is in; run it again to go on"
            ))
        }
        Err(Ended::Failed(failure)) => Err(failure.into()),
    }
}

/// A table has no place for those who are named beside it.
fn show(summary: &Summary, output: &mut Output) -> anyhow::Result<()> {
    let mut row = serde_json::to_value(summary)?;
    if let (Some(row), true) = (row.as_object_mut(), output.format != Format::Json) {
        row.shift_remove("problems");
        row.shift_remove("passed_over");
    }
    output.one(&row)?;
    output.finish()
}

impl Import {
    fn kind(&self) -> FileKind {
        let by_name = || match is_csv(&self.file) {
            true => FileKind::Csv,
            false => FileKind::Jsonl,
        };
        self.from.unwrap_or_else(by_name)
    }

    /// Refuses what can be told before there is a database to add to.
    fn check(&self) -> anyhow::Result<()> {
        let has_models = self.user_model.is_some() || self.profile_model.is_some();
        ensure!(
            self.kind() == FileKind::Django || !has_models,
            "--user-model and --profile-model are for dumps; add --from django"
        );
        self.report.as_deref().map_or(Ok(()), Report::check)?;
        let is_table_by_name = self.from.is_none() && self.kind() == FileKind::Csv;
        let flag = if is_table_by_name { "--from csv" } else { "" };
        Source::check(&self.file, flag)
    }

    fn wanted(&self, job: &Job, put_aside: &Path, extent: Extent) -> Wanted {
        let user = self.user_model.as_deref().unwrap_or(django::USER);
        Wanted {
            kind: match self.kind() {
                FileKind::Jsonl => Kind::JsonLines,
                FileKind::Csv => Kind::Csv,
                FileKind::Django => Kind::Django(Models {
                    user: user.to_owned(),
                    profile: self.profile_model.clone(),
                }),
            },
            extent,
            put_aside: put_aside.to_owned(),
            on_error: match self.on_error {
                OnError::HoldBack => transfer::OnError::HoldBack,
                OnError::Skip => transfer::OnError::Skip,
            },
            on_blank_email: self.on_blank_email.map(|it| match it {
                BlankEmail::Skip => OnBlankEmail::Skip,
                BlankEmail::Placeholder => OnBlankEmail::Placeholder,
            }),
            on_duplicate: self.on_duplicate.map(|it| match it {
                Duplicate::Skip => OnDuplicate::Skip,
                Duplicate::Suffix => OnDuplicate::Suffix,
            }),
            with_numbers: self.report.is_some(),
            with_resets: self.send_reset,
            is_served: job.is_served(),
        }
    }

    /// What to do about the users that failed.
    fn advice(&self, summary: &Summary) -> String {
        let mut advice = Vec::new();
        if summary.without_address > 0 && self.on_blank_email.is_none() {
            let them = counted(summary.without_address, "user", "users");
            advice.push(format!(
                "for {them} without an address that mail can reach add --on-blank-email skip or placeholder"
            ));
        }
        if summary.duplicates > 0 && self.on_duplicate.is_none() {
            let them = counted(summary.duplicates, "user", "users");
            advice.push(format!(
                "for {them} whose name or address is taken add --on-duplicate skip or suffix"
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
