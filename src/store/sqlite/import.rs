//! Accounts that move in, many at once.

use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension, Result, params};

use super::audit;
use crate::domain::Stamp;
use crate::domain::UserId;
use crate::store::transfer::{Fate, Import, Record, RecordedConsent, RecordedPolicy};

/// In KiB. The indexes of names and addresses are written to all over the place.
const CACHE: i32 = 64 << 10;

/// Adds the batches, each by itself, and says what became of each account.
pub(crate) fn import(
    connection: &Connection,
    batches: &[Import],
    actor: &Stamp,
) -> Result<Vec<Vec<Fate>>> {
    connection.pragma_update(None, "cache_size", -CACHE)?;
    let savepoint = |sql: &str| connection.prepare_cached(sql)?.execute([]);
    // Of every page that changes after a savepoint SQLite keeps a copy. Most files have nothing
    // wrong in them: so there is one savepoint for all batches first, and one for each only then.
    savepoint("SAVEPOINT batches")?;
    let all_at_once = add_all_clean(connection, batches, actor)?;
    if all_at_once.is_none() {
        savepoint("ROLLBACK TO batches")?;
    }
    savepoint("RELEASE batches")?;
    if let Some(fates) = all_at_once {
        return Ok(fates);
    }
    let one_by_one = batches.iter().map(|batch| {
        savepoint("SAVEPOINT batch")?;
        let fates = add_batch(connection, batch, actor)?;
        if batch.dry_run || !(batch.skip_clashes || fates.iter().all(is_clean)) {
            savepoint("ROLLBACK TO batch")?;
        }
        savepoint("RELEASE batch")?;
        Ok(fates)
    });
    one_by_one.collect()
}

/// None, and half of it done, if nothing of some batch may stay.
fn add_all_clean(
    connection: &Connection,
    batches: &[Import],
    actor: &Stamp,
) -> Result<Option<Vec<Vec<Fate>>>> {
    let mut all = Vec::with_capacity(batches.len());
    for batch in batches {
        if batch.dry_run {
            return Ok(None);
        }
        let fates = add_batch(connection, batch, actor)?;
        if !(batch.skip_clashes || fates.iter().all(is_clean)) {
            return Ok(None);
        }
        all.push(fates);
    }
    Ok(Some(all))
}

fn is_clean(fate: &Fate) -> bool {
    matches!(fate, Fate::Added | Fate::Present)
}

fn add_batch(connection: &Connection, batch: &Import, actor: &Stamp) -> Result<Vec<Fate>> {
    for policy in &batch.policies {
        publish(connection, policy, actor)?;
    }
    let mut adding = Adding::to(connection)?;
    let fates = batch
        .users
        .iter()
        .map(|it| adding.add(it))
        .collect::<Result<Vec<_>>>()?;
    let added = fates.iter().filter(|it| **it == Fate::Added).count();
    if added > 0 {
        let detail = format!("{added} of {} users", fates.len());
        audit::write(connection, actor, "user.import", None, Some(&detail))?;
    }
    Ok(fates)
}

fn publish(connection: &Connection, policy: &RecordedPolicy, actor: &Stamp) -> Result<()> {
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
