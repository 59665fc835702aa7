//! Accounts that move out, and the way in.

use rusqlite::{Connection, Result, params};

use super::spool::Spool;
use super::{Sqlite, import, users};
use crate::domain::Stamp;
use crate::domain::{Timestamp, UserId};
use crate::failure::Failure;
use crate::store::pending::Pending;
use crate::store::transfer::{EarlierPassword, Fate, Import, Record, RecordedConsent, Transfer};
use crate::store::users::Credentials;

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
    fn import(&self, batches: Vec<Import>, actor: Stamp) -> Pending<Vec<Vec<Fate>>> {
        self.write("importing users", move |c| {
            import::import(c, &batches, &actor)
        })
    }

    fn spool(&self) -> std::result::Result<Spool, Failure> {
        self.new_spool()
    }

    fn export(&self, after: UserId, limit: usize) -> Pending<Vec<Record>> {
        self.read("exporting users", |c| export(c, after, limit))
    }
}
