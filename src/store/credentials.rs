//! A user as one is looked up: by number, name or address, and with what decides a login.

use super::pending::Pending;
use super::sql::{Result, Row, Sql, ToValue, Value};
use super::{Store, profiles};
use crate::domain::{Email, Profile, User, UserRef, Username};

/// What decides whether somebody may log in.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub user: User,
    /// PHC string; none if no password can log in.
    pub password_hash: Option<String>,
    /// Organisation names count as names that a password may not be.
    pub profile: Profile,
}

impl Store {
    pub fn user(&self, who: &UserRef) -> Pending<Option<User>> {
        let who = who.clone();
        self.read("looking up a user", move |sql| find(sql, &who))
    }

    pub fn credentials(&self, who: &UserRef) -> Pending<Option<Credentials>> {
        let who = who.clone();
        self.read("looking up a login", move |sql| find_whole(sql, &who))
    }
}

/// A user, and what decides a login.
pub(super) fn find_whole(sql: &mut dyn Sql, who: &UserRef) -> Result<Option<Credentials>> {
    let (condition, key) = condition(who);
    sql.one(
        &select_credentials(&format!(
            "FROM users JOIN profiles ON user_id = users.id WHERE {condition}"
        )),
        &[key],
        credentials_from_row,
    )
}

/// The columns that [`user_from_row`] reads, in its order.
pub(super) const COLUMNS: &str = "users.id, username, users.email, first_name, last_name, is_active, is_staff, \
     users.created_at, last_login_at, email_confirmed_at, awaits_confirmation";
/// How many they are: what is selected after them starts here.
pub(super) const WIDTH: usize = 11;

/// A query that [`credentials_from_row`] reads. `rest` starts where the tables are named.
pub(super) fn select_credentials(rest: &str) -> String {
    format!(
        "SELECT {COLUMNS}, password_hash, {} {rest}",
        profiles::COLUMNS
    )
}

pub(super) fn user_from_row(row: &dyn Row) -> Result<User> {
    Ok(User {
        id: row.get(0)?,
        username: Username::stored(row.get(1)?),
        email: Email::stored(row.get(2)?),
        first_name: row.get(3)?,
        last_name: row.get(4)?,
        is_active: row.get(5)?,
        is_staff: row.get(6)?,
        created_at: row.get(7)?,
        last_login_at: row.get(8)?,
        email_confirmed_at: row.get(9)?,
        awaits_confirmation: row.get(10)?,
    })
}

pub(super) fn credentials_from_row(row: &dyn Row) -> Result<Credentials> {
    Ok(Credentials {
        user: user_from_row(row)?,
        password_hash: row.get(WIDTH)?,
        profile: profiles::from_row(row, WIDTH + 1)?,
    })
}

/// A condition on `users` and its one value.
fn condition(who: &UserRef) -> (&'static str, Value<'_>) {
    match who {
        UserRef::Id(id) => ("users.id = ?1", id.value()),
        UserRef::Username(name) => ("username_key = ?1", name.canonical().value()),
        UserRef::Email(email) => ("email_key = ?1", email.canonical().value()),
    }
}

pub(super) fn find(sql: &mut dyn Sql, who: &UserRef) -> Result<Option<User>> {
    let (condition, key) = condition(who);
    let query = format!("SELECT {COLUMNS} FROM users WHERE {condition}");
    sql.one(&query, &[key], user_from_row)
}
