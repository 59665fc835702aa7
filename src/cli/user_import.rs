//! `user import`: reads a file as a stream and adds its users in batches.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;

use super::config::{Config, said};
use super::output::{Output, note, visible};
use super::{user_django, user_read};
use crate::domain::Timestamp;
use crate::store::{Fate, Import as Batch, Record, RecordedPolicy};

/// So many users share a transaction.
const BATCH: usize = 1000;

/// Between two transactions a running server gets its turn: SQLite's lock is not fair.
const PAUSE: Duration = Duration::from_millis(5);

/// So many rows that fail are named; of the others there is a count.
const NAMED: usize = 50;

#[derive(clap::Args)]
pub(super) struct Import {
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

/// What was done. The names are stable.
#[derive(Default, Serialize)]
struct Summary {
    dry_run: bool,
    /// New here.
    added: usize,
    /// There already, with the same number, name and address.
    present: usize,
    /// Named on standard error.
    failed: usize,
    /// In order, but in a batch with one that failed.
    held_back: usize,
}

pub(super) fn run(import: &Import, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let mut importing = Importing {
        config,
        import,
        now: config.accounts.import_time(),
        policies: Vec::new(),
        batch: Vec::new(),
        failed_in_batch: 0,
        seen: HashSet::new(),
        hashing: RandomState::new(),
        summary: Summary {
            dry_run: import.dry_run,
            ..Summary::default()
        },
    };
    let shown = import.file.display();
    let read = match import.from {
        Kind::Jsonl => user_read::lines(&import.file, &mut importing),
        Kind::Csv => user_read::csv(&import.file, &mut importing),
        Kind::Django => user_django::read(&import.file, &mut importing),
    };
    // What was read before the file broke stands in order; a later run finds it present.
    importing.flush()?;
    let summary = &importing.summary;
    output.one(summary)?;
    output.finish()?;
    read.with_context(|| format!("cannot read {shown} to its end"))?;
    if summary.failed > NAMED {
        note(&format!("{} more failed", summary.failed - NAMED));
    }
    ensure!(
        summary.failed == 0,
        "{} of the users in {shown} failed and {} were held back; repair the file and run this again, or add --on-error skip",
        summary.failed,
        summary.held_back
    );
    Ok(())
}

/// An import on its way through a file.
pub(super) struct Importing<'a> {
    config: &'a Config,
    import: &'a Import,
    /// For accounts without a time.
    pub(super) now: Timestamp,
    policies: Vec<RecordedPolicy>,
    /// Where each stands in the file, and the user.
    batch: Vec<(String, Record)>,
    failed_in_batch: usize,
    /// Names and addresses of earlier batches of a dry run, which the database does not have.
    seen: HashSet<u64>,
    hashing: RandomState,
    summary: Summary,
}

impl Importing<'_> {
    /// Publishes a version together with the next users.
    pub(super) fn publish(&mut self, policy: RecordedPolicy) {
        self.policies.push(policy);
    }

    /// Adds a user, or says what is wrong with them.
    pub(super) fn add(
        &mut self,
        place: String,
        user: anyhow::Result<Record>,
    ) -> anyhow::Result<()> {
        match user {
            Ok(user) => self.batch.push((place, user)),
            Err(err) => self.fail(&place, &format!("{err:#}")),
        }
        if self.batch.len() + self.failed_in_batch >= BATCH {
            self.flush()?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn fail(&mut self, place: &str, why: &str) {
        self.failed_in_batch += 1;
        self.summary.failed += 1;
        if self.summary.failed <= NAMED {
            note(&visible(&format!("{place}: {why}")));
        }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let (places, users): (Vec<_>, Vec<_>) = std::mem::take(&mut self.batch).into_iter().unzip();
        let keys: Vec<_> = users.iter().map(|it| self.keys(it)).collect();
        let skip_clashes = self.import.on_error == OnError::Skip;
        let is_held_back = self.failed_in_batch > 0 && !skip_clashes;
        let work = Batch {
            policies: self.policies.clone(),
            users,
            skip_clashes,
            dry_run: self.import.dry_run || is_held_back,
        };
        let imported = self.config.accounts.import(work, &self.config.caller);
        let fates = self.config.wait(imported).map_err(said)?;
        let mut added = 0;
        let mut new_keys = Vec::new();
        for ((place, fate), keys) in places.iter().zip(fates).zip(keys) {
            match fate {
                Fate::Added if self.seen.contains(&keys[0]) => self.summary.present += 1,
                Fate::Added if keys.iter().any(|it| self.seen.contains(it)) => {
                    self.fail(
                        place,
                        "its number, user name or address stands earlier in the file",
                    );
                }
                Fate::Added => {
                    added += 1;
                    new_keys.extend(keys);
                }
                Fate::Present => self.summary.present += 1,
                Fate::Clash { with, owner } => {
                    self.fail(place, &format!("its {with} belongs to user {owner}"));
                }
                Fate::NoSuchPolicy(version) => {
                    let why = format!(
                        "consents: version {version:?} is not published; run `policy publish` first"
                    );
                    self.fail(place, &why);
                }
            }
        }
        if self.failed_in_batch > 0 && !skip_clashes {
            self.summary.held_back += added;
        } else {
            self.summary.added += added;
            self.seen
                .extend(new_keys.iter().filter(|_| self.import.dry_run));
        }
        self.failed_in_batch = 0;
        Ok(())
    }

    /// Short forms of what nobody else may have: all of it together, name, address, and number.
    fn keys(&self, user: &Record) -> Vec<u64> {
        let (id, name, email) = (
            user.id.map(|it| it.0),
            user.username.canonical(),
            user.email.canonical(),
        );
        let mut keys = vec![
            self.hashing.hash_one((id, name, email)),
            self.hashing.hash_one(("name", name)),
            self.hashing.hash_one(("address", email)),
        ];
        keys.extend(id.map(|it| self.hashing.hash_one(it)));
        keys
    }
}
