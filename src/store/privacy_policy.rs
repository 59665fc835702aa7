//! Versions of the privacy policy, and who agreed to which.

use super::pending::Pending;
use super::sql::{Result, Row, Sql, values};
use super::{Store, audit};
use crate::domain::{Agreement, Consent, Policy, Stamp, Timestamp, UserId};

const COLUMNS: &str = "policies.id, policies.version, policies.url, policies.published_at";

/// The number of the latest version. What is latest is said here only: an older version may be
/// published later, by an import.
pub(super) const LATEST: &str =
    "(SELECT id FROM policies ORDER BY published_at DESC, id DESC LIMIT 1)";

impl Store {
    /// All versions, the latest first.
    pub fn policies(&self) -> Pending<Vec<Policy>> {
        self.read("reading privacy policies", all)
    }

    /// Publishes a version, which is the latest from now on. `None` if it exists.
    pub fn publish_policy(
        &self,
        version: String,
        url: String,
        stamp: Stamp,
    ) -> Pending<Option<Policy>> {
        self.write("publishing a privacy policy", move |sql| {
            // It is the latest even if the clock was set back since the one before.
            let last = sql.number(
                "SELECT coalesce(max(published_at), 0) FROM policies",
                values![],
            )?;
            publish(sql, &version, &url, stamp.at.max(Timestamp(last)), &stamp)
        })
    }

    /// What a user has said to the latest version.
    pub fn agreement(&self, user: UserId) -> Pending<Agreement> {
        self.read("reading a consent", move |sql| {
            let found = sql.one(
                &format!(
                    "SELECT version, coalesce(is_given, FALSE)
                     FROM policies LEFT JOIN consents ON policy_id = policies.id AND user_id = ?1
                     WHERE policies.id = {LATEST}"
                ),
                values![user],
                |row| {
                    Ok(Agreement {
                        latest: row.get(0)?,
                        is_given: row.get(1)?,
                    })
                },
            )?;
            Ok(found.unwrap_or_default())
        })
    }

    /// All that a user has said, the latest first.
    pub fn consents(&self, user: UserId) -> Pending<Vec<Consent>> {
        self.read("reading consents", move |sql| {
            sql.all(
                &format!(
                    "SELECT {COLUMNS}, consents.id, is_given, given_at, address
                     FROM consents JOIN policies ON policies.id = policy_id
                     WHERE user_id = ?1 ORDER BY published_at DESC, policy_id DESC"
                ),
                values![user],
                |row| {
                    Ok(Consent {
                        id: row.get(4)?,
                        user,
                        policy: policy_from_row(row)?,
                        is_given: row.get(5)?,
                        given_at: row.get(6)?,
                        address: row.get(7)?,
                    })
                },
            )
        })
    }

    /// Notes what a user says to the latest version. `None` if there is no version.
    pub fn give_consent(
        &self,
        user: UserId,
        given: bool,
        stamp: Stamp,
    ) -> Pending<Option<Consent>> {
        self.write("noting a consent", move |sql| {
            give(sql, user, given, &stamp)
        })
    }
}

fn policy_from_row(row: &dyn Row) -> Result<Policy> {
    Ok(Policy {
        id: row.get(0)?,
        version: row.get(1)?,
        url: row.get(2)?,
        published_at: row.get(3)?,
    })
}

fn all(sql: &mut dyn Sql) -> Result<Vec<Policy>> {
    let query = format!("SELECT {COLUMNS} FROM policies ORDER BY published_at DESC, id DESC");
    sql.all(&query, values![], policy_from_row)
}

/// Notes what a user says to the latest version, if there is one.
pub(super) fn give(
    sql: &mut dyn Sql,
    user: UserId,
    given: bool,
    stamp: &Stamp,
) -> Result<Option<Consent>> {
    let query = format!("SELECT {COLUMNS} FROM policies WHERE id = {LATEST}");
    let Some(policy) = sql.one(&query, values![], policy_from_row)? else {
        return Ok(None);
    };
    let address = stamp.actor.address.map(|it| it.to_string());
    let id = set_consent(sql, user, policy.id, given, stamp.at, address.as_deref())?;
    let action = if given {
        "consent.give"
    } else {
        "consent.withdraw"
    };
    audit::write(sql, stamp, action, Some(user), Some(&policy.version))?;
    Ok(Some(Consent {
        id,
        user,
        policy,
        is_given: given,
        given_at: stamp.at,
        address,
    }))
}

/// Adds a version, unless it exists.
pub(super) fn publish(
    sql: &mut dyn Sql,
    version: &str,
    url: &str,
    published_at: Timestamp,
    stamp: &Stamp,
) -> Result<Option<Policy>> {
    let added = sql.one(
        &format!(
            "INSERT INTO policies (version, url, published_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (version) DO NOTHING RETURNING {COLUMNS}"
        ),
        values![version, url, published_at],
        policy_from_row,
    )?;
    if added.is_some() {
        audit::write(sql, stamp, "policy.publish", None, Some(version))?;
    }
    Ok(added)
}

/// The number of a version.
pub(super) fn id_of(sql: &mut dyn Sql, version: &str) -> Result<Option<i64>> {
    sql.one(
        "SELECT id FROM policies WHERE version = ?1",
        values![version],
        |row| row.get(0),
    )
}

/// What was said last to a version is what holds.
pub(super) fn set_consent(
    sql: &mut dyn Sql,
    user: UserId,
    policy: i64,
    given: bool,
    at: Timestamp,
    address: Option<&str>,
) -> Result<i64> {
    sql.only(
        "INSERT INTO consents (user_id, policy_id, is_given, given_at, address)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (user_id, policy_id) DO UPDATE SET is_given = ?3, given_at = ?4, address = ?5
         RETURNING id",
        values![user, policy, given, at, address],
        |row| row.get(0),
    )
}
