//! PostgreSQL: reads on a few threads with a connection each, writes in groups on one. Servers that share
//! a database write one after the other: whoever begins to write holds a lock of the whole database until
//! the commit, as a writer of SQLite does. So the rules of the nouns hold as they are, and a group pays
//! once for the lock, the way and the disk.

mod client;
mod clock;
mod connect;
mod endpoint;
mod error;
mod facts;
mod hosts;
mod lookups;
mod migrate;
mod own_tables;
mod readers;
mod statements;
mod tls;
mod url;
mod writer;

use std::sync::Arc;
use std::time::Instant;

pub use self::url::{ServerUrl, UrlError};

use super::pending::Pending;
use super::task::{Complete, End, Job, SessionQuery};
use crate::domain::{LiveSession, SessionId, Timestamp};
use crate::failure::{Failure, panic_message};
use connect::Connector;
use lookups::Lookups;
use readers::PATIENCE;
use writer::Writer;

pub(crate) use self::facts::facts;
pub(crate) use self::migrate::applied;
pub(crate) use self::own_tables::check_tables;
pub(crate) use self::readers::Readers;

/// A database that a server of PostgreSQL has.
pub(crate) struct Postgres {
    pub(crate) readers: Arc<Readers>,
    lookups: Lookups,
    writer: Writer,
}

impl Postgres {
    /// Connects, and brings the schema up to date; whoever comes first does so for all. `complete` does
    /// what a migration cannot. Each transaction ends as `end` says.
    pub(crate) fn open(place: &ServerUrl, end: End, complete: Complete) -> Result<Self, Failure> {
        let connector = Arc::new(Connector::to(place)?);
        let connection = apart(|| migrate::migrate(&connector, complete))?;
        let readers = Arc::new(Readers::new(Arc::clone(&connector)));
        Ok(Self {
            lookups: Lookups::start(Arc::clone(&connector), Arc::clone(&readers))?,
            writer: Writer::start(connector, connection, Arc::clone(&readers), end)?,
            readers,
        })
    }

    /// Looks at it as it is: nothing is created, migrated or written.
    pub(crate) fn inspect(place: &ServerUrl) -> Result<Readers, Failure> {
        let connector = Arc::new(Connector::to(place)?);
        apart(|| migrate::schema(&connector))?;
        Ok(Readers::new(connector))
    }

    pub(crate) fn write(&self, job: Job) {
        self.writer.submit(job);
    }

    /// The session as it is now, if it has not expired: what other servers change as well is not remembered.
    pub(crate) fn session(
        &self,
        doing: &'static str,
        which: (SessionId, Timestamp),
        query: SessionQuery,
    ) -> Pending<Option<LiveSession>> {
        self.lookups.find(doing, which, query)
    }

    /// What writes goes first: a server that does not answer holds up the end for so long in all.
    pub(crate) fn close(&self) {
        let began = Instant::now();
        let left = || PATIENCE.saturating_sub(began.elapsed());
        self.writer.close(left());
        self.lookups.close(left());
        self.readers.close(left());
    }
}

/// The version that the schema of a database has; 0 if there is none, or nothing in it.
pub(crate) fn schema_of(place: &ServerUrl) -> Result<i32, Failure> {
    apart(|| migrate::schema(&Arc::new(Connector::to(place)?)))
}

/// Runs `work` on a thread of its own, and waits: the library may not be used on one that serves requests.
fn apart<T: Send>(work: impl FnOnce() -> Result<T, Failure> + Send) -> Result<T, Failure> {
    std::thread::scope(|scope| {
        scope.spawn(work).join().unwrap_or_else(|panic| {
            let said = panic_message(&*panic);
            Err(Failure::new("opening the database", said))
        })
    })
}
