//! SQLite, in WAL mode with `synchronous=FULL`: reads inline, writes in groups.

mod audit;
mod generation;
mod live;
mod mail;
mod open;
mod sessions;
mod users;
mod writer;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use self::live::LiveSessions;
use self::writer::Writer;
use super::{
    Actor, Attempt, Credentials, Delivery, DueMail, NewLink, NewUser, Opening, Pending, Store,
    Taken, UserPage,
};
use crate::domain::{LiveSession, Profile, SessionId, Timestamp, User, UserId, UserRef};
use crate::failure::Failure;

/// The database of one file. All writes go through one thread; reads happen on the caller's.
pub struct Sqlite {
    path: std::path::PathBuf,
    // As many connections as threads ever read at once: two mutex operations cost 50 ns, a new
    // connection 100 µs.
    readers: Mutex<Vec<Connection>>,
    live: LiveSessions,
    writer: Writer,
}

impl Sqlite {
    /// Opens the file, or creates it with mode 0600, and brings its schema up to date.
    ///
    /// # Errors
    /// If the file cannot be opened or is newer than this program, or if SQLite is too old to be safe.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let writing = open::writer(path)?;
        let live = LiveSessions::over(open::reader(path)?)?;
        Ok(Self {
            path: path.to_owned(),
            readers: Mutex::new(Vec::new()),
            live,
            writer: Writer::start(writing)?,
        })
    }

    fn read<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Pending<T> {
        Pending::ready(
            self.with_reader(|connection| query(connection).map_err(|err| failure(doing, err))),
        )
    }

    fn with_reader<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let idle = self
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.path)?,
        };
        let answer = query(&connection);
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        answer
    }
}

impl Store for Sqlite {
    fn user(&self, who: &UserRef) -> Pending<Option<User>> {
        self.read("looking up a user", |c| users::find(c, who))
    }

    fn credentials(&self, who: &UserRef) -> Pending<Option<Credentials>> {
        self.read("looking up a login", |c| users::credentials(c, who))
    }

    fn users(&self, page: &UserPage) -> Pending<Vec<User>> {
        self.read("listing users", |c| users::page(c, page))
    }

    fn profile(&self, user: UserId) -> Pending<Option<Profile>> {
        self.read("reading a profile", |c| users::profile(c, user))
    }

    fn live_session(&self, id: SessionId, now: Timestamp) -> Pending<Option<LiveSession>> {
        let found = self.live.find(id, || {
            self.with_reader(|c| {
                sessions::find(c, id).map_err(|err| failure("looking up a session", err))
            })
        });
        Pending::ready(found.map(|session| session.filter(|it| it.expires_at > now)))
    }

    fn session_of_cookie(&self, digest: &[u8; 32]) -> Pending<Option<SessionId>> {
        self.read("looking up a cookie", |c| sessions::of_cookie(c, digest))
    }

    fn link_user(
        &self,
        purpose: &'static str,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Pending<Option<Credentials>> {
        self.read("looking up a link", |c| {
            mail::link_user(c, purpose, digest, now)
        })
    }

    fn due_mail(&self, now: Timestamp, limit: usize) -> Pending<Vec<DueMail>> {
        self.read("reading the outbox", |c| mail::due(c, now, limit))
    }

    fn check_writable(&self) -> Pending<()> {
        self.writer
            .submit("checking that the database can be written", |c| {
                // The number is not used, so it can be written; reading says nothing of a full disk.
                c.execute_batch("PRAGMA user_version = 0")
            })
    }

    fn add_user(&self, user: NewUser, actor: Actor) -> Pending<Result<User, Taken>> {
        self.writer
            .submit("adding a user", move |c| users::add(c, &user, &actor))
    }

    fn set_active(&self, user: UserId, active: bool, actor: Actor) -> Pending<bool> {
        self.writer.submit("changing a user", move |c| {
            users::set_active(c, user, active, &actor)
        })
    }

    fn reserve_attempt(&self, key: Vec<u8>, now: Timestamp) -> Pending<Attempt> {
        self.writer.submit("counting a login attempt", move |c| {
            sessions::reserve_attempt(c, &key, now)
        })
    }

    fn open_session(&self, opening: Opening, actor: Actor) -> Pending<bool> {
        self.writer.submit("opening a session", move |c| {
            sessions::open(c, &opening, &actor)
        })
    }

    fn rotate(&self, id: SessionId, rotations: i64, now: Timestamp) -> Pending<bool> {
        self.writer.submit("rotating a refresh token", move |c| {
            sessions::rotate(c, id, rotations, now)
        })
    }

    fn end_session(&self, id: SessionId, reason: &'static str, actor: Actor) -> Pending<bool> {
        self.writer.submit("ending a session", move |c| {
            sessions::end(c, id, reason, &actor)
        })
    }

    fn queue_link_mail(
        &self,
        user: Option<UserId>,
        link: NewLink,
        most_per_hour: Option<usize>,
        actor: Actor,
    ) -> Pending<()> {
        self.writer.submit("queueing a mail", move |c| {
            mail::queue_link(c, user, &link, most_per_hour, &actor)
        })
    }

    fn redeem_password_link(
        &self,
        user: UserId,
        link: (&'static str, [u8; 32]),
        password_hash: String,
        attempts: Vec<u8>,
        actor: Actor,
    ) -> Pending<bool> {
        self.writer.submit("setting a password", move |c| {
            mail::redeem_password_link(c, user, link, &password_hash, &attempts, &actor)
        })
    }

    fn mark_mail(&self, id: i64, delivery: Delivery, now: Timestamp) -> Pending<()> {
        self.writer
            .submit("marking a mail", move |c| mail::mark(c, id, &delivery, now))
    }

    fn purge(&self, before: Timestamp) -> Pending<()> {
        self.writer.submit("forgetting what has expired", move |c| {
            sessions::purge(c, before)?;
            mail::purge(c, before)
        })
    }

    fn close(&self) {
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.writer.stop();
    }
}

/// A full disk, an I/O error or a lock may pass; anything else is a fault.
fn failure(doing: &'static str, err: rusqlite::Error) -> Failure {
    use rusqlite::ErrorCode as Code;
    let passing = matches!(
        err.sqlite_error_code(),
        Some(
            Code::DiskFull
                | Code::SystemIoFailure
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::ReadOnly
        )
    );
    let failure = Failure::new(doing, err);
    if passing { failure.passing() } else { failure }
}
