//! Opening the database for whoever writes; and waiting for room, where a full disk has none for that.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::connect;
use super::group::{Open, Shared};
use super::header::Header;
use super::log::log_of;
use super::migrate;
use super::place::Place;
use super::readers::Readers;
use super::session_cache::SessionCache;
use crate::failure::{DISK_FULL, Failure};
use crate::private_file::replace::Draft;
use crate::store::migrations::newest_schema;
use crate::store::task::{Complete, End};

/// Pause between two attempts to open it.
const PAUSE: Duration = Duration::from_secs(1);

/// What SQLite needs to begin: the memory that processes share is a file of this size.
const ROOM: usize = 32 * 1024;

/// How the database is opened, once there is room for that.
pub(super) struct Opening {
    pub(super) path: PathBuf,
    pub(super) end: End,
    pub(super) complete: Complete,
    pub(super) readers: Arc<Readers>,
    pub(super) shared: Arc<OnceLock<Arc<Shared>>>,
    /// When it was tried last, and why that failed.
    tried: Option<Instant>,
    why: String,
}

impl Opening {
    pub(super) fn new(
        path: PathBuf,
        end: End,
        complete: Complete,
        (readers, shared): (Arc<Readers>, Arc<OnceLock<Arc<Shared>>>),
    ) -> Self {
        Self {
            path,
            end,
            complete,
            readers,
            shared,
            tried: None,
            why: String::new(),
        }
    }

    /// Opens the database. On a full disk, where all that there is to read is in the file, that can
    /// wait: then there is none yet, and readers have the file alone.
    pub(super) fn begin(&mut self) -> Result<Option<Open>, Failure> {
        let opened = self.open();
        match opened {
            Ok(open) => Ok(Some(open)),
            Err(failure) if self.can_wait() => {
                self.failed(&failure);
                tracing::error!(event = "disk_full", error = self.why);
                self.readers.pass_over_log();
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Tries again, unless that was a moment ago, and says why it failed.
    pub(super) fn again(&mut self) -> Result<Open, &str> {
        if self.tried.is_none_or(|it| it.elapsed() >= PAUSE) {
            match self.readers.with_log_again(|| self.open()) {
                Ok(open) => {
                    tracing::info!(event = "disk_has_room");
                    return Ok(open);
                }
                Err(failure) => self.failed(&failure),
            }
        }
        Err(&self.why)
    }

    fn failed(&mut self, failure: &Failure) {
        self.tried = Some(Instant::now());
        // SQLite tells of a disk error, because of what it was doing.
        self.why = if self.is_full() {
            DISK_FULL.to_owned()
        } else {
            failure.chain()
        };
    }

    fn open(&self) -> Result<Open, Failure> {
        let connection = migrate::open(&self.path, self.complete)?;
        let header = Arc::new(Header::over(connect::reader(&self.path)?)?);
        let shared = Arc::new(Shared {
            sessions: SessionCache::over(Arc::clone(&header)),
            place: Place::of(&self.path, header).map_err(Failure::when("opening the database"))?,
        });
        // Nobody else sets it, and it is opened once.
        let _ = self.shared.set(Arc::clone(&shared));
        Ok(Open {
            connection,
            end: self.end,
            shared,
        })
    }

    fn can_wait(&self) -> bool {
        let is_current = || {
            let file = connect::untouched(&self.path)?;
            migrate::applied(&file)
        };
        connect::size(&log_of(&self.path)) == 0
            && self.is_full()
            && is_current().is_ok_and(|it| it == newest_schema())
    }

    fn is_full(&self) -> bool {
        let fill = || fs::write(Draft::beside(&self.path)?.path(), vec![0; ROOM]);
        let kind = fill().err().map(|it| it.kind());
        matches!(
            kind,
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
        )
    }
}
