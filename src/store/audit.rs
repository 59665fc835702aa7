//! The audit trail: one row for each change, in the transaction of the change, chained to the row
//! before it. Rows go from the start only, if they are to: a row of the trail says where it begins
//! then (`audit_retention.rs`).

use std::ops::ControlFlow;
use std::sync::Arc;

use ring::digest::{Context, SHA256};

use super::audit_start::{Digest, START, Start};
use super::pending::Pending;
use super::sql::{Error, Result, Row, Sql, values};
use super::{Store, doubt};
use crate::domain::{Stamp, Timestamp, UserId};
use crate::progress::{Progress, Step};

/// How many rows are verified between two reports of progress.
const REPORT: i64 = 4096;

/// How many rows from before there were digests are read at once.
const OLD_ROWS: usize = 4096;

const COLUMNS: &str = "id, at, actor, address, action, user_id, detail";

/// A row of the audit trail: who did what.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Its number; there are no gaps. The first rows may have gone.
    pub id: i64,
    pub at: Timestamp,
    /// `http`, or `cli:` and the operating system's user.
    pub actor: String,
    /// The client's address, if there is one.
    pub address: Option<String>,
    /// Such as `session.open`.
    pub action: String,
    /// To whom; the number outlives the user.
    pub user: Option<UserId>,
    pub detail: Option<String>,
}

/// Which rows to list, oldest first.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// Only rows with a higher number.
    pub after: i64,
    pub limit: usize,
    /// Only rows about this user.
    pub user: Option<UserId>,
    /// Only this action.
    pub action: Option<String>,
}

/// Whether the rows are those that were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// All of them.
    Whole {
        /// How many they are.
        rows: i64,
        /// How many have gone before them, by their age.
        gone: i64,
    },
    /// The first row that does not fit, and why.
    Broken(i64, &'static str),
}

impl Store {
    pub fn audit(&self, wanted: &AuditPage) -> Pending<Vec<AuditEntry>> {
        let wanted = wanted.clone();
        self.read("reading the audit trail", move |sql| page(sql, &wanted))
    }

    /// The number after which the last `limit` rows that match stand.
    pub fn audit_tail(&self, wanted: &AuditPage) -> Pending<i64> {
        let wanted = wanted.clone();
        self.read("reading the audit trail", move |sql| {
            sql.number(
                "SELECT id FROM audit
                 WHERE (user_id = ?1 OR ?1 IS NULL) AND (action = ?2 OR ?2 IS NULL)
                 ORDER BY id DESC LIMIT 1 OFFSET ?3",
                values![wanted.user, wanted.action, wanted.limit],
            )
        })
    }

    /// Reads the whole trail, a row at a time.
    pub fn verify_audit(&self, progress: &Progress) -> Pending<Chain> {
        let progress = Arc::clone(progress);
        self.read("verifying the audit trail", move |sql| {
            verify(sql, &progress)
        })
    }

    /// Notes what was done outside the database.
    pub fn note(&self, action: &'static str, detail: String, stamp: Stamp) -> Pending<()> {
        self.write("writing the audit trail", move |sql| {
            write(sql, &stamp, action, None, Some(&detail))
        })
    }
}

/// Writes a row. Only one transaction at a time writes, so nobody else writes the row that this one
/// follows.
pub(super) fn write(
    sql: &mut dyn Sql,
    stamp: &Stamp,
    action: &str,
    user: Option<UserId>,
    detail: Option<&str>,
) -> Result<()> {
    // If rows were removed, even all of them, the numbers have a gap.
    let id = sql.next_audit_number()?;
    let before = sql.one(
        "SELECT digest, at FROM audit WHERE id = (SELECT max(id) FROM audit)",
        values![],
        |row| Ok((row.get::<Option<Digest>>(0)?, row.get(1)?)),
    )?;
    if let Some((_, at)) = before {
        doubt::doubt_leap(sql, at, stamp.at)?;
    }
    let entry = AuditEntry {
        id,
        at: stamp.at,
        actor: stamp.actor.name.to_string(),
        address: stamp.actor.address.map(|it| it.to_string()),
        action: action.to_owned(),
        user,
        detail: detail.map(str::to_owned),
    };
    sql.execute(
        "INSERT INTO audit (id, at, actor, address, action, user_id, detail, digest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        values![
            entry.id,
            entry.at,
            entry.actor,
            entry.address,
            entry.action,
            entry.user,
            entry.detail,
            chained(before.and_then(|it| it.0).unwrap_or(START), &entry),
        ],
    )
    .map(drop)
}

