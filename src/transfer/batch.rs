//! Users on their way from a file into the database, in batches.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use crate::cli::terminal::interrupt::{Interrupt, Interrupted};
use crate::cli::terminal::output::{note, visible};
use crate::cli::terminal::progress::Bar;
use crate::compose::{Config, said};
use crate::domain::Timestamp;
use crate::store::pending::Pending;
use crate::store::transfer::{Fate, Import as Batch, Record, RecordedPolicy};

/// So many users are added together or not at all.
const BATCH: usize = 1000;

/// So many batches are handed over at once, and share a transaction: names come in no order, so
/// that each transaction writes most pages of two indexes.
const SHARED: usize = 25;

/// So many while a server runs, whose own writes wait for the end of a transaction.
const SHARED_WITH_A_SERVER: usize = 4;

/// Between two transactions a running server gets its turn: SQLite's lock is not fair.
const PAUSE: Duration = Duration::from_millis(5);

/// So many rows that fail are named; of the others there is a count.
pub(crate) const NAMED: usize = 50;

/// What was done. The names are stable.
#[derive(Default, Serialize)]
pub(crate) struct Summary {
    dry_run: bool,
    /// New here.
    added: usize,
    /// There already, with the same number, name and address.
    present: usize,
    /// Named on standard error.
    pub(crate) failed: usize,
    /// In order, but in a batch with one that failed.
    pub(crate) held_back: usize,
}

/// An import on its way through a file. While some batches are in their transaction the next ones
/// are read.
pub(crate) struct Importing<'a> {
    pub(crate) config: &'a Config,
    dry_run: bool,
    is_skipping: bool,
    is_served: bool,
    /// For accounts without a time.
    pub(crate) now: Timestamp,
    pub(crate) bar: Bar,
    interrupt: Interrupt,
    policies: Vec<RecordedPolicy>,
    /// Where each stands in the file, and the user or what is wrong with them.
    batch: Vec<(String, anyhow::Result<Record>)>,
    full: Vec<Full>,
    sent: Option<Sent>,
    /// Why the import ended before the file did.
    ended: Option<anyhow::Error>,
    /// Short forms of what users of earlier batches of a dry run have, which the database does not
    /// know: each batch is undone by itself, because one transaction over the whole file would keep
    /// a running server from writing. It takes 75 bytes a user.
    seen: HashSet<u64>,
    hashing: RandomState,
    pub(crate) summary: Summary,
}

/// Where each stands, and [`Importing::keys`] or what is wrong.
type Rows = Vec<(String, anyhow::Result<Vec<u64>>)>;

/// A batch that is ready.
struct Full {
    rows: Rows,
    users: Vec<Record>,
    is_held_back: bool,
}

/// Batches in their transaction, and whether each is held back.
struct Sent {
    batches: Vec<(Rows, bool)>,
    fates: Pending<Vec<Vec<Fate>>>,
}

