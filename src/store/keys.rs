//! The keys, each sealed: what is in them is no business of the database.

use super::pending::Pending;
use super::sql::{Error, Result, Row, Sql, values};
use super::{Store, audit, counts};
use crate::domain::{KeyPurpose, SealedKey, Stamp};

/// Under this name it is counted how often the keys have changed.
const CHANGES: &str = "key-changes";

/// All keys, oldest first, and how often they have changed.
#[derive(Clone, Debug)]
pub struct StoredKeys {
    pub version: i64,
    pub keys: Vec<SealedKey>,
}

/// What became of a key that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retirement {
    Retired,
    Unknown,
    /// It is the youngest, which signs.
    Signs,
}

impl Store {
    pub fn keys(&self) -> Pending<StoredKeys> {
        self.read("reading the keys", all)
    }

    /// How often the keys have changed: whoever has read them knows from this whether to read again.
    pub fn keys_version(&self) -> Pending<i64> {
        self.read("reading the version of the keys", |sql| {
            counts::of(sql, CHANGES)
        })
    }

    /// Stores the first keys, if there are none, and returns their version if it did. One of them must be
    /// for links: of two servers that start at once, the second finds it taken. `noted` goes to the audit
    /// trail.
    pub fn begin_keys(
        &self,
        keys: Vec<SealedKey>,
        noted: Option<(&'static str, String)>,
        stamp: Stamp,
    ) -> Pending<Option<i64>> {
        self.write("storing the first keys", move |sql| {
            if sql.exists("SELECT 1 FROM keys", values![])? {
                return Ok(None);
            }
            let (links, others): (Vec<_>, Vec<_>) =
                keys.iter().partition(|it| it.purpose == KeyPurpose::Links);
            for key in &links {
                if !insert(sql, key)? {
                    return Ok(None);
                }
            }
            for key in others {
                insert(sql, key)?;
            }
            counts::add(sql, CHANGES)?;
            if let Some((action, detail)) = &noted {
                audit::write(sql, &stamp, action, None, Some(detail))?;
            }
            counts::of(sql, CHANGES).map(Some)
        })
    }

    /// Adds a key, which has a name of its own, to those of that version: whoever made it knew no others.
    /// False if they are others by now.
    pub fn add_key(
        &self,
        key: SealedKey,
        version: i64,
        action: &'static str,
        stamp: Stamp,
    ) -> Pending<bool> {
        self.write("storing a key", move |sql| {
            if counts::of(sql, CHANGES)? != version {
                return Ok(false);
            }
            counts::add(sql, CHANGES)?;
            if !insert(sql, &key)? {
                return Err(Error::fault("there is a key of that name"));
            }
            audit::write(sql, &stamp, action, None, Some(&key.name))?;
            Ok(true)
        })
    }

    /// Removes a signing key that does not sign any more.
    pub fn retire_key(&self, name: String, stamp: Stamp) -> Pending<Retirement> {
        self.write("removing a key", move |sql| {
            let last = sql.one(
                "SELECT name FROM keys WHERE purpose = 'sign' ORDER BY name DESC LIMIT 1",
                values![],
                |row| row.get::<String>(0),
            )?;
            if last.is_some_and(|it| it == name) {
                return Ok(Retirement::Signs);
            }
            let removed = sql.execute(
                "DELETE FROM keys WHERE purpose = 'sign' AND name = ?1",
                values![name],
            )?;
            if removed == 0 {
                return Ok(Retirement::Unknown);
            }
            counts::add(sql, CHANGES)?;
            audit::write(sql, &stamp, "key.retire", None, Some(&name))?;
            Ok(Retirement::Retired)
        })
    }

    /// Puts these in the place of all keys, whoever sealed them.
    pub fn replace_keys(&self, keys: Vec<SealedKey>, stamp: Stamp) -> Pending<()> {
        self.write("replacing all keys", move |sql| {
            let removed = sql.execute("DELETE FROM keys", values![])?;
            for key in &keys {
                insert(sql, key)?;
            }
            counts::add(sql, CHANGES)?;
            let detail = format!("{removed} keys");
            audit::write(sql, &stamp, "key.discard", None, Some(&detail))
        })
    }
}

pub(super) fn all(sql: &mut dyn Sql) -> Result<StoredKeys> {
    Ok(StoredKeys {
        version: counts::of(sql, CHANGES)?,
        keys: sql.all(
            "SELECT name, purpose, algorithm, made_at, nonce, sealed FROM keys ORDER BY name",
            values![],
            from_row,
        )?,
    })
}

fn from_row(row: &dyn Row) -> Result<SealedKey> {
    let purpose: String = row.get(1)?;
    let purpose = KeyPurpose::parse(&purpose);
    Ok(SealedKey {
        name: row.get(0)?,
        purpose: purpose.ok_or_else(|| Error::fault("a key has a purpose that is unknown"))?,
        algorithm: row.get(2)?,
        made_at: row.get(3)?,
        nonce: row.get(4)?,
        sealed: row.get(5)?,
    })
}

/// False if there is one of that name.
fn insert(sql: &mut dyn Sql, key: &SealedKey) -> Result<bool> {
    let added = sql.execute(
        "INSERT INTO keys (name, purpose, algorithm, made_at, nonce, sealed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO NOTHING",
        values![
            key.name,
            key.purpose.as_str(),
            key.algorithm,
            key.made_at,
            key.nonce,
            key.sealed[..],
        ],
    )?;
    Ok(added == 1)
}