/// SHA-256 over the digest before and every field, each told apart from its neighbours by its length.
fn chained(before: Digest, entry: &AuditEntry) -> Digest {
    let mut context = Context::new(&SHA256);
    context.update(&before);
    context.update(&entry.id.to_be_bytes());
    context.update(&entry.at.0.to_be_bytes());
    let user = entry.user.map(|it| it.0.to_string());
    let texts = [
        Some(&entry.actor),
        entry.address.as_ref(),
        Some(&entry.action),
        user.as_ref(),
        entry.detail.as_ref(),
    ];
    for text in texts {
        let length = text.map_or(-1, |it| i64::try_from(it.len()).unwrap_or(i64::MAX));
        context.update(&length.to_be_bytes());
        context.update(text.map_or(&[][..], |it| it.as_bytes()));
    }
    let mut digest = START;
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Chains the rows of a trail that has no digests at all: it is from before there were any.
pub(super) fn chain_old(sql: &mut dyn Sql) -> Result<()> {
    let ends = sql.one(
        "SELECT count(*), count(digest) FROM audit
         WHERE id IN ((SELECT min(id) FROM audit), (SELECT max(id) FROM audit))",
        values![],
        |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
    )?;
    if ends.is_none_or(|(rows, digests)| rows == 0 || digests > 0) {
        return Ok(());
    }
    let (mut before, mut last) = (START, i64::MIN);
    loop {
        let old = page(
            sql,
            &AuditPage {
                after: last,
                limit: OLD_ROWS,
                user: None,
                action: None,
            },
        )?;
        for entry in &old {
            before = chained(before, entry);
            last = entry.id;
            sql.execute(
                "UPDATE audit SET digest = ?2 WHERE id = ?1",
                values![last, before],
            )?;
        }
        if old.is_empty() {
            return Ok(());
        }
    }
}

fn from_row(row: &dyn Row) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        address: row.get(3)?,
        action: row.get(4)?,
        user: row.get(5)?,
        detail: row.get(6)?,
    })
}

fn page(sql: &mut dyn Sql, page: &AuditPage) -> Result<Vec<AuditEntry>> {
    sql.all(
        &format!(
            "SELECT {COLUMNS} FROM audit
             WHERE id > ?1 AND (user_id = ?2 OR ?2 IS NULL) AND (action = ?3 OR ?3 IS NULL)
             ORDER BY id LIMIT ?4"
        ),
        values![page.after, page.user, page.action, page.limit],
        from_row,
    )
}

pub(super) fn verify(sql: &mut dyn Sql, progress: &Progress) -> Result<Chain> {
    let given = sql.last_number("audit")?;
    let start = Start::find(sql)?;
    let (mut before, mut last) = (start.digest, start.id);
    let mut broken = None;
    sql.query(
        &format!("SELECT {COLUMNS}, digest FROM audit WHERE id > ?1 ORDER BY id"),
        values![start.id],
        &mut |row| {
            let entry = from_row(row)?;
            before = chained(before, &entry);
            if entry.id != last + 1 {
                broken = Some((last + 1, "it is missing"));
            } else if row.get::<Option<Digest>>(7).ok().flatten() != Some(before) {
                broken = Some((entry.id, "it is not what was written"));
            }
            if broken.is_some() {
                return Ok(ControlFlow::Break(()));
            }
            last = entry.id;
            let step = Step::Done(last.unsigned_abs(), given.unsigned_abs());
            if last % REPORT == 0 && !progress(step) {
                return Err(Error::fault("interrupted".to_owned()));
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(match broken {
        Some((id, why)) => Chain::Broken(id, why),
        None if given != last => Chain::Broken(last + 1, "it is missing"),
        None => Chain::Whole {
            rows: last - start.id,
            gone: start.id,
        },
    })
}
