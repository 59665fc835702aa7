//! The engines, and what each does in its own way.

use std::path::Path;
use std::sync::Arc;

use super::location::Location;
use super::pending::Pending;
use super::postgres::{self, Postgres};
use super::server_facts::ServerFacts;
use super::sql::{self, Sql};
use super::sqlite::{self, Sqlite};
use super::task::{Complete, End, Job, SessionQuery};
use crate::clock::Reading;
use crate::domain::{LiveSession, SessionId, Timestamp};
use crate::failure::Failure;
use crate::progress::Progress;

pub(super) enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Engine {
    pub(super) fn open(place: &Location, end: End, complete: Complete) -> Result<Self, Failure> {
        Ok(match place {
            Location::File(path) => Self::Sqlite(Sqlite::open(path, end, complete)?),
            Location::Server(url) => Self::Postgres(Postgres::open(url, end, complete)?),
        })
    }

    pub(super) fn readers(&self) -> Readers {
        match self {
            Self::Sqlite(it) => Readers::Sqlite(Arc::clone(&it.readers)),
            Self::Postgres(it) => Readers::Postgres(Arc::clone(&it.readers)),
        }
    }

    pub(super) fn write(&self, job: Job) {
        match self {
            Self::Sqlite(it) => it.write(job),
            Self::Postgres(it) => it.write(job),
        }
    }

    /// Whether other servers may use the same database: nobody can lock them out.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Whether what is written goes to where it is looked for.
    pub(super) fn check_place(&self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(it) => it.check_place(),
            // A connection leads where its server is.
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Whether the disk takes more than a few bytes.
    pub(super) fn check_room(&self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(it) => it.check_room(),
            // Its own probe takes some of the disk.
            Self::Postgres(_) => Ok(()),
        }
    }

    /// The session, if it has not expired: from memory, if it has not changed since it was read, else from
    /// `query`. Of a database that other machines change as well nothing is remembered.
    pub(super) fn session(
        &self,
        doing: &'static str,
        (id, now): (SessionId, Timestamp),
        query: SessionQuery,
    ) -> Pending<Option<LiveSession>> {
        match self {
            Self::Sqlite(it) => {
                let read = || Ok(it.readers.read(doing, move |sql| query(sql, &[id]))?.pop());
                let found = it.remembered_session(id, read);
                Pending::ready(found.map(|it| it.filter(|it| it.expires_at > now)))
            }
            Self::Postgres(it) => it.session(doing, (id, now), query),
        }
    }

    /// How many session look-ups were not answered from memory.
    pub(super) fn session_reads(&self) -> u64 {
        match self {
            Self::Sqlite(it) => it.session_reads(),
            Self::Postgres(_) => 0,
        }
    }

    pub(super) fn close(&self) {
        match self {
            Self::Sqlite(it) => it.close(),
            Self::Postgres(it) => it.close(),
        }
    }
}

/// What reads a database, and tells of it as a whole.
#[derive(Clone)]
pub(super) enum Readers {
    Sqlite(Arc<sqlite::Readers>),
    Postgres(Arc<postgres::Readers>),
}

impl Readers {
    /// Looks at a database, which must be there and of this program: nothing is created, migrated or
    /// written.
    pub(super) fn inspect(place: &Location) -> Result<Self, Failure> {
        Ok(match place {
            Location::File(path) => Self::Sqlite(Arc::new(sqlite::Readers::inspect(path)?)),
            Location::Server(url) => Self::Postgres(Arc::new(Postgres::inspect(url)?)),
        })
    }

    /// Runs `query`, which sees one state of the database.
    pub(super) fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        query: impl Fn(&mut dyn Sql) -> sql::Result<T> + Send + 'static,
    ) -> Pending<T> {
        match self {
            Self::Sqlite(it) => Pending::ready(it.read(doing, query)),
            Self::Postgres(it) => it.read(doing, query),
        }
    }

    /// The sizes of the database and of its write-ahead log, in bytes; that of a server is not ours.
    pub(super) fn sizes(&self) -> Result<(u64, u64), Failure> {
        match self {
            Self::Sqlite(it) => Ok(it.sizes()),
            Self::Postgres(it) => it.size().wait().map(|size| (size, 0)),
        }
    }

    /// How many connections of other servers and commands there are to a database that they may share.
    pub(super) fn others(&self) -> Result<i64, Failure> {
        match self {
            Self::Sqlite(_) => Ok(0),
            Self::Postgres(it) => it.others().wait(),
        }
    }

    /// Whether our tables are there, and may be used. Those of a file come and go with it.
    pub(super) fn check_tables(&self, doing: &'static str) -> Pending<()> {
        match self {
            Self::Sqlite(_) => Pending::ready(Ok(())),
            Self::Postgres(it) => it.read(doing, postgres::check_tables),
        }
    }

    /// What the clock of the database's server says, if it has one.
    pub(super) fn clock(&self, doing: &'static str) -> Pending<Option<Reading>> {
        match self {
            Self::Sqlite(_) => Pending::ready(Ok(None)),
            Self::Postgres(it) => it.read(doing, |sql| sql.clock()),
        }
    }

    /// What the server of the database tells of itself, if it has one.
    pub(super) fn server(&self, doing: &'static str) -> Result<Option<ServerFacts>, Failure> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(it) => it.read(doing, postgres::facts).wait().map(Some),
        }
    }

    /// The version of the schema, which may be that of another program.
    pub(super) fn schema(&self, doing: &'static str) -> Result<i32, Failure> {
        match self {
            Self::Sqlite(it) => it.schema(doing),
            Self::Postgres(it) => it.read(doing, postgres::applied).wait(),
        }
    }

    /// What is wrong with the database, at most a hundred things.
    pub(super) fn problems(
        &self,
        doing: &'static str,
        progress: &Progress,
    ) -> Result<Vec<String>, Failure> {
        match self {
            Self::Sqlite(it) => it.problems(doing, progress),
            Self::Postgres(it) => it.problems(doing),
        }
    }

    /// Copies a database that is a file, and returns the size of the copy and how many users are in it.
    pub(super) fn back_up(
        &self,
        to: &Path,
        progress: &Progress,
    ) -> Option<Result<(u64, i64), Failure>> {
        match self {
            Self::Sqlite(it) => Some(it.back_up(to, progress)),
            Self::Postgres(_) => None,
        }
    }
}

/// The version that the schema of a database has; 0 if there is none, or nothing in it.
pub fn schema_of(place: &Location) -> Result<i32, Failure> {
    match place {
        Location::File(path) => sqlite::schema_of(path),
        Location::Server(url) => postgres::schema_of(url),
    }
}

/// Whether there is a database, of this program. One that another program has is refused.
pub fn is_there(place: &Location) -> Result<bool, Failure> {
    match place {
        Location::File(path) => sqlite::is_there(path),
        Location::Server(url) => postgres::schema_of(url).map(|it| it > 0),
    }
}
