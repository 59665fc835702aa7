//! What is asked about accounts and profiles.

use super::links::NewLink;
use super::pending::Pending;
use crate::domain::Stamp;
use crate::domain::{Email, Profile, SessionId, User, UserId, UserRef, Username};

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
    /// Whether the user may log in once a mailed link was used.
    pub awaits_confirmation: bool,
    /// Whether the user is staff.
    pub is_staff: bool,
    /// Kept beside the account, in the same transaction.
    pub profile: Profile,
    /// What was said to the latest privacy policy, if anything was.
    pub consent: Option<bool>,
    /// The link that the user gets, in the same transaction.
    pub link: Option<NewLink>,
}

/// Why a user could not be added or changed.
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

/// What to change of a user; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Must be free.
    pub username: Option<Username>,
    /// Must be free. The old address gets a notice, and links that were sent there stop working.
    pub email: Option<Email>,
    /// May be empty.
    pub first_name: Option<String>,
    /// May be empty.
    pub last_name: Option<String>,
    /// Whether the user is staff.
    pub is_staff: Option<bool>,
    /// The whole profile.
    pub profile: Option<Profile>,
    /// A link to a new address, which must be free and replaces the old one when the link is used.
    /// The old address gets a notice.
    pub new_address: Option<NewLink>,
}

/// A password that was chosen, checked and hashed.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// PHC string.
    pub hash: String,
    /// The counter of failed attempts to clear.
    pub attempts: Vec<u8>,
    /// So many earlier passwords are remembered.
    pub remember: usize,
}

/// Accounts and profiles.
pub trait Users {
    /// The user of that name.
    fn user(&self, who: &UserRef) -> Pending<Option<User>>;
    /// The user of that name, with what decides a login.
    fn credentials(&self, who: &UserRef) -> Pending<Option<Credentials>>;
    /// Users in the order of their numbers.
    fn users(&self, page: &UserPage) -> Pending<Vec<User>>;
    /// A user's profile.
    fn profile(&self, user: UserId) -> Pending<Option<Profile>>;
    /// Hashes of a user's earlier passwords, the latest first; the one that counts is not among them.
    fn password_history(&self, user: UserId) -> Pending<Vec<String>>;
    /// Adds a user and the profile.
    fn add_user(&self, user: NewUser, actor: Stamp) -> Pending<Result<User, Taken>>;
    /// Changes a user, all or nothing. `None` if there is no such user.
    fn update_user(
        &self,
        user: UserId,
        change: UserChange,
        actor: Stamp,
    ) -> Pending<Result<Option<User>, Taken>>;
    /// Lets a user log in, or ends every session and lets nobody in. False if there is no such user.
    fn set_active(&self, user: UserId, active: bool, actor: Stamp) -> Pending<bool>;
    /// Sets a password, ends every session but `keep`, voids the user's links, and queues a notice.
    /// Nothing happens, and it says false, if `checked` is given and is not the current hash.
    fn set_password(
        &self,
        user: UserId,
        password: NewPassword,
        checked: Option<String>,
        keep: Option<SessionId>,
        actor: Stamp,
    ) -> Pending<bool>;
    /// Forgets a user and all that belongs to them; the audit trail keeps the number.
    /// False if there is no such user.
    fn delete_user(&self, user: UserId, actor: Stamp) -> Pending<bool>;
}
