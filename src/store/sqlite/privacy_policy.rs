//! Privacy policies and who agreed to them.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::{Sqlite, audit};
use crate::domain::Stamp;
use crate::domain::{Agreement, Consent, Policy, Timestamp, UserId};
use crate::store::pending::Pending;
use crate::store::privacy_policy::Policies;

const COLUMNS: &str = "policies.id, policies.version, policies.url, policies.published_at";

fn policy_from_row(row: &Row<'_>) -> Result<Policy> {
    Ok(Policy {
        id: row.get(0)?,
        version: row.get(1)?,
        url: row.get(2)?,
        published_at: Timestamp(row.get(3)?),
    })
}

fn all(connection: &Connection) -> Result<Vec<Policy>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM policies ORDER BY published_at DESC, id DESC"
        ))?
        .query_map([], policy_from_row)?
        .collect()
}

fn publish(
    connection: &Connection,
    version: &str,
    url: &str,
    actor: &Stamp,
) -> Result<Option<Policy>> {
    let added = connection
        .prepare_cached(
            "INSERT INTO policies (version, url, published_at) VALUES (?, ?, ?)
             ON CONFLICT (version) DO NOTHING RETURNING id, version, url, published_at",
        )?
        .query_row(params![version, url, actor.at.0], policy_from_row)
        .optional()?;
    if added.is_some() {
        audit::write(connection, actor, "policy.publish", None, Some(version))?;
    }
    Ok(added)
}

fn agreement(connection: &Connection, user: UserId) -> Result<Agreement> {
    let found = connection
        .prepare_cached(
            "SELECT version, coalesce(is_given, 0)
             FROM policies LEFT JOIN consents ON policy_id = policies.id AND user_id = ?
             ORDER BY published_at DESC, policies.id DESC LIMIT 1",
        )?
        .query_row([user.0], |row| {
            Ok(Agreement {
                latest: row.get(0)?,
                is_given: row.get(1)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn consents(connection: &Connection, user: UserId) -> Result<Vec<Consent>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, consents.id, is_given, given_at, address
             FROM consents JOIN policies ON policies.id = policy_id
             WHERE user_id = ? ORDER BY published_at DESC, policy_id DESC"
        ))?
        .query_map([user.0], |row| {
            Ok(Consent {
                id: row.get(4)?,
                user,
                policy: policy_from_row(row)?,
                is_given: row.get(5)?,
                given_at: Timestamp(row.get(6)?),
                address: row.get(7)?,
            })
        })?
        .collect()
}

/// Notes what a user says to the latest version, if there is one.
pub(crate) fn give(
    connection: &Connection,
    user: UserId,
    given: bool,
    actor: &Stamp,
) -> Result<Option<Consent>> {
    let Some(policy) = all(connection)?.into_iter().next() else {
        return Ok(None);
    };
    let id = connection
        .prepare_cached(
            "INSERT INTO consents (user_id, policy_id, is_given, given_at, address) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (user_id, policy_id) DO UPDATE SET is_given = ?3, given_at = ?4, address = ?5
             RETURNING id",
        )?
        .query_row(
            params![user.0, policy.id, given, actor.at.0, actor.actor.address],
            |row| row.get(0),
        )?;
    let action = if given {
        "consent.give"
    } else {
        "consent.withdraw"
    };
    audit::write(connection, actor, action, Some(user), Some(&policy.version))?;
    Ok(Some(Consent {
        id,
        user,
        policy,
        is_given: given,
        given_at: actor.at,
        address: actor.actor.address.clone(),
    }))
}

impl Policies for Sqlite {
    fn policies(&self) -> Pending<Vec<Policy>> {
        self.read("reading privacy policies", all)
    }

    fn publish_policy(
        &self,
        version: String,
        url: String,
        actor: Stamp,
    ) -> Pending<Option<Policy>> {
        self.write("publishing a privacy policy", move |c| {
            publish(c, &version, &url, &actor)
        })
    }

    fn agreement(&self, user: UserId) -> Pending<Agreement> {
        self.read("reading a consent", |c| agreement(c, user))
    }

    fn consents(&self, user: UserId) -> Pending<Vec<Consent>> {
        self.read("reading consents", |c| consents(c, user))
    }

    fn give_consent(&self, user: UserId, given: bool, actor: Stamp) -> Pending<Option<Consent>> {
        self.write("noting a consent", move |c| give(c, user, given, &actor))
    }
}
