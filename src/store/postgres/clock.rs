//! The clock of the machine that PostgreSQL runs on.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::store::sql::{Result, Sql};

/// By how many seconds the server's clock is ahead of this machine's, whatever time this program goes by.
pub(crate) fn ahead(sql: &mut dyn Sql) -> Result<i64> {
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let theirs = sql.number(now, &[])?;
    let ours = SystemTime::now().duration_since(UNIX_EPOCH);
    let ours = i64::try_from(ours.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    Ok(theirs.saturating_sub(ours) / 1000)
}
