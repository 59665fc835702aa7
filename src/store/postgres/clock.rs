//! The clock of the machine that PostgreSQL runs on.

use std::time::{Duration, Instant};

use crate::clock::{Reading, since_epoch};
use crate::store::sql::{Result, Sql};

/// What that clock says.
pub(super) fn read(sql: &mut dyn Sql) -> Result<Reading> {
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let asked = Instant::now();
    let theirs = sql.number(now, &[])?;
    let took = asked.elapsed();
    let says = Duration::from_millis(u64::try_from(theirs).unwrap_or_default());
    let ours = i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX);
    Ok(Reading {
        says,
        at: asked + took / 2,
        took,
        ahead: theirs
            .saturating_sub(ours)
            .saturating_add(500)
            .div_euclid(1000),
    })
}
