//! The clock of the machine that PostgreSQL runs on.

use std::time::{Duration, Instant};

use crate::clock::{Reading, since_epoch};
use crate::store::sql::{Error, Result, Sql};

/// An answer that took longer does not say well enough when it was given.
const MOST_WAIT: Duration = Duration::from_secs(1);

/// What that clock says.
pub(crate) fn read(sql: &mut dyn Sql) -> Result<Reading> {
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let asked = Instant::now();
    let theirs = sql.number(now, &[])?;
    let took = asked.elapsed();
    if took > MOST_WAIT {
        return Err(Error::passing("it took too long to tell the time"));
    }
    let says = Duration::from_millis(u64::try_from(theirs).unwrap_or_default());
    let ours = i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX);
    Ok(Reading {
        says,
        at: asked + took / 2,
        ahead: theirs
            .saturating_sub(ours)
            .saturating_add(500)
            .div_euclid(1000),
    })
}
