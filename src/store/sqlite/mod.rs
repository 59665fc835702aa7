//! SQLite, in WAL mode with `synchronous=FULL`: reads inline, writes in groups.

mod backup;
mod connect;
mod error;
mod group;
mod header;
mod log;
mod migrate;
mod opening;
mod place;
mod readers;
mod restore;
mod scratch;
mod session_cache;
mod statements;
mod writer;

use std::path::Path;
use std::sync::{Arc, OnceLock};

pub use self::connect::engine_version;
pub(crate) use self::connect::is_there;
pub(crate) use self::migrate::schema_of;
pub(crate) use self::readers::Readers;
pub(crate) use self::restore::restore;
pub use self::restore::{SoundBackup, sound_backup};
pub use self::scratch::Scratch;

use super::task::{Complete, End, Job};
use crate::domain::{LiveSession, SessionId};
use crate::failure::Failure;
use group::Shared;
use opening::Opening;
use writer::Writer;

/// The database of one file. All writes go through one thread; reads happen on the caller's.
pub(crate) struct Sqlite {
    pub(crate) readers: Arc<Readers>,
    writer: Writer,
    /// None yet, if the disk is full. Goes last.
    shared: Arc<OnceLock<Arc<Shared>>>,
}

impl Sqlite {
    /// Opens the file, or creates it with mode 0600, and brings its schema up to date. `complete`
    /// does what a migration cannot. Each transaction ends as `end` says. On a full disk what is there
    /// can be read, and each write tries again.
    pub(crate) fn open(path: &Path, end: End, complete: Complete) -> Result<Self, Failure> {
        let shared = Arc::default();
        let readers = Readers::new(path, connect::reader).beside(Arc::clone(&shared));
        let readers = Arc::new(readers);
        let opened = (Arc::clone(&readers), Arc::clone(&shared));
        let mut opening = Opening::new(path.to_owned(), end, complete, opened);
        let open = opening.begin()?;
        Ok(Self {
            readers,
            shared,
            writer: Writer::start(open, opening)?,
        })
    }

    /// Fails when what is written would be lost: the files are gone, or others are in their place.
    pub(crate) fn check_place(&self) -> Result<(), Failure> {
        self.shared.get().map_or(Ok(()), |it| it.place.check())
    }

    pub(crate) fn check_room(&self) -> Result<(), Failure> {
        self.shared.get().map_or(Ok(()), |it| it.place.check_room())
    }

    pub(crate) fn write(&self, job: Job) {
        self.writer.submit(job);
    }

    /// The session from memory, if nothing has changed since it was read, else from `read`.
    pub(crate) fn remembered_session(
        &self,
        id: SessionId,
        read: impl FnOnce() -> Result<Option<LiveSession>, Failure>,
    ) -> Result<Option<LiveSession>, Failure> {
        match self.shared.get() {
            Some(it) => it.sessions.find(id, read),
            None => read(),
        }
    }

    /// How many session look-ups were not answered from memory.
    pub(crate) fn session_reads(&self) -> u64 {
        self.shared.get().map_or(0, |it| it.sessions.reads())
    }

    /// Does what was asked for, moves the write-ahead log into the database and closes it.
    pub(crate) fn close(&self) {
        self.readers.close();
        self.writer.close();
    }
}
