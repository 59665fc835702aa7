//! Rows of the audit trail go at its start, when they are to.

use std::ops::ControlFlow;

use super::audit_start::Start;
use super::pending::Pending;
use super::sql::{Result, Sql, values};
use super::{Store, audit};
use crate::domain::{Stamp, Timestamp};

/// So many rows go by one row that says so, at most; finding them takes a few milliseconds.
const BLOCK: usize = 10_000;

/// A small trail would otherwise say every few minutes that another row has gone.
const DAY: i64 = 24 * 3600;

impl Store {
    /// Forgets some rows at the start of the audit trail that are from before `before`: at most `limit`
    /// of them, because everybody else who writes waits meanwhile. False if there was nothing to do.
    pub fn prune_audit(&self, before: Timestamp, limit: usize, stamp: Stamp) -> Pending<bool> {
        self.write("forgetting old rows of the audit trail", move |sql| {
            let start = Start::find(sql)?;
            let gone = sql.execute(
                "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id <= ?1 LIMIT ?2)",
                values![start.id, limit],
            )?;
            if gone > 0 {
                return Ok(true);
            }
            let Some(start) = next(sql, &start, before, stamp.at)? else {
                return Ok(false);
            };
            audit::write(sql, &stamp, "audit.prune", None, Some(&start.to_string()))?;
            Ok(true)
        })
    }
}

/// The last row of the next ones to go, if the first of them is older than that by a day. A row from a
/// time that is still to come says nothing of its age, and goes with those that follow it.
fn next(
    sql: &mut dyn Sql,
    start: &Start,
    before: Timestamp,
    now: Timestamp,
) -> Result<Option<Start>> {
    let mut found = None;
    sql.query(
        "SELECT id, at, digest FROM audit WHERE id > ?1 AND at <= ?3 ORDER BY id LIMIT ?2",
        values![start.id, BLOCK, now],
        &mut |row| {
            let at: Timestamp = row.get(1)?;
            let is_due = found.is_some() || at < Timestamp(before.0 - DAY);
            // A younger row keeps all that follow it, whatever they say: the clock may have been wrong.
            if !is_due || at >= before {
                return Ok(ControlFlow::Break(()));
            }
            found = Some(Start {
                id: row.get(0)?,
                digest: row.get(2)?,
            });
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(found)
}