impl<'a> Importing<'a> {
    pub(crate) fn new(
        config: &'a Config,
        dry_run: bool,
        is_skipping: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            config,
            dry_run,
            is_skipping,
            is_served: config.is_served(),
            now: config.operator.import_time(),
            bar: Bar::of("importing users"),
            interrupt: Interrupt::watch()?,
            policies: Vec::new(),
            batch: Vec::new(),
            full: Vec::new(),
            sent: None,
            ended: None,
            seen: HashSet::new(),
            hashing: RandomState::new(),
            summary: Summary {
                dry_run,
                ..Summary::default()
            },
        })
    }

    /// Publishes a version together with the next users.
    pub(crate) fn publish(&mut self, policy: RecordedPolicy) {
        self.policies.push(policy);
    }

    /// Adds a user, or says what is wrong with them. An error ends the reading of the file.
    pub(crate) fn add(
        &mut self,
        place: String,
        user: anyhow::Result<Record>,
    ) -> anyhow::Result<()> {
        self.check_interrupt()?;
        self.batch.push((place, user));
        if self.batch.len() == BATCH {
            self.fill();
            let shared = match self.is_served {
                true => SHARED_WITH_A_SERVER,
                false => SHARED,
            };
            if self.full.len() == shared {
                self.ended = self.send().err();
            }
        }
        ensure!(self.ended.is_none(), "it ended early");
        Ok(())
    }

    /// An error ends the reading of the file.
    pub(crate) fn check_interrupt(&mut self) -> anyhow::Result<()> {
        if self.interrupt.came() {
            let then = "what is counted here is in; run it again to go on";
            self.ended = Some(Interrupted(then).into());
        }
        ensure!(self.ended.is_none(), "it ended early");
        Ok(())
    }

    /// Writes to standard error beside the bar.
    pub(crate) fn note(&self, text: &str) {
        self.bar.aside(|| note(&visible(text)));
    }

    /// What was read before the file broke stands in order; a later run finds it present.
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        // Ctrl-C also ends whoever writes into a pipe: its end is not the end of the users then.
        if self.check_interrupt().is_err() {
            // The batches in their transaction count; those after them were never sent.
            self.settle()?;
            return self.ended.take().map_or(Ok(()), Err);
        }
        self.fill();
        self.send()?;
        self.settle()
    }

    /// Makes what was read a batch.
    fn fill(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let mut full = Full {
            is_held_back: !self.is_skipping && batch.iter().any(|(_, user)| user.is_err()),
            rows: Vec::with_capacity(batch.len()),
            users: Vec::with_capacity(batch.len()),
        };
        for (place, user) in batch {
            let keys = user.map(|user| {
                let keys = self.keys(&user);
                full.users.push(user);
                keys
            });
            full.rows.push((place, keys));
        }
        self.full.push(full);
    }

    /// Hands the batches over, once those before are done.
    fn send(&mut self) -> anyhow::Result<()> {
        if self.sent.is_some() {
            self.settle()?;
            if self.is_served {
                std::thread::sleep(PAUSE);
            }
        }
        let (mut work, mut batches) = (Vec::new(), Vec::new());
        for full in std::mem::take(&mut self.full) {
            work.push(Batch {
                policies: self.policies.clone(),
                users: full.users,
                skip_clashes: self.is_skipping,
                dry_run: self.dry_run || full.is_held_back,
            });
            batches.push((full.rows, full.is_held_back));
        }
        let fates = self.config.operator.import(work, &self.config.caller);
        self.sent = Some(Sent { batches, fates });
        Ok(())
    }

    /// Waits for the batches in their transaction, and counts.
    fn settle(&mut self) -> anyhow::Result<()> {
        if let Some(sent) = self.sent.take() {
            let fates = self.config.wait(sent.fates).map_err(said)?;
            for ((rows, is_held_back), fates) in sent.batches.into_iter().zip(fates) {
                self.count(rows, fates, is_held_back);
            }
        }
        self.bar.say(format!(
            "importing users: {} added, {} failed",
            self.summary.added, self.summary.failed
        ));
        Ok(())
    }

    fn count(&mut self, rows: Rows, fates: Vec<Fate>, is_held_back: bool) {
        let mut fates = fates.into_iter();
        let failed_before = self.summary.failed;
        let (mut added, mut new_keys) = (0, Vec::new());
        for (place, row) in rows {
            let outcome = row.and_then(|keys| {
                let fate = fates
                    .next()
                    .context("the database does not say what became of it")?;
                Ok((self.outcome(fate, &keys)?, keys))
            });
            match outcome {
                Ok((true, keys)) => {
                    added += 1;
                    new_keys.extend(keys);
                }
                Ok((false, _)) => self.summary.present += 1,
                Err(err) => self.fail(&place, &err),
            }
        }
        let has_failures = self.summary.failed > failed_before;
        if is_held_back || has_failures && !self.is_skipping {
            self.summary.held_back += added;
        } else {
            self.summary.added += added;
            self.seen.extend(new_keys);
        }
    }

    /// Whether the user is new, or there already.
    fn outcome(&self, fate: Fate, keys: &[u64]) -> anyhow::Result<bool> {
        match fate {
            Fate::Added if keys.first().is_some_and(|it| self.seen.contains(it)) => Ok(false),
            Fate::Added if keys.iter().any(|it| self.seen.contains(it)) => {
                bail!("its number, user name or address stands earlier in the file")
            }
            Fate::Added => Ok(true),
            Fate::Present => Ok(false),
            Fate::Clash { with, owner } => bail!("its {with} belongs to user {owner}"),
            Fate::NoSuchPolicy(version) => {
                bail!("consents: version {version:?} is not published; run `policy publish` first")
            }
        }
    }

    fn fail(&mut self, place: &str, why: &anyhow::Error) {
        self.summary.failed += 1;
        if self.summary.failed <= NAMED {
            self.note(&format!("{place}: {why:#}"));
        }
    }

    /// Short forms of what nobody else may have: all of it together, name, address, and number.
    fn keys(&self, user: &Record) -> Vec<u64> {
        if !self.dry_run {
            return Vec::new();
        }
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
