//! Accounts that move in or out, many at once.

use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension, Result, params};

use super::{Sqlite, audit, users};
use crate::domain::{Timestamp, UserId};
use crate::failure::Failure;
use crate::store::{
    Actor, Credentials, EarlierPassword, Fate, Import, Pending, Record, RecordedConsent,
    RecordedPolicy, Spool, Transfer,
};

/// In KiB. The indexes of names and addresses are written to all over the place.
const CACHE: i32 = 32 << 10;

fn import(connection: &Connection, import: &Import, actor: &Actor) -> Result<Vec<Fate>> {
    connection.pragma_update(None, "cache_size", -CACHE)?;
    let savepoint = |sql: &str| connection.prepare_cached(sql)?.execute([]);
    savepoint("SAVEPOINT import")?;
    for policy in &import.policies {
        publish(connection, policy, actor)?;
    }
    let mut adding = Adding::to(connection)?;
    let fates = import
        .users
        .iter()
        .map(|it| adding.add(it))
        .collect::<Result<Vec<_>>>()?;
    let added = fates.iter().filter(|it| **it == Fate::Added).count();
    let is_clean = fates
        .iter()
        .all(|it| matches!(it, Fate::Added | Fate::Present));
    if added > 0 {
        let detail = format!("{added} of {} users", fates.len());
        audit::write(connection, actor, "user.import", None, Some(&detail))?;
    }
    if import.dry_run || !(is_clean || import.skip_clashes) {
        savepoint("ROLLBACK TO import")?;
    }
    savepoint("RELEASE import")?;
    Ok(fates)
}

fn publish(connection: &Connection, policy: &RecordedPolicy, actor: &Actor) -> Result<()> {
    let added = connection
        .prepare_cached(
            "INSERT INTO policies (version, url, published_at) VALUES (?, ?, ?)
             ON CONFLICT (version) DO NOTHING",
        )?
        .execute(params![policy.version, policy.url, policy.published_at.0])?;
    if added == 1 {
        let version = Some(policy.version.as_str());
        audit::write(connection, actor, "policy.publish", None, version)?;
    }
    Ok(())
}

/// Adds accounts with statements that are looked up once: there may be a million of them.
struct Adding<'c> {
    connection: &'c Connection,
    user: CachedStatement<'c>,
    profile: CachedStatement<'c>,
}

impl<'c> Adding<'c> {
    fn to(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            connection,
            user: connection.prepare_cached(
                "INSERT INTO users (id, username, username_key, email, email_key, first_name, last_name, password_hash,
                                    is_active, is_staff, created_at, last_login_at, email_confirmed_at, awaits_confirmation)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            profile: connection.prepare_cached(
                "INSERT INTO profiles (user_id, organisation_type, organisation_name, country,
                                       additional_fields, is_expert, upload_preference)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?,
        })
    }

    fn add(&mut self, record: &Record) -> Result<Fate> {
        let mut consents = Vec::with_capacity(record.consents.len());
        for consent in &record.consents {
            let Some(policy) = policy_of(self.connection, &consent.version)? else {
                let fate = fate_beside_others(self.connection, record)?;
                return Ok(fate.unwrap_or_else(|| Fate::NoSuchPolicy(consent.version.clone())));
            };
            consents.push((policy, consent));
        }
        // Most are new: looking for the others first would cost three searches for each.
        let added = self.add_user(record);
        if let Err(err) = &added
            && err.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
            && let Some(fate) = fate_beside_others(self.connection, record)?
        {
            return Ok(fate);
        }
        let id = added?;
        self.add_profile(id, record)?;
        self.add_belongings(id, record, &consents)?;
        Ok(Fate::Added)
    }

    fn add_user(&mut self, record: &Record) -> Result<i64> {
        self.user.execute(params![
            record.id.map(|it| it.0),
            record.username.as_str(),
            record.username.canonical(),
            record.email.as_str(),
            record.email.canonical(),
            record.first_name,
            record.last_name,
            record.password_hash,
            record.is_active,
            record.is_staff,
            record.created_at.0,
            record.last_login_at.map(|it| it.0),
            record.email_confirmed_at.map(|it| it.0),
            record.awaits_confirmation,
        ])?;
        Ok(self.connection.last_insert_rowid())
    }

    fn add_profile(&mut self, id: i64, record: &Record) -> Result<()> {
        let profile = &record.profile;
        self.profile.execute(params![
            id,
            profile.organisation_type,
            profile.organisation_name,
            profile.country,
            profile.additional_fields.to_json(),
            profile.is_expert,
            profile.upload_preference.as_str(),
        ])?;
        Ok(())
    }

    fn add_belongings(
        &self,
        id: i64,
        record: &Record,
        consents: &[(i64, &RecordedConsent)],
    ) -> Result<()> {
        for it in &record.password_history {
            self.connection
                .prepare_cached(
                    "INSERT INTO password_history (user_id, password_hash, created_at) VALUES (?, ?, ?)",
                )?
                .execute(params![id, it.password_hash, it.created_at.0])?;
        }
        for (policy, it) in consents {
            // The later of two consents to one version is the one that holds.
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO consents (user_id, policy_id, is_given, given_at, address)
                     VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![id, policy, it.is_given, it.given_at.0, it.address])?;
        }
        Ok(())
    }
}

