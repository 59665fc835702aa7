//! Users on their way from a file into the database, in batches.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use serde::Serialize;

use crate::clock::Clock;
use crate::domain::{Actor, Timestamp, Username};
use crate::failure::Failure;
use crate::store::Store;
use crate::store::imported_tokens::RefusedToken;
use crate::store::pending::Pending;
use crate::store::transfer::{Batch, Fate, Record, RecordedPolicy, Scratch};

/// How many users are added together or not at all.
const BATCH: usize = 1000;

/// How many batches are handed over at once, and share a transaction: names come in random order, so
/// that each transaction writes most pages of two indexes.
const SHARED: usize = 25;

/// How many while a server runs, whose own writes wait for the end of a transaction.
const SHARED_WITH_A_SERVER: usize = 4;

/// Between two transactions a running server gets its turn: SQLite's lock is not fair.
const PAUSE: Duration = Duration::from_millis(5);

/// How many rows that fail are named; of the others there is a count.
pub const NAMED: usize = 50;

/// How to import.
#[derive(Clone, Copy)]
pub struct Options {
    /// Whether everything is rolled back.
    pub dry_run: bool,
    /// Whether the others of a batch are added if one of them cannot be.
    pub skip_failures: bool,
    /// Whether a server works on the same database, and has to get its turn.
    pub is_served: bool,
}

/// The command that an import works for.
pub trait Host {
    /// Waits for the database.
    fn wait(&self, fates: Pending<Vec<Vec<Fate>>>) -> Result<Vec<Vec<Fate>>, Failure>;
    /// Whether somebody wants the work to end.
    fn is_interrupted(&self) -> bool;
    /// Says what is being done, beside the progress.
    fn doing(&self, what: String);
    /// Says something beside the result. It may hold anything that stands in the file.
    fn note(&self, text: &str);
}

/// Why an import ended before the file did.
#[derive(Debug)]
pub enum Ended {
    /// Somebody wanted it to. What is counted is in.
    Interrupted,
    /// Something broke.
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What was done. The names are stable.
#[derive(Default, Serialize)]
pub struct Summary {
    dry_run: bool,
    /// New here.
    added: usize,
    /// There already, with the same number, name and address.
    present: usize,
    /// Named on standard error.
    pub failed: usize,
    /// In order, but in a batch with one that failed.
    pub held_back: usize,
}

/// An import on its way through a file. While some batches are in their transaction the next ones
/// are read.
pub struct Importer<'a> {
    store: &'a Store,
    host: &'a dyn Host,
    options: Options,
    caller: Actor,
    clock: &'a Clock,
    /// For accounts without a time.
    pub(super) now: Timestamp,
    policies: Vec<RecordedPolicy>,
    /// Where each stands in the file, and the user or what is wrong with them.
    batch: Vec<(String, anyhow::Result<Record>)>,
    full: Vec<Full>,
    sent: Option<Sent>,
    /// Why the import ended before the file did.
    ended: Option<Ended>,
    /// Short forms of what users of earlier batches of a dry run have, which the database does not
    /// know: each batch is rolled back by itself, because one transaction over the whole file would keep
    /// a running server from writing. It takes 75 bytes a user.
    seen: HashSet<u64>,
    hashing: RandomState,
    /// Users whose name was somebody else's address.
    renamed: usize,
    summary: Summary,
}

/// Where each stands, and [`Importer::keys`] or what is wrong.
type Rows = Vec<(String, anyhow::Result<Vec<u64>>)>;

/// A batch that is ready.
#[derive(Default)]
struct Full {
    rows: Rows,
    users: Vec<Record>,
    refused: Vec<RefusedToken>,
    is_held_back: bool,
}

/// Batches in their transaction, and whether each is held back.
struct Sent {
    batches: Vec<(Rows, bool)>,
    fates: Pending<Vec<Vec<Fate>>>,
}

impl<'a> Importer<'a> {
    pub(crate) fn new(
        store: &'a Store,
        host: &'a dyn Host,
        options: Options,
        caller: Actor,
        clock: &'a Clock,
    ) -> Self {
        Self {
            store,
            host,
            options,
            caller,
            clock,
            now: clock.now(),
            policies: Vec::new(),
            batch: Vec::new(),
            full: Vec::new(),
            sent: None,
            ended: None,
            seen: HashSet::new(),
            hashing: RandomState::new(),
            renamed: 0,
            summary: Summary {
                dry_run: options.dry_run,
                ..Summary::default()
            },
        }
    }

    /// Publishes a version together with the next users.
    pub(super) fn publish(&mut self, policy: RecordedPolicy) {
        self.policies.push(policy);
    }

