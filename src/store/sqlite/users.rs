//! Accounts and profiles, as they are read.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::{Sqlite, changes};
use crate::domain::Stamp;
use crate::domain::{
    AdditionalFields, Email, Profile, SessionId, Timestamp, UploadPreference, User, UserId,
    UserRef, Username,
};
use crate::store::pending::Pending;
use crate::store::users::{Credentials, NewPassword, NewUser, Taken, UserChange, UserPage, Users};

/// The columns that [`from_row`] reads, in its order.
pub(crate) const COLUMNS: &str = "users.id, username, users.email, first_name, last_name, is_active, is_staff, \
     users.created_at, last_login_at, email_confirmed_at, awaits_confirmation";
/// How many they are: what is selected after them starts here.
pub(crate) const WIDTH: usize = 11;

pub(crate) fn from_row(row: &Row<'_>) -> Result<User> {
    Ok(User {
        id: UserId(row.get(0)?),
        username: Username::stored(row.get(1)?),
        email: Email::stored(row.get(2)?),
        first_name: row.get(3)?,
        last_name: row.get(4)?,
        is_active: row.get(5)?,
        is_staff: row.get(6)?,
        created_at: Timestamp(row.get(7)?),
        last_login_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        email_confirmed_at: row.get::<_, Option<i64>>(9)?.map(Timestamp),
        awaits_confirmation: row.get(10)?,
    })
}

/// A condition on `users` and its one parameter.
fn named(who: &UserRef) -> (&'static str, Value) {
    match who {
        UserRef::Id(id) => ("users.id = ?", id.0.into()),
        UserRef::Username(name) => ("username_key = ?", name.canonical().to_owned().into()),
        UserRef::Email(email) => ("email_key = ?", email.canonical().to_owned().into()),
    }
}

pub(crate) fn find(connection: &Connection, who: &UserRef) -> Result<Option<User>> {
    let (condition, key) = named(who);
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE {condition}"))?
        .query_row([key], from_row)
        .optional()
}

/// The columns that [`credentials_from_row`] reads beside [`COLUMNS`].
pub(crate) const CREDENTIAL_COLUMNS: &str = "password_hash, organisation_type, organisation_name, country, additional_fields, is_expert, upload_preference";

pub(crate) fn credentials_from_row(row: &Row<'_>) -> Result<Credentials> {
    Ok(Credentials {
        user: from_row(row)?,
        password_hash: row.get(WIDTH)?,
        profile: profile_from_row(row, WIDTH + 1)?,
    })
}

pub(crate) fn credentials(connection: &Connection, who: &UserRef) -> Result<Option<Credentials>> {
    let (condition, key) = named(who);
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, {CREDENTIAL_COLUMNS}
             FROM users JOIN profiles ON user_id = users.id WHERE {condition}"
        ))?
        .query_row([key], credentials_from_row)
        .optional()
}

pub(crate) fn profile(connection: &Connection, user: UserId) -> Result<Option<Profile>> {
    connection
        .prepare_cached(
            "SELECT organisation_type, organisation_name, country, additional_fields, is_expert, upload_preference
             FROM profiles WHERE user_id = ?",
        )?
        .query_row([user.0], |row| profile_from_row(row, 0))
        .optional()
}

fn profile_from_row(row: &Row<'_>, first: usize) -> Result<Profile> {
    Ok(Profile {
        organisation_type: row.get(first)?,
        organisation_name: row.get(first + 1)?,
        country: row.get(first + 2)?,
        additional_fields: AdditionalFields::stored(&row.get::<_, String>(first + 3)?),
        is_expert: row.get(first + 4)?,
        upload_preference: UploadPreference::parse(&row.get::<_, String>(first + 5)?)
            .unwrap_or_default(),
    })
}

/// Walks the primary key from `after`, so that a late page costs what the first one does.
pub(crate) fn page(connection: &Connection, page: &UserPage) -> Result<Vec<User>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM users
             WHERE users.id > ?1
               AND (?2 IS NULL OR instr(username_key, ?2) OR instr(email_key, ?2))
               AND (?3 IS NULL OR is_active = ?3)
               AND (?4 IS NULL OR is_staff = ?4)
             ORDER BY users.id LIMIT ?5"
        ))?
        .query_map(
            params![
                page.after.0,
                page.search,
                page.active,
                page.staff,
                i64::try_from(page.limit).unwrap_or(i64::MAX)
            ],
            from_row,
        )?
        .collect()
}

fn password_history(connection: &Connection, user: UserId) -> Result<Vec<String>> {
    connection
        .prepare_cached(
            "SELECT password_hash FROM password_history WHERE user_id = ? ORDER BY id DESC",
        )?
        .query_map([user.0], |row| row.get(0))?
        .collect()
}

impl Users for Sqlite {
    fn user(&self, who: &UserRef) -> Pending<Option<User>> {
        self.read("looking up a user", |c| find(c, who))
    }

    fn credentials(&self, who: &UserRef) -> Pending<Option<Credentials>> {
        self.read("looking up a login", |c| credentials(c, who))
    }

    fn users(&self, wanted: &UserPage) -> Pending<Vec<User>> {
        self.read("listing users", |c| page(c, wanted))
    }

    fn profile(&self, user: UserId) -> Pending<Option<Profile>> {
        self.read("reading a profile", |c| profile(c, user))
    }

    fn password_history(&self, user: UserId) -> Pending<Vec<String>> {
        self.read("reading earlier passwords", |c| password_history(c, user))
    }

    fn add_user(&self, user: NewUser, actor: Stamp) -> Pending<Result<User, Taken>> {
        self.write("adding a user", move |c| changes::add(c, &user, &actor))
    }

    fn update_user(
        &self,
        user: UserId,
        change: UserChange,
        actor: Stamp,
    ) -> Pending<Result<Option<User>, Taken>> {
        self.write("changing a user", move |c| {
            changes::update(c, user, &change, &actor)
        })
    }

    fn set_active(&self, user: UserId, active: bool, actor: Stamp) -> Pending<bool> {
        self.write("changing a user", move |c| {
            changes::set_active(c, user, active, &actor)
        })
    }

    fn set_password(
        &self,
        user: UserId,
        password: NewPassword,
        checked: Option<String>,
        keep: Option<SessionId>,
        actor: Stamp,
    ) -> Pending<bool> {
        self.write("setting a password", move |c| {
            let done = changes::set_password(c, user, &password, checked.as_deref(), keep, &actor)?;
            if done {
                changes::note_password(c, user, "password.change", &actor)?;
            }
            Ok(done)
        })
    }

    fn delete_user(&self, user: UserId, actor: Stamp) -> Pending<bool> {
        self.write("deleting a user", move |c| changes::delete(c, user, &actor))
    }
}
