//! Sessions in memory, for as long as nobody has committed anything that a session look-up reads.
//!
//! The version of the data is read first, then the entry: so an entry is never older than its version.
//! It is served while the database still has that version. A logout, here or by another process, makes
//! a new version: there is no window in which an ended session still counts.
//!
//! Many commits of this process touch no session (a counted login attempt, a mail in hand). Such a
//! commit may move all entries on to the version that it makes. For that it must be known that the
//! new version differs from the old one by nothing but this commit:
//!
//! 1. Before the commit, the writer holds SQLite's write lock, so nobody else commits. It reads how
//!    often other connections have committed (`PRAGMA data_version`, of which SQLite promises that it
//!    changes when another connection commits, and not by a commit of its own), and the header.
//! 2. After the commit the write lock is gone, and others may commit at once. The writer reads the
//!    header first, and then `data_version`. If that has not changed, no other connection has
//!    committed until after the header was read; so what the header shows is the old state and this
//!    commit.
//!
//! Then an entry of the old version is also right in the new one. In any other case nothing is
//! moved, and the entries are useless. Nor is anything moved in a dry run, where nothing is committed,
//! or after SQLite has rolled the transaction back by itself (a full disk, say): the write lock is
//! gone then, and with it the first of these two proofs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use rusqlite::Connection;

use super::header::{DataVersion, Header};
use crate::domain::{LiveSession, SessionId};
use crate::failure::Failure;

/// A few hundred bytes each.
const MOST: usize = 4096;

pub(super) struct SessionCache {
    header: Header,
    known: RwLock<Known>,
    reads: AtomicU64,
}

struct Known {
    at: Option<DataVersion>,
    /// A commit is about to move the entries on. Without this a look-up between the commit and the
    /// move would find a new version, and empty the cache for it.
    is_moving: bool,
    sessions: HashMap<SessionId, Arc<LiveSession>>,
}

impl SessionCache {
    pub(super) fn over(connection: Connection) -> Result<Self, Failure> {
        Ok(Self {
            header: Header::over(connection)?,
            known: RwLock::new(Known {
                at: None,
                is_moving: false,
                sessions: HashMap::new(),
            }),
            reads: AtomicU64::new(0),
        })
    }

    /// See [`super::connect::leave_log`].
    pub(super) fn leave_log(&self) {
        self.header.leave_log();
    }

    /// The session from memory, else from `read`.
    pub(super) fn find(
        &self,
        id: SessionId,
        read: impl FnOnce() -> Result<Option<LiveSession>, Failure>,
    ) -> Result<Option<LiveSession>, Failure> {
        // Before the read: a commit between here and there makes this entry useless, not wrong.
        let now = self.header.read();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if now.is_some()
            && known.at == now
            && let Some(session) = known.sessions.get(&id)
        {
            return Ok(Some(LiveSession::clone(session)));
        }
        drop(known);
        self.reads.fetch_add(1, Ordering::Relaxed);
        let found = read()?;
        if let (Some(now), Some(session)) = (now, &found) {
            self.remember(now, session);
        }
        Ok(found)
    }

    /// How many look-ups had to read the database.
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn remember(&self, at: DataVersion, session: &LiveSession) {
        let mut known = self.known();
        if known.at != Some(at) {
            // A late entry must not empty the cache for a version that has gone.
            if known.is_moving || self.header.read() != Some(at) {
                return;
            }
            known.sessions.clear();
            known.at = Some(at);
        }
        if known.sessions.len() >= MOST {
            known.sessions.clear();
        }
        known.sessions.insert(session.id, Arc::new(session.clone()));
    }

    /// Runs `commit`, which ends the transaction of the connection that writes and touches no
    /// session, and moves the entries on.
    pub(super) fn keep_through<T>(&self, writing: &Connection, commit: impl FnOnce() -> T) -> T {
        let others = self.begin_move(writing);
        let done = commit();
        if let Some(others) = others {
            self.end_move(others, writing);
        }
        done
    }

    /// The number of commits of others, if there is anything to move.
    fn begin_move(&self, writing: &Connection) -> Option<i64> {
        // Without the write lock, which a transaction that SQLite rolled back has lost, nothing is known.
        if writing.is_autocommit() {
            return None;
        }
        let others = commits_of_others(writing)?;
        let now = self.header.read()?;
        let mut known = self.known();
        known.is_moving = known.at == Some(now);
        known.is_moving.then_some(others)
    }

    fn end_move(&self, others: i64, writing: &Connection) {
        // In this order, see above.
        let now = self.header.read();
        let is_alone = commits_of_others(writing) == Some(others);
        let mut known = self.known();
        known.is_moving = false;
        if now.is_some() && is_alone {
            known.at = now;
        }
    }

    fn known(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that other connections change when they commit.
fn commits_of_others(connection: &Connection) -> Option<i64> {
    let mut statement = connection.prepare_cached("PRAGMA data_version").ok()?;
    statement.query_row([], |row| row.get(0)).ok()
}