    /// Adds a user, or says what is wrong with them. An error ends the reading of the file.
    pub(super) fn add(
        &mut self,
        place: String,
        user: anyhow::Result<Record>,
    ) -> anyhow::Result<()> {
        self.check_interrupt()?;
        let user = user.and_then(|it| self.named_rightly(&place, it));
        self.batch.push((place, user));
        if self.batch.len() == BATCH {
            self.fill();
            self.send_if_full();
        }
        ensure!(self.ended.is_none(), "it ended early");
        Ok(())
    }

    /// A name with an `@` that is not the user's own address becomes that address: nobody loses their
    /// account for it, and nobody is found by an address that is not theirs.
    fn named_rightly(&mut self, place: &str, mut user: Record) -> anyhow::Result<Record> {
        if user.username.may_be_of(&user.email) {
            return Ok(user);
        }
        let email = user.email.as_str();
        let name = Username::parse(email).map_err(|rule| anyhow!("username: {rule}"))?;
        self.renamed += 1;
        if self.renamed <= NAMED {
            let before = &user.username;
            self.note(&format!(
                "{place}: the user name {before} is not this user's address; it is {name} now"
            ));
        }
        user.username = name;
        Ok(user)
    }

    /// Refuses tokens that the service before this one had blacklisted.
    pub(super) fn refuse(&mut self, tokens: &[RefusedToken]) -> anyhow::Result<()> {
        for some in tokens.chunks(BATCH) {
            self.check_interrupt()?;
            self.full.push(Full {
                refused: some.to_vec(),
                ..Full::default()
            });
            self.send_if_full();
        }
        Ok(())
    }

    fn send_if_full(&mut self) {
        let shared = if self.options.is_served {
            SHARED_WITH_A_SERVER
        } else {
            SHARED
        };
        if self.full.len() >= shared {
            self.ended = self.send().err().map(Ended::Failed);
        }
    }

    /// An error ends the reading of the file.
    pub(super) fn check_interrupt(&mut self) -> anyhow::Result<()> {
        if self.host.is_interrupted() {
            self.ended = Some(Ended::Interrupted);
        }
        ensure!(self.ended.is_none(), "it ended early");
        Ok(())
    }

    pub(super) fn note(&self, text: &str) {
        self.host.note(text);
    }

    pub(super) fn doing(&self, what: &str) {
        self.host.doing(what.to_owned());
    }

    pub(super) fn scratch(&self) -> Result<Scratch, Failure> {
        self.store.scratch()
    }

    /// Adds what was read, also if the file broke after it: a later run finds it present. Returns
    /// what was done, however the import ended.
    pub fn finish(mut self) -> (Summary, Result<(), Ended>) {
        let done = self.add_the_rest();
        (self.summary, done)
    }

    fn add_the_rest(&mut self) -> Result<(), Ended> {
        // Ctrl-C also ends whoever writes into a pipe: its end is not the end of the users then.
        if self.check_interrupt().is_err() {
            // The batches in their transaction count; those after them were never sent.
            self.settle()?;
            return self.ended.take().map_or(Ok(()), Err);
        }
        if self.renamed > NAMED {
            self.note(&format!(
                "{} more got their address as user name",
                self.renamed - NAMED
            ));
        }
        self.fill();
        self.send()?;
        Ok(self.settle()?)
    }

    /// Makes what was read a batch.
    fn fill(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let mut full = Full {
            is_held_back: !self.options.skip_failures
                && batch.iter().any(|(_, user)| user.is_err()),
            rows: Vec::with_capacity(batch.len()),
            users: Vec::with_capacity(batch.len()),
            refused: Vec::new(),
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
    fn send(&mut self) -> Result<(), Failure> {
        if self.sent.is_some() {
            self.settle()?;
            if self.options.is_served {
                std::thread::sleep(PAUSE);
            }
        }
        let (mut work, mut batches) = (Vec::new(), Vec::new());
        for full in std::mem::take(&mut self.full) {
            work.push(Batch {
                policies: self.policies.clone(),
                users: full.users,
                refused: full.refused,
                skip_clashes: self.options.skip_failures,
                dry_run: self.options.dry_run || full.is_held_back,
            });
            batches.push((full.rows, full.is_held_back));
        }
        let actor = self.caller.at(self.clock.now());
        let fates = self.store.import(work, actor);
        self.sent = Some(Sent { batches, fates });
        Ok(())
    }

    /// Waits for the batches in their transaction, and counts.
    fn settle(&mut self) -> Result<(), Failure> {
        if let Some(sent) = self.sent.take() {
            let fates = self.host.wait(sent.fates)?;
            for ((rows, is_held_back), fates) in sent.batches.into_iter().zip(fates) {
                self.count(rows, fates, is_held_back);
            }
        }
        self.host.doing(format!(
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
        if is_held_back || has_failures && !self.options.skip_failures {
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
            self.host.note(&format!("{place}: {why:#}"));
        }
    }

    /// Short forms of what nobody else may have: all of it together, name, address, and number.
    fn keys(&self, user: &Record) -> Vec<u64> {
        if !self.options.dry_run {
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
