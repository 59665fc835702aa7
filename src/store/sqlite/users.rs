//! Accounts and profiles.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::audit;
use crate::domain::{AdditionalFields, Email, Profile, Timestamp, User, UserId, UserRef, Username};
use crate::store::{Actor, Credentials, NewUser, Taken, UserPage};

/// The columns that [`from_row`] reads, in its order.
pub(super) const COLUMNS: &str = "users.id, username, email, first_name, last_name, is_active, is_staff, \
     users.created_at, last_login_at";

pub(super) fn from_row(row: &Row<'_>) -> Result<User> {
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

pub(super) fn find(connection: &Connection, who: &UserRef) -> Result<Option<User>> {
    let (condition, key) = named(who);
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE {condition}"))?
        .query_row([key], from_row)
        .optional()
}

/// The columns that [`credentials_from_row`] reads beside [`COLUMNS`].
pub(super) const CREDENTIAL_COLUMNS: &str =
    "password_hash, organisation_type, organisation_name, country, additional_fields";

pub(super) fn credentials_from_row(row: &Row<'_>) -> Result<Credentials> {
    Ok(Credentials {
        user: from_row(row)?,
        password_hash: row.get(9)?,
        profile: profile_from_row(row, 10)?,
    })
}

pub(super) fn credentials(connection: &Connection, who: &UserRef) -> Result<Option<Credentials>> {
    let (condition, key) = named(who);
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, {CREDENTIAL_COLUMNS}
             FROM users JOIN profiles ON user_id = users.id WHERE {condition}"
        ))?
        .query_row([key], credentials_from_row)
        .optional()
}

pub(super) fn profile(connection: &Connection, user: UserId) -> Result<Option<Profile>> {
    connection
        .prepare_cached(
            "SELECT organisation_type, organisation_name, country, additional_fields FROM profiles WHERE user_id = ?",
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
    })
}

/// Walks the primary key from `after`, so that a late page costs what the first one does.
pub(super) fn page(connection: &Connection, page: &UserPage) -> Result<Vec<User>> {
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

pub(super) fn add(
    connection: &Connection,
    user: &NewUser,
    actor: &Actor,
) -> Result<std::result::Result<User, Taken>> {
    // The one transaction at a time makes these checks final; the UNIQUE columns stand behind them.
    let is_there = |sql: &str, key: &str| connection.prepare_cached(sql)?.exists([key]);
    if is_there(
        "SELECT 1 FROM users WHERE email_key = ?",
        user.email.canonical(),
    )? {
        return Ok(Err(Taken::Email));
    }
    if is_there(
        "SELECT 1 FROM users WHERE username_key = ?",
        user.username.canonical(),
    )? {
        return Ok(Err(Taken::Username));
    }
    let added = connection
        .prepare_cached(&format!(
            "INSERT INTO users (username, username_key, email, email_key, first_name, last_name, password_hash,
                                is_active, is_staff, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {}",
            COLUMNS.replace("users.", "")
        ))?
        .query_row(
            params![
                user.username.as_str(),
                user.username.canonical(),
                user.email.as_str(),
                user.email.canonical(),
                user.first_name,
                user.last_name,
                user.password_hash,
                user.is_active,
                user.is_staff,
                actor.at.0,
            ],
            from_row,
        )?;
    add_profile(connection, added.id, &user.profile)?;
    audit::write(connection, actor, "user.create", Some(added.id), None)?;
    Ok(Ok(added))
}

fn add_profile(connection: &Connection, user: UserId, profile: &Profile) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO profiles (user_id, organisation_type, organisation_name, country, additional_fields)
             VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![
            user.0,
            profile.organisation_type,
            profile.organisation_name,
            profile.country,
            profile.additional_fields.to_json(),
        ])?;
    Ok(())
}

pub(super) fn set_active(
    connection: &Connection,
    user: UserId,
    active: bool,
    actor: &Actor,
) -> Result<bool> {
    let changed = connection
        .prepare_cached("UPDATE users SET is_active = ?2 WHERE id = ?1")?
        .execute(params![user.0, active])?;
    if changed == 0 {
        return Ok(false);
    }
    let action = if active {
        "user.activate"
    } else {
        "user.deactivate"
    };
    audit::write(connection, actor, action, Some(user), None)?;
    if !active {
        super::sessions::end_all(connection, user, actor.at)?;
    }
    Ok(true)
}
