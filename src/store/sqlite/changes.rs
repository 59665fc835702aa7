//! Accounts and profiles, as they are changed.

use rusqlite::{Connection, Result, params};

use super::outbox::NewRow;
use super::{attempts, audit, links, outbox, privacy_policy, sessions, users};
use crate::domain::Stamp;
use crate::domain::{
    Email, MailKind, Profile, SessionId, Timestamp, User, UserId, UserRef, Username,
};
use crate::store::users::{NewPassword, NewUser, Taken, UserChange};

pub(crate) fn add(
    connection: &Connection,
    user: &NewUser,
    actor: &Stamp,
) -> Result<std::result::Result<User, Taken>> {
    if let Some(taken) = taken(connection, Some(&user.username), Some(&user.email), None)? {
        return Ok(Err(taken));
    }
    let added = connection
        .prepare_cached(&format!(
            "INSERT INTO users (username, username_key, email, email_key, first_name, last_name, password_hash,
                                is_active, is_staff, created_at, awaits_confirmation)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {}",
            users::COLUMNS.replace("users.", "")
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
                user.awaits_confirmation,
            ],
            users::from_row,
        )?;
    set_profile(connection, added.id, &user.profile)?;
    if let Some(given) = user.consent {
        privacy_policy::give(connection, added.id, given, actor)?;
    }
    if let Some(link) = &user.link {
        links::write(
            connection,
            Some(added.id),
            Some(user.email.as_str()),
            link,
            actor.at,
        )?;
    }
    audit::write(connection, actor, "user.create", Some(added.id), None)?;
    Ok(Ok(added))
}

/// Whether somebody else has the name or the address. The one transaction at a time makes this
/// final; the UNIQUE columns stand behind it.
pub(crate) fn taken(
    connection: &Connection,
    username: Option<&Username>,
    email: Option<&Email>,
    own: Option<UserId>,
) -> Result<Option<Taken>> {
    let own = own.map(|it| it.0);
    let is_there = |sql: &str, key: &str| connection.prepare_cached(sql)?.exists(params![key, own]);
    if let Some(email) = email
        && is_there(
            "SELECT 1 FROM users WHERE email_key = ? AND id IS NOT ?",
            email.canonical(),
        )?
    {
        return Ok(Some(Taken::Email));
    }
    if let Some(username) = username
        && is_there(
            "SELECT 1 FROM users WHERE username_key = ? AND id IS NOT ?",
            username.canonical(),
        )?
    {
        return Ok(Some(Taken::Username));
    }
    Ok(None)
}

pub(crate) fn set_profile(connection: &Connection, user: UserId, profile: &Profile) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO profiles (user_id, organisation_type, organisation_name, country,
                                              additional_fields, is_expert, upload_preference)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            user.0,
            profile.organisation_type,
            profile.organisation_name,
            profile.country,
            profile.additional_fields.to_json(),
            profile.is_expert,
            profile.upload_preference.as_str(),
        ])?;
    Ok(())
}

pub(crate) fn update(
    connection: &Connection,
    user: UserId,
    change: &UserChange,
    actor: &Stamp,
) -> Result<std::result::Result<Option<User>, Taken>> {
    let Some(before) = users::find(connection, &UserRef::Id(user))? else {
        return Ok(Ok(None));
    };
    let pending = change.new_address.as_ref().and_then(|it| it.email.as_ref());
    let email = change.email.as_ref().or(pending);
    if let Some(taken) = taken(connection, change.username.as_ref(), email, Some(user))? {
        return Ok(Err(taken));
    }
    connection
        .prepare_cached(
            "UPDATE users SET username = coalesce(?2, username), username_key = coalesce(?3, username_key),
                              first_name = coalesce(?4, first_name), last_name = coalesce(?5, last_name),
                              is_staff = coalesce(?6, is_staff)
             WHERE id = ?1",
        )?
        .execute(params![
            user.0,
            change.username.as_ref().map(Username::as_str),
            change.username.as_ref().map(Username::canonical),
            change.first_name,
            change.last_name,
            change.is_staff,
        ])?;
    if let Some(profile) = &change.profile {
        set_profile(connection, user, profile)?;
    }
    if let Some(email) = &change.email {
        replace_address(connection, user, email, None, actor)?;
    }
    if let Some(link) = &change.new_address {
        let to = link.email.as_ref().map(Email::as_str);
        links::write(connection, Some(user), to, link, actor.at)?;
    }
    if let Some(email) = email {
        let details = serde_json::json!({ "email": email.as_str() }).to_string();
        let notice = NewRow {
            kind: MailKind::AddressNotice,
            user: Some(user),
            link: None,
            recipient: before.email.as_str(),
            details: Some(&details),
        };
        outbox::queue(connection, &notice, actor.at)?;
    }
    audit::write(connection, actor, "user.update", Some(user), None)?;
    Ok(Ok(users::find(connection, &UserRef::Id(user))?))
}

