//! One row for each change, in the transaction of the change, chained to the row before it.

use aws_lc_rs::digest::{Context, SHA256};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::{Sqlite, backup};
use crate::domain::Stamp;
use crate::domain::{Timestamp, UserId};
use crate::progress::{Progress, Step};
use crate::store::audit::{Audit, AuditEntry, AuditPage, Chain};
use crate::store::pending::Pending;

type Digest = [u8; 32];

/// What stands before the first row.
const START: Digest = [0; 32];

/// So many rows are verified between two reports of progress.
const REPORT: i64 = 4096;

const COLUMNS: &str = "id, at, actor, address, action, user_id, detail";

/// Writes a row. The transaction of the change is an immediate one, so nobody else writes the row
/// that this one follows.
pub(crate) fn write(
    connection: &Connection,
    actor: &Stamp,
    action: &str,
    user: Option<UserId>,
    detail: Option<&str>,
) -> Result<()> {
    // The number that SQLite would give: it stays ahead of rows that somebody removed from the end,
    // even of all.
    let (last, before) = connection
        .prepare_cached(
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0),
                    (SELECT digest FROM audit ORDER BY id DESC LIMIT 1)",
        )?
        .query_row([], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<Digest>>(1)?))
        })?;
    let entry = AuditEntry {
        id: last + 1,
        at: actor.at,
        actor: actor.actor.name.clone(),
        address: actor.actor.address.clone(),
        action: action.to_owned(),
        user,
        detail: detail.map(str::to_owned),
    };
    connection
        .prepare_cached(
            "INSERT INTO audit (id, at, actor, address, action, user_id, detail, digest)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            entry.id,
            entry.at.0,
            entry.actor,
            entry.address,
            entry.action,
            user.map(|it| it.0),
            entry.detail,
            chained(before.unwrap_or(START), &entry),
        ])?;
    Ok(())
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
pub(crate) fn chain_old(connection: &mut Connection) -> Result<()> {
    let is_old = |connection: &Connection| {
        let ends = "SELECT count(*), count(digest) FROM audit
                    WHERE id IN ((SELECT min(id) FROM audit), (SELECT max(id) FROM audit))";
        connection.query_row(ends, [], |row| {
            Ok(row.get::<_, i64>(0)? > 0 && row.get::<_, i64>(1)? == 0)
        })
    };
    if !is_old(connection)? {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if is_old(&transaction)? {
        let mut read = transaction.prepare(&format!("SELECT {COLUMNS} FROM audit ORDER BY id"))?;
        let mut set = transaction.prepare("UPDATE audit SET digest = ? WHERE id = ?")?;
        let mut before = START;
        for entry in read.query_map([], from_row)? {
            let entry = entry?;
            before = chained(before, &entry);
            set.execute(params![before, entry.id])?;
        }
    }
    transaction.commit()
}

fn from_row(row: &Row<'_>) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.get(0)?,
        at: Timestamp(row.get(1)?),
        actor: row.get(2)?,
        address: row.get(3)?,
        action: row.get(4)?,
        user: row.get::<_, Option<i64>>(5)?.map(UserId),
        detail: row.get(6)?,
    })
}

fn page(connection: &Connection, page: &AuditPage) -> Result<Vec<AuditEntry>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM audit
             WHERE id > ?1 AND (?2 IS NULL OR user_id = ?2) AND (?3 IS NULL OR action = ?3)
             ORDER BY id LIMIT ?4"
        ))?
        .query_map(
            params![
                page.after,
                page.user.map(|it| it.0),
                page.action,
                i64::try_from(page.limit).unwrap_or(i64::MAX)
            ],
            from_row,
        )?
        .collect()
}

fn tail(connection: &Connection, page: &AuditPage) -> Result<i64> {
    let first = connection
        .prepare_cached(
            "SELECT id FROM audit WHERE (?1 IS NULL OR user_id = ?1) AND (?2 IS NULL OR action = ?2)
             ORDER BY id DESC LIMIT 1 OFFSET ?3",
        )?
        .query_row(
            params![
                page.user.map(|it| it.0),
                page.action,
                i64::try_from(page.limit).unwrap_or(i64::MAX)
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(first.unwrap_or(0))
}

pub(crate) fn verify(connection: &Connection, progress: &Progress) -> Result<Chain> {
    // Both statements see the same state.
    let transaction = connection.unchecked_transaction()?;
    let given = transaction
        .query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = 'audit'",
            [],
            |row| row.get::<_, i64>(0),
        )
        .optional()?
        .unwrap_or(0);
    let mut read =
        transaction.prepare(&format!("SELECT {COLUMNS}, digest FROM audit ORDER BY id"))?;
    let mut rows = read.query([])?;
    let (mut before, mut last) = (START, 0);
    while let Some(row) = rows.next()? {
        let entry = from_row(row)?;
        if entry.id != last + 1 {
            return Ok(Chain::Broken(last + 1, "it is missing"));
        }
        let stored: Option<Vec<u8>> = row.get(7)?;
        before = chained(before, &entry);
        if stored.as_deref() != Some(&before[..]) {
            return Ok(Chain::Broken(entry.id, "it is not what was written"));
        }
        last = entry.id;
        let step = Step::Done(last.unsigned_abs(), given.unsigned_abs());
        if last % REPORT == 0 && !progress(step) {
            return Err(backup::interrupted());
        }
    }
    if given != last {
        return Ok(Chain::Broken(last + 1, "it is missing"));
    }
    Ok(Chain::Whole(last))
}

impl Audit for Sqlite {
    fn audit(&self, wanted: &AuditPage) -> Pending<Vec<AuditEntry>> {
        self.read("reading the audit trail", |c| page(c, wanted))
    }

    fn audit_tail(&self, wanted: &AuditPage) -> Pending<i64> {
        self.read("reading the audit trail", |c| tail(c, wanted))
    }

    fn verify_audit(&self, progress: &Progress) -> Pending<Chain> {
        self.read("verifying the audit trail", |c| verify(c, progress))
    }

    fn note(&self, action: &'static str, detail: String, actor: Stamp) -> Pending<()> {
        self.write("writing the audit trail", move |c| {
            write(c, &actor, action, None, Some(&detail))
        })
    }
}