/// None if number, name and address are all free.
fn fate_beside_others(connection: &Connection, record: &Record) -> Result<Option<Fate>> {
    let owner = |sql: &str, key: &dyn rusqlite::ToSql| {
        connection
            .prepare_cached(sql)?
            .query_row([key], |row| row.get::<_, i64>(0))
            .optional()
    };
    let id = match record.id {
        Some(id) => owner("SELECT id FROM users WHERE id = ?", &id.0)?,
        None => None,
    };
    let username = owner(
        "SELECT id FROM users WHERE username_key = ?",
        &record.username.canonical(),
    )?;
    let email = owner(
        "SELECT id FROM users WHERE email_key = ?",
        &record.email.canonical(),
    )?;
    let is_same = username.is_some() && username == email && (record.id.is_none() || id == email);
    if is_same {
        return Ok(Some(Fate::Present));
    }
    let taken = [("number", id), ("user name", username), ("address", email)];
    Ok(taken.into_iter().find_map(|(with, owner)| {
        let owner = UserId(owner?);
        Some(Fate::Clash { with, owner })
    }))
}

fn policy_of(connection: &Connection, version: &str) -> Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM policies WHERE version = ?")?
        .query_row([version], |row| row.get(0))
        .optional()
}

fn export(connection: &Connection, after: UserId, limit: usize) -> Result<Vec<Record>> {
    // One look at the database, so that an account does not change half-way.
    let look = connection.unchecked_transaction()?;
    let found = look
        .prepare_cached(&format!(
            "SELECT {}, {} FROM users JOIN profiles ON user_id = users.id
             WHERE users.id > ? ORDER BY users.id LIMIT ?",
            users::COLUMNS,
            users::CREDENTIAL_COLUMNS
        ))?
        .query_map(
            params![after.0, i64::try_from(limit).unwrap_or(i64::MAX)],
            users::credentials_from_row,
        )?
        .collect::<Result<Vec<_>>>()?;
    found.into_iter().map(|it| record(&look, it)).collect()
}

fn record(connection: &Connection, found: Credentials) -> Result<Record> {
    let user = found.user;
    Ok(Record {
        consents: consents(connection, user.id)?,
        password_history: history(connection, user.id)?,
        id: Some(user.id),
        username: user.username,
        email: user.email,
        first_name: user.first_name,
        last_name: user.last_name,
        is_active: user.is_active,
        is_staff: user.is_staff,
        awaits_confirmation: user.awaits_confirmation,
        created_at: user.created_at,
        last_login_at: user.last_login_at,
        email_confirmed_at: user.email_confirmed_at,
        profile: found.profile,
        password_hash: found.password_hash,
    })
}

fn consents(connection: &Connection, user: UserId) -> Result<Vec<RecordedConsent>> {
    connection
        .prepare_cached(
            "SELECT version, is_given, given_at, address
             FROM consents JOIN policies ON policies.id = policy_id
             WHERE user_id = ? ORDER BY published_at, version",
        )?
        .query_map([user.0], |row| {
            Ok(RecordedConsent {
                version: row.get(0)?,
                is_given: row.get(1)?,
                given_at: Timestamp(row.get(2)?),
                address: row.get(3)?,
            })
        })?
        .collect()
}

fn history(connection: &Connection, user: UserId) -> Result<Vec<EarlierPassword>> {
    connection
        .prepare_cached(
            "SELECT password_hash, created_at FROM password_history WHERE user_id = ? ORDER BY id",
        )?
        .query_map([user.0], |row| {
            Ok(EarlierPassword {
                password_hash: row.get(0)?,
                created_at: Timestamp(row.get(1)?),
            })
        })?
        .collect()
}

impl Transfer for Sqlite {
    fn import(&self, batch: Import, actor: Actor) -> Pending<Vec<Fate>> {
        self.write("importing users", move |c| import(c, &batch, &actor))
    }

    fn spool(&self) -> std::result::Result<Spool, Failure> {
        self.new_spool()
    }

    fn export(&self, after: UserId, limit: usize) -> Pending<Vec<Record>> {
        self.read("exporting users", |c| export(c, after, limit))
    }
}