/// Links that were sent to the old address let nobody in any more.
pub(crate) fn replace_address(
    connection: &Connection,
    user: UserId,
    email: &Email,
    confirmed_at: Option<Timestamp>,
    actor: &Stamp,
) -> Result<()> {
    links::void_all(connection, user, actor.at)?;
    connection
        .prepare_cached(
            "UPDATE users SET email = ?2, email_key = ?3, email_confirmed_at = ?4 WHERE id = ?1",
        )?
        .execute(params![
            user.0,
            email.as_str(),
            email.canonical(),
            confirmed_at.map(|it| it.0)
        ])?;
    Ok(())
}

pub(crate) fn set_active(
    connection: &Connection,
    user: UserId,
    active: bool,
    actor: &Stamp,
) -> Result<bool> {
    let changed = connection
        .prepare_cached("UPDATE users SET is_active = ?2, awaits_confirmation = 0 WHERE id = ?1")?
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
        sessions::end_all(connection, user, None, actor.at)?;
        links::void_all(connection, user, actor.at)?;
    }
    Ok(true)
}

/// The earlier password is remembered, sessions but `keep` and all links end.
pub(crate) fn set_password(
    connection: &Connection,
    user: UserId,
    password: &NewPassword,
    checked: Option<&str>,
    keep: Option<SessionId>,
    actor: &Stamp,
) -> Result<bool> {
    let is_current = connection
        .prepare_cached("SELECT 1 FROM users WHERE id = ?1 AND (?2 IS NULL OR password_hash = ?2)")?
        .exists(params![user.0, checked])?;
    if !is_current {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT INTO password_history (user_id, password_hash, created_at)
             SELECT id, password_hash, ?2 FROM users WHERE id = ?1 AND password_hash IS NOT NULL",
        )?
        .execute(params![user.0, actor.at.0])?;
    connection
        .prepare_cached("UPDATE users SET password_hash = ?2 WHERE id = ?1")?
        .execute(params![user.0, password.hash])?;
    connection
        .prepare_cached(
            "DELETE FROM password_history WHERE user_id = ?1 AND id NOT IN (
                 SELECT id FROM password_history WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2)",
        )?
        .execute(params![
            user.0,
            i64::try_from(password.remember).unwrap_or(i64::MAX)
        ])?;
    sessions::end_all(connection, user, keep, actor.at)?;
    links::void_all(connection, user, actor.at)?;
    attempts::forget(connection, &password.attempts)?;
    Ok(true)
}

/// Tells the audit trail and the user that the password is another one.
pub(crate) fn note_password(
    connection: &Connection,
    user: UserId,
    action: &str,
    actor: &Stamp,
) -> Result<()> {
    audit::write(connection, actor, action, Some(user), None)?;
    if let Some(owner) = users::find(connection, &UserRef::Id(user))? {
        let notice = NewRow {
            kind: MailKind::PasswordChanged,
            user: Some(user),
            link: None,
            recipient: owner.email.as_str(),
            details: None,
        };
        outbox::queue(connection, &notice, actor.at)?;
    }
    Ok(())
}

pub(crate) fn delete(connection: &Connection, user: UserId, actor: &Stamp) -> Result<bool> {
    let deleted = connection
        .prepare_cached("DELETE FROM users WHERE id = ?")?
        .execute([user.0])?;
    if deleted == 1 {
        audit::write(connection, actor, "user.delete", Some(user), None)?;
    }
    Ok(deleted == 1)
}
