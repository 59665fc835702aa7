//! The database. A noun's file holds its values, the rules of its transactions and their SQL, once
//! for every engine; an engine runs statements (`sql.rs`). One method is one transaction; a lookup
//! returns `Option`, because "not there" is an answer; times and random bytes are passed in.
//! What each method means is told by `tests/it/store*.rs`.

pub mod attempts;
pub mod audit;
mod audit_retention;
mod audit_start;
mod clock;
mod counts;
pub mod credentials;
pub mod imported_tokens;
pub mod links;
pub mod mails;
pub mod maintenance;
pub mod passwords;
pub mod pending;
pub mod privacy_policy;
pub mod profiles;
pub mod sessions;
mod sql;
mod sqlite;
pub mod transfer;
pub mod users;

use crate::domain::{LiveSession, SessionId};
use crate::failure::Failure;
use pending::Pending;
use sql::Sql;

/// What runs the statements. This is the one place where a second engine fits: as a variant.
type Engine = sqlite::Sqlite;

/// The database.
pub struct Store {
    engine: Engine,
}

impl Store {
    /// Whether the database can be written.
    pub fn check_writable(&self) -> Pending<()> {
        self.write("checking that the database can be written", |sql| {
            sql.probe()
        })
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
        Pending::ready(self.engine.readers.read(doing, query))
    }

    /// Runs `job`, as [`Store::read`] does, in a transaction that is committed, unless it fails, before
    /// the answer comes. If whoever asked for it has gone before it is begun (the client hung up, or was
    /// told that it took too long), it is not done.
    fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.engine.write(doing, false, job)
    }

    /// As [`Store::write`], for what has to be done though whoever asked for it has gone.
    fn write_regardless<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.engine.write(doing, true, job)
    }

    /// The session from memory, if it has not changed since it was read, else from `query`.
    fn remembered_session(
        &self,
        doing: &'static str,
        id: SessionId,
        query: impl Fn(&mut dyn Sql) -> sql::Result<Option<LiveSession>> + Send + 'static,
    ) -> Result<Option<LiveSession>, Failure> {
        self.engine
            .remembered_session(id, || self.engine.readers.read(doing, query))
    }
}
