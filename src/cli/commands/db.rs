//! `db status | check | migrate | backup | restore | copy`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::ValueHint;
use serde_json::json;

use crate::cli::destination::check_may_write;
use crate::cli::examples::examples;
use crate::cli::job::{self, Job};
use crate::cli::piped;
use crate::cli::terminal::output::{Format, Output};
use crate::cli::terminal::progress::Bar;
use crate::compose;
use crate::domain::counted;
use crate::interrupt::Interrupt;
use crate::private_file::own_files::{check_not_own, remove_database};
use crate::private_file::replace::Draft;
use crate::private_file::{folder_of, on_disk_of};
use crate::settings::{Settings, other_database};
use crate::store::Location;
use crate::store::copy::CopiedTable;
use crate::store::maintenance::{self, Inspection};

const FIELDS: &str = "

Sizes are in bytes. links_for_nobody counts the resets and activations that were asked for with an
address that no account has. server, synchronous_commit and connections are of PostgreSQL.";

/// What only a database of PostgreSQL has of its state.
const OF_SERVER: [&str; 3] = ["server", "synchronous_commit", "connections"];

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Show sizes, versions and counts
    #[command(after_help = examples(&["minisass-auth db status"]) + FIELDS)]
    Status,
    /// Look for damage
    #[command(after_help = examples(&["minisass-auth db check"]))]
    Check,
    /// Bring the schema up to date, as every other command does too, or make the database
    #[command(after_help = examples(&["minisass-auth db migrate"]))]
    Migrate,
    /// Copy the database, without the master key, to a new file
    #[command(after_help = examples(&["minisass-auth db backup \"backup-$(date +%F).db\""]))]
    Backup {
        /// Must not exist
        file: PathBuf,
    },
    /// Put a backup into an empty place; every session and link ends
    #[command(after_help = examples(&[
        "minisass-auth db restore backup.db --data-dir restored",
        "cat backup.db | minisass-auth db restore - --data-dir restored",
    ]))]
    Restore {
        /// Made by `db backup`; `-` reads standard input
        file: PathBuf,
    },
    /// Copy everything to an empty database, a file or one of PostgreSQL, and compare
    #[command(after_help = examples(&["minisass-auth db copy --to copy.db"]))]
    Copy {
        /// Where to: a file, or postgres://user@host/name
        #[arg(long, value_name = "DATABASE", value_hint = ValueHint::FilePath)]
        to: String,
        /// A private file that holds the password of that database
        #[arg(long, value_name = "FILE")]
        to_password_file: Option<PathBuf>,
    },
}

pub(crate) fn run(command: Command, settings: Settings, output: &mut Output) -> anyhow::Result<()> {
    let job = |settings| Job::open_without_keys(settings, false);
    match command {
        Command::Status => status(&job(settings)?, output),
        Command::Check => check(&job(settings)?, output),
        Command::Migrate => {
            // Says whose it is, if it is somebody else's.
            compose::is_there(&settings)?;
            let from = maintenance::schema_of(&settings.database)?;
            let job = Job::open(settings, false, true)?;
            let to = maintenance::newest_schema();
            if from != to {
                job.wait(job.operator.note_migration(from, to, &job.actor))?;
            }
            output.one(&json!({"from": from, "to": to}))
        }
        Command::Backup { file } => back_up(&file, &job(settings)?, output),
        Command::Restore { file } => restore(&file, &settings, output),
        Command::Copy {
            to,
            to_password_file,
        } => {
            let to = other_database(&to, to_password_file.as_deref())?;
            copy(&to, &job(settings)?, output)
        }
    }
}

fn status(job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let status = job.operator.database_status()?;
    let (last_backup_at, last_backup) = status.last_backup.unzip();
    let server = status.server.as_ref();
    let mut shown = json!({
        "file": job.settings.database.to_string(),
        "bytes": status.bytes,
        "log_bytes": status.log_bytes,
        "schema": status.schema,
        "users": status.users,
        "live_sessions": status.sessions,
        "mails_queued": status.mails_queued,
        "mails_failed": status.mails_failed,
        "links_for_nobody": status.links_for_nobody,
        "last_backup_at": last_backup_at.map(|it| it.to_string()),
        "last_backup": last_backup,
        "server": server.map(|it| format!("PostgreSQL {}", it.version)),
        "synchronous_commit": server.map(|it| &it.synchronous_commit),
        "connections": server.and_then(|it| it.limits.first()).map(|it| it.connections),
    });
    // Programs find all names everywhere; people need no lines without values.
    if let Some(shown) = shown.as_object_mut()
        && output.format == Format::Table
        && server.is_none()
    {
        shown.retain(|name, _| !OF_SERVER.contains(&name.as_str()) || output.wants(name));
    }
    output.one(&shown)
}

