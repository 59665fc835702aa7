//! Users on their way from a file into the database, in batches.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::BufRead;
use std::path::Path;
use std::time::Duration;

use anyhow::{anyhow, ensure};

use super::choices::{NoAddress, OnBlankEmail, OnDuplicate, instead};
use super::line::Line;
use super::report::{Case, Origin, Outcome, Summary};
use super::without_password::WithoutPassword;
use crate::clock::Clock;
use crate::domain::{Actor, Timestamp, User, Username, counted};
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
const SHARED_WITH_A_SERVER: usize = 1;

/// Between two transactions a running server gets its turn: SQLite's lock is not fair.
const PAUSE: Duration = Duration::from_millis(5);

/// So many new users make other plans worth while.
const MANY: usize = 1000;

/// How to import.
#[derive(Clone, Copy)]
pub struct Options {
    /// Whether everything is rolled back.
    pub dry_run: bool,
    /// Whether it ends as soon as somebody has come over.
    pub until_first: bool,
    /// Whether the others of a batch are added if one of them cannot be.
    pub skip_failures: bool,
    /// None if users without an address fail.
    pub on_blank_email: Option<OnBlankEmail>,
    /// None if users whose name or address is taken fail.
    pub on_duplicate: Option<OnDuplicate>,
    /// Whether the numbers of users who get new ones are asked for.
    pub with_numbers: bool,
    /// Whether it is asked afterwards who came without a password.
    pub with_resets: bool,
    /// Whether a server works on the same database, and has to get its turn.
    pub is_served: bool,
}

/// Opens a file at its beginning.
pub type Open<'a> = &'a dyn Fn() -> anyhow::Result<Box<dyn BufRead>>;

/// The command that an import works for.
pub trait Host {
    /// The file is read, perhaps not for the first time. Nobody is to know what is said of it until it
    /// is known that this counts, if it `is_rehearsal`.
    fn begin(&self, is_rehearsal: bool);
    /// Waits for the database.
    fn wait(&self, fates: Pending<Vec<Vec<Fate>>>) -> Result<Vec<Vec<Fate>>, Failure>;
    /// Whether somebody wants the work to end.
    fn is_interrupted(&self) -> bool;
    /// Says what is being done, beside the progress.
    fn doing(&self, what: String);
    /// Says something beside the result. It may hold anything that stands in the file.
    fn note(&self, text: &str);
    /// Writes down what became of a user. It may hold anything that stands in the file.
    fn report(&self, case: &Case);
    /// Waits for a user.
    fn find(&self, user: Pending<Option<User>>) -> Result<Option<User>, Failure>;
}

/// Why an import ended before the file did.
#[derive(Debug)]
pub enum Ended {
    /// Somebody came over, and no more was asked.
    Answered,
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

/// An import on its way through a file. While some batches are in their transaction the next ones
/// are read.
pub struct Importer<'a> {
    pub(super) store: &'a Store,
    pub(super) host: &'a dyn Host,
    pub(super) options: Options,
    /// Beside what rows are put aside that memory may not hold.
    pub(super) put_aside: &'a Path,
    caller: Actor,
    clock: &'a Clock,
    /// For accounts without a time.
    pub(super) now: Timestamp,
    policies: Vec<RecordedPolicy>,
    /// The highest number that somebody is to keep.
    highest: Option<i64>,
    /// How each stands in the file, and the user or what is wrong with them.
    batch: Vec<(Origin, anyhow::Result<Record>)>,
    full: Vec<Full>,
    sent: Option<Sent>,
    /// Why the import ended before the file did.
    ended: Option<Ended>,
    /// Short forms of what users of earlier batches of a dry run have, which the database does not
    /// know: each batch is rolled back by itself, because one transaction over the whole file would keep
    /// a running server from writing. It takes 75 bytes a user.
    pub(super) seen: HashSet<u64>,
    hashing: RandomState,
    pub(super) without_password: WithoutPassword,
    pub(super) summary: Summary,
}

/// How each stands in the file, and [`Importer::keys`] or what is wrong.
pub(super) type Rows = Vec<(Origin, anyhow::Result<Vec<u64>>)>;

