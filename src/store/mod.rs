//! The database. A noun's file holds its values, the rules of its transactions and their SQL, once
//! for every engine; an engine runs statements (`sql.rs`). One method is one transaction; a lookup
//! returns `Option`, because "not there" is an answer; times and random bytes are passed in.
//! What each method means is told by `tests/it/store*.rs`.

pub mod attempts;
pub mod audit;
mod audit_retention;
mod audit_start;
pub mod clock;
pub mod copy;
mod counts;
pub mod credentials;
pub mod doubt;
mod engine;
pub mod first_resets;
mod group_commit;
pub mod imported_tokens;
pub mod keys;
pub mod links;
mod location;
pub mod mails;
pub mod maintenance;
mod migrations;
pub mod passwords;
pub mod pending;
mod postgres;
pub mod privacy_policy;
pub mod profiles;
mod server_facts;
pub mod sessions;
mod sql;
mod sqlite;
mod tables;
mod task;
pub mod transfer;
pub mod users;
mod worker;

use crate::failure::Failure;
use engine::{Engine, Readers};
use pending::Pending;
use sql::Sql;
use task::{task, task_with_compensation};

pub use location::Location;
pub use postgres::{ServerUrl, UrlError};

/// The database.
pub struct Store {
    engine: Engine,
    readers: Readers,
}

impl Store {
    /// Whether requests may do with all tables what they need to. Whoever writes does not wait for that.
    pub fn check_tables(&self) -> Pending<()> {
        self.readers
            .check_tables("checking that the tables can be used")
    }

    /// Whether the database can be written.
    pub fn check_writable(&self) -> Pending<()> {
        if let Err(failure) = self.engine.check_room() {
            return Pending::ready(Err(failure));
        }
        self.write("checking that the database can be written", |sql| {
            sql.probe()
        })
    }

    /// Whether other servers may use the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.engine.is_shared()
    }

    /// Fails when what is written would be lost: somebody removed the database, or put another one in
    /// its place.
    pub fn check_place(&self) -> Result<(), Failure> {
        self.engine.check_place()
    }

    /// Waits for what was asked for and closes the database.
    pub fn close(&self) {
        self.engine.close();
    }

    /// How many session look-ups were not answered from memory.
    #[must_use]
    pub fn session_reads(&self) -> u64 {
        self.engine.session_reads()
    }

    /// Runs `query`, which sees one state of the database. An engine may run it on a thread of its own,
    /// and again if its transaction could not be finished; so it owns what it needs and uses nothing up.
    fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        query: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.readers.read(doing, query)
    }

    /// Runs `job`, as [`Store::read`] does, in a transaction that is committed, unless it fails, before
    /// the answer comes. If whoever asked for it has gone before it is begun (the client hung up, or was
    /// told that it took too long), it is not done.
    fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    ) -> Pending<T> {
        let (job, answer) = task(doing, false, job);
        self.engine.write(job);
        answer
    }

    /// As [`Store::write`]. If it is done, and whoever asked for it has gone meanwhile, `compensate` gets the answer.
    fn write_with_compensation<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
        compensate: impl FnOnce(T) + Send + 'static,
    ) -> Pending<T> {
        let (job, answer) = task_with_compensation(doing, job, compensate);
        self.engine.write(job);
        answer
    }

    /// As [`Store::write`], for what has to be done though whoever asked for it has gone.
    fn write_regardless<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    ) -> Pending<T> {
        let (job, answer) = task(doing, true, job);
        self.engine.write(job);
        answer
    }
}