fn check(job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let bar = Bar::of("checking the database");
    let problems = job.operator.check_database(&bar.progress(None));
    bar.clear();
    let problems = problems?;
    if let Some(first) = problems.first() {
        bail!(
            "the database is damaged ({}, the first: {first}); \
             stop the server, and put the last backup into an empty place with `db restore`",
            counted(problems.len(), "finding", "findings")
        );
    }
    output.one(&json!({"is_sound": true}))
}

fn back_up(file: &Path, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    ensure!(
        file != Path::new("-"),
        "a backup is a file, which is checked before it gets its name; name one, such as backup.db"
    );
    check_not_own(file, &job.settings.data_dir, &job.settings.database_file())?;
    check_may_write(file, &job.settings.data_dir)?;
    let (bar, interrupt) = (Bar::of("copying and checking"), Interrupt::watch()?);
    let progress = bar.progress(Some(&interrupt));
    let work = job.operator.back_up(file, &job.actor, &progress);
    let done = job.wait(work);
    bar.clear();
    let done = interrupt.explain(done, "there is no backup; run it again")?;
    output.one(&json!({
        "file": file.display().to_string(),
        "users": done.users,
        "bytes": done.bytes,
        "keys": "sealed in the backup; keep a copy of the master key elsewhere",
    }))
}

fn copy(to: &Location, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    ensure!(
        !job.is_served(),
        "a server works on this data, and what it writes meanwhile would stay behind; stop it first"
    );
    let others = job.operator.others_at_database()?;
    ensure!(
        others == 0,
        "others work on this database ({others} connections), and what they write meanwhile would stay \
         behind; stop every server of it first"
    );
    if let Some(file) = to.file() {
        let folder = folder_of(file);
        ensure!(
            folder.is_dir(),
            "there is no folder {}; make it, or name another file with --to",
            folder.display()
        );
        ensure!(
            !file.is_dir(),
            "{} is a folder; name a new file with --to",
            file.display()
        );
        check_not_own(file, &job.settings.data_dir, &job.settings.database_file())?;
    }
    let (bar, interrupt) = (Bar::of("copying and comparing"), Interrupt::watch()?);
    let progress = bar.progress(Some(&interrupt));
    let made = to.file().filter(|it| !it.exists());
    let copied = job.wait(job.operator.copy_database(to, &job.actor, &progress));
    bar.clear();
    if let (Err(_), Some(file)) = (&copied, made) {
        remove_database(file);
    }
    let copied = interrupt.explain(copied, "nothing was copied; run it again")?;
    let row = |it: &CopiedTable| json!({"table": it.name, "rows": it.rows});
    output.rows(copied.iter().map(row))?;
    Ok(())
}

fn standard_input(settings: &Settings) -> anyhow::Result<Draft> {
    let draft = piped::draft(&on_disk_of(&settings.database_file()))?;
    let mut file = File::options().write(true).open(draft.path())?;
    io::copy(&mut io::stdin(), &mut file).context("cannot read standard input to its end")?;
    Ok(draft)
}

fn restore(file: &Path, settings: &Settings, output: &mut Output) -> anyhow::Result<()> {
    ensure!(
        !file.is_dir(),
        "{} is a folder; name the file that `db backup` made",
        file.display()
    );
    let (bar, interrupt) = (Bar::of("checking and copying"), Interrupt::watch()?);
    let progress = bar.progress(Some(&interrupt));
    let is_piped = file == Path::new("-");
    let piped = is_piped.then(|| standard_input(settings)).transpose()?;
    let (from, shown) = match &piped {
        Some(copy) => (copy.path(), "standard input".to_owned()),
        None => (file, file.display().to_string()),
    };
    let users = compose::restore(from, &shown, settings, &job::actor(), &progress);
    bar.clear();
    let users = interrupt.explain(users, "nothing was restored; run it again")?;
    output.one(&json!({
        "file": settings.database.to_string(),
        "users": users,
        "bytes": Inspection::of(&settings.database).and_then(|it| it.bytes()).ok(),
        "keys": compose::restored_keys(settings),
    }))
}
