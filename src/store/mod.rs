//! What is asked of a database, in the words of the domain. One method is one transaction; a lookup
//! returns `Option`, because "not there" is an answer; times and random bytes are passed in.
//! What each method means is told by `tests/it/store.rs`, which runs over every engine.

mod pending;
mod sqlite;

pub use pending::Pending;
pub use sqlite::Sqlite;

use crate::domain::{
    Email, LiveSession, Profile, Session, SessionId, Timestamp, User, UserId, UserRef, Username,
};

/// Who does something, for the audit trail: every changing method takes one.
#[derive(Clone, Debug)]
pub struct Actor {
    /// `http`, or `cli:` and the name or number of the operating system's user.
    pub name: String,
    /// The client's address, if there is one.
    pub address: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What decides whether somebody may log in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose they are.
    pub user: User,
    /// PHC string; none if no password can log in.
    pub password_hash: Option<String>,
    /// Organisation names count as names that a password may not be.
    pub profile: Profile,
}

/// A user to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Must be free in its canonical form.
    pub username: Username,
    /// Must be free in its canonical form.
    pub email: Email,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// PHC string; none if no password can log in.
    pub password_hash: Option<String>,
    /// Whether the user may log in.
    pub is_active: bool,
    /// Whether the user is staff.
    pub is_staff: bool,
    /// Kept beside the account, in the same transaction.
    pub profile: Profile,
}

/// Why a user could not be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Somebody has this user name.
    Username,
    /// Somebody has this address.
    Email,
}

/// Which users to list, in the order of their numbers.
#[derive(Clone, Debug)]
pub struct UserPage {
    /// Only users with a higher number.
    pub after: UserId,
    /// At most so many.
    pub limit: usize,
    /// Only users whose name or address contains this, whatever its case.
    pub search: Option<String>,
    /// Only inactive (`Some(false)`) or active users.
    pub active: Option<bool>,
    /// Only staff (`Some(true)`) or others.
    pub staff: Option<bool>,
}

/// What a counted login attempt may do (see [`Store::reserve_attempt`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It may be evaluated; it is already counted as failed.
    Allowed,
    /// Not before so many seconds.
    Wait(u64),
    /// Too many failures in a row: only a password reset helps.
    Disabled,
}

/// A session to open when a password was right.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The session.
    pub session: Session,
    /// The hash that the password was checked against; none opens without a password.
    pub checked: Option<String>,
    /// A hash at today's cost that replaces it.
    pub rehashed: Option<String>,
    /// The counter of failed attempts to clear.
    pub attempts: Option<Vec<u8>>,
    /// At most so many sessions of a user live; the oldest end.
    pub most: usize,
}

/// A link that a mail will carry, as it is stored.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// What it is for; a link serves one purpose only.
    pub purpose: &'static str,
    /// What its token is derived from.
    pub nonce: [u8; 32],
    /// SHA-256 of its token.
    pub digest: [u8; 32],
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A mail that is due.
#[derive(Clone, Debug)]
pub struct DueMail {
    /// Its number in the outbox.
    pub id: i64,
    /// Which mail.
    pub kind: String,
    /// Whom it is about; a decoy is about nobody.
    pub user: Option<User>,
    /// The address stored with the account.
    pub recipient: String,
    /// What the token of its link is derived from.
    pub nonce: Option<[u8; 32]>,
    /// When its link stops working.
    pub expires_at: Option<Timestamp>,
}

/// What became of a mail.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// It was sent, or written to a file.
    Sent,
    /// It was not; to be tried again at that time.
    Retry(Timestamp, String),
    /// It was about nobody, and is forgotten.
    Decoy,
    /// Its link stopped working before it could be sent.
    Expired,
}

/// The database.
pub trait Store: Send + Sync {
    /// The user of that name.
    fn user(&self, who: &UserRef) -> Pending<Option<User>>;
    /// The user of that name, with what decides a login.
    fn credentials(&self, who: &UserRef) -> Pending<Option<Credentials>>;
    /// Users in the order of their numbers.
    fn users(&self, page: &UserPage) -> Pending<Vec<User>>;
    /// A user's profile.
    fn profile(&self, user: UserId) -> Pending<Option<Profile>>;
    /// The session, if it has not ended at `now` and its user is active.
    fn live_session(&self, id: SessionId, now: Timestamp) -> Pending<Option<LiveSession>>;
    /// The session of a cookie, whether alive or not.
    fn session_of_cookie(&self, digest: &[u8; 32]) -> Pending<Option<SessionId>>;
    /// The user whom a link lets in, if it is unused and has not expired at `now`.
    fn link_user(
        &self,
        purpose: &'static str,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Pending<Option<Credentials>>;
    /// Mails due at `now`, oldest first.
    fn due_mail(&self, now: Timestamp, limit: usize) -> Pending<Vec<DueMail>>;
    /// Whether the database can be written.
    fn check_writable(&self) -> Pending<()>;

    /// Adds a user and the profile.
    fn add_user(&self, user: NewUser, actor: Actor) -> Pending<Result<User, Taken>>;
    /// Lets a user log in, or ends every session and lets nobody in. False if there is no such user.
    fn set_active(&self, user: UserId, active: bool, actor: Actor) -> Pending<bool>;
    /// Counts an attempt before it is evaluated, so that parallel guesses cannot outrun the count.
    fn reserve_attempt(&self, key: Vec<u8>, now: Timestamp) -> Pending<Attempt>;
    /// Opens a session and clears the user's failed attempts, if the user is still active and the
    /// password still the one that was checked. False otherwise.
    fn open_session(&self, opening: Opening, actor: Actor) -> Pending<bool>;
    /// Counts a rotation of the refresh token, if `rotations` is still the count.
    fn rotate(&self, id: SessionId, rotations: i64, now: Timestamp) -> Pending<bool>;
    /// Ends a session. False if it had ended before.
    fn end_session(&self, id: SessionId, reason: &'static str, actor: Actor) -> Pending<bool>;
    /// Writes a link and its mail to the user's stored address, or a decoy of the same cost if
    /// there is no active user or `most_per_hour` were written within the hour.
    fn queue_link_mail(
        &self,
        user: Option<UserId>,
        link: NewLink,
        most_per_hour: Option<usize>,
        actor: Actor,
    ) -> Pending<()>;
    /// Uses up a link of `user`: sets the password, ends every session, voids the user's other links
    /// and clears the failed attempts. False if the link was used, has expired or is another's.
    fn redeem_password_link(
        &self,
        user: UserId,
        link: (&'static str, [u8; 32]),
        password_hash: String,
        attempts: Vec<u8>,
        actor: Actor,
    ) -> Pending<bool>;
    /// Notes what became of a mail.
    fn mark_mail(&self, id: i64, delivery: Delivery, now: Timestamp) -> Pending<()>;
    /// Forgets what nobody needs any more: sessions, links, counters and mails that ended before `before`.
    fn purge(&self, before: Timestamp) -> Pending<()>;

    /// Waits for what was asked for, moves the write-ahead log into the database and closes it.
    fn close(&self);
}
