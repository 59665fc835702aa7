//! What is counted, and not listed.

use super::sql::{Result, Sql, values};

/// Counts one more of that name.
pub(super) fn add(sql: &mut dyn Sql, name: &str) -> Result<()> {
    sql.execute(
        "INSERT INTO counts (name, count) VALUES (?1, 1)
         ON CONFLICT (name) DO UPDATE SET count = counts.count + 1",
        values![name],
    )
    .map(drop)
}

/// How many there were of that name.
pub(super) fn of(sql: &mut dyn Sql, name: &str) -> Result<i64> {
    sql.number("SELECT count FROM counts WHERE name = ?1", values![name])
}