/// What an import did.
pub struct Done {
    pub summary: Summary,
    /// The highest number that somebody is to keep.
    pub highest: Option<i64>,
    pub without_password: WithoutPassword,
    /// How it ended.
    pub end: Result<(), Ended>,
}

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
        (options, put_aside): (Options, &'a Path),
        caller: Actor,
        clock: &'a Clock,
    ) -> Self {
        Self {
            store,
            host,
            options,
            put_aside,
            caller,
            clock,
            now: clock.now(),
            policies: Vec::new(),
            highest: None,
            batch: Vec::new(),
            full: Vec::new(),
            sent: None,
            ended: None,
            seen: HashSet::new(),
            hashing: RandomState::new(),
            without_password: WithoutPassword::default(),
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
        mut origin: Origin,
        line: anyhow::Result<Line>,
    ) -> anyhow::Result<()> {
        self.check_interrupt()?;
        let choice = self.options.on_blank_email;
        let with_placeholder = choice == Some(OnBlankEmail::Placeholder);
        let user = line
            .and_then(|it| it.record(self.now, with_placeholder))
            .and_then(|it| named_rightly(&mut origin, it));
        if let Ok(record) = &user {
            self.highest = self.highest.max(record.id.map(|it| it.0));
        }
        match user {
            Err(err) if choice == Some(OnBlankEmail::Skip) && err.is::<NoAddress>() => {
                self.skip(&origin, &err);
            }
            user => self.batch.push((origin, user)),
        }
        if self.batch.len() == BATCH {
            self.fill();
            self.send_if_full();
        }
        ensure!(self.ended.is_none(), "it ended early");
        Ok(())
    }

    pub(super) fn skip(&mut self, origin: &Origin, why: &anyhow::Error) {
        self.summary.skipped += 1;
        self.say(Case::new(Outcome::Skipped, origin, format!("{why:#}")));
    }

    pub(super) fn say(&mut self, case: Case) {
        self.host.report(&case);
        self.summary.changed += usize::from(case.outcome == Outcome::Changed);
        if let Some(sentence) = self.summary.enter(case) {
            self.host.note(&sentence);
        }
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
        let shared = match &self.options {
            it if it.until_first => 1,
            it if it.is_served => SHARED_WITH_A_SERVER,
            _ => SHARED,
        };
        if self.full.len() >= shared
            && let Err(failure) = self.send()
        {
            self.ended = Some(Ended::Failed(failure));
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
        Scratch::beside(self.put_aside)
    }

    /// Remembers rows that have no place here.
    pub(super) fn pass_over(&mut self, model: String, rows: usize) {
        let counted = counted(rows, "row has", "rows have");
        self.note(&format!("{model}: {counted} no place here"));
        self.summary.passed_over.insert(model, rows);
    }

    /// Adds what was read, also if the file broke after it: a later run finds it present. Returns
    /// what was done, however the import ended.
    pub fn finish(mut self) -> Done {
        let end = self.add_the_rest();
        self.summary.others().for_each(|it| self.note(&it));
        Done {
            summary: self.summary,
            highest: self.highest,
            without_password: self.without_password,
            end,
        }
    }

    fn add_the_rest(&mut self) -> Result<(), Ended> {
        // Ctrl-C also ends whoever writes into a pipe: its end is not the end of the users then.
        if self.check_interrupt().is_err() {
            // The batches in their transaction count; those after them were never sent.
            self.settle()?;
            return self.ended.take().map_or(Ok(()), Err);
        }
        self.fill();
        self.send()?;
        self.settle()?;
        if self.summary.added >= MANY && !self.options.dry_run {
            self.store.wrote_many().wait()?;
        }
        Ok(())
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
                skip_duplicates: self.options.on_duplicate == Some(OnDuplicate::Skip),
                instead: match self.options.on_duplicate {
                    Some(OnDuplicate::Suffix) => Some(instead),
                    _ => None,
                },
                dry_run: self.options.dry_run || full.is_held_back,
            });
            batches.push((full.rows, full.is_held_back));
        }
        let stamp = self.caller.at(self.clock.now());
        let fates = self.store.import(work, stamp);
        self.sent = Some(Sent { batches, fates });
        Ok(())
    }

    /// Waits for the batches in their transaction, and counts.
    fn settle(&mut self) -> Result<(), Failure> {
        if let Some(sent) = self.sent.take() {
            let fates = self.host.wait(sent.fates)?;
            for ((rows, is_held_back), fates) in sent.batches.into_iter().zip(fates) {
                self.count(rows, fates, is_held_back)?;
            }
        }
        let (added, failed) = (self.summary.added, self.summary.failed);
        if self.options.until_first && added > 0 {
            self.ended = Some(Ended::Answered);
        }
        self.host.doing(if self.options.dry_run {
            format!("checking users: {added} are right, {failed} failed")
        } else {
            format!("importing users: {added} added, {failed} failed")
        });
        Ok(())
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

/// A name with an `@` that is not the user's own address becomes that address: nobody loses their
/// account for it, and nobody is found by an address that is not theirs.
fn named_rightly(origin: &mut Origin, mut user: Record) -> anyhow::Result<Record> {
    if user.email.leads_nowhere() && user.email.as_str() != origin.email {
        let instead = &user.email;
        let reason = match origin.email.trim() {
            "" => format!("it has no address; {instead} stands for one"),
            _ => format!("mail cannot reach its address; {instead} stands for one"),
        };
        origin.notes.push((Outcome::Changed, reason));
    }
    let taken_for = match user.username.canonical() {
        "-" => Some("-, which the command line takes for standard input"),
        _ if user.username.is_number() => {
            Some("digits alone, which the command line takes for a number")
        }
        _ => None,
    };
    if let Some(what) = taken_for {
        let reason = format!("the user name is {what}; name this user by the address there");
        origin.notes.push((Outcome::Noted, reason));
    }
    user.takes_imported_tokens = origin.keeps_number;
    if user.username.may_be_of(&user.email) {
        return Ok(user);
    }
    let email = user.email.as_str();
    let name = Username::parse(email).map_err(|rule| anyhow!("username: {rule}"))?;
    let before = &user.username;
    let reason = format!("the user name {before} is not this user's address; it is {name} now");
    origin.notes.push((Outcome::Changed, reason));
    user.username = name;
    Ok(user)
}
