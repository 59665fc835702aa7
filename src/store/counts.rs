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

/// Notes under that name the highest number that it was given.
pub(super) fn raise(sql: &mut dyn Sql, name: &str, to: i64) -> Result<()> {
    sql.execute(
        "INSERT INTO counts (name, count) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET count = CASE WHEN counts.count > excluded.count
                                                     THEN counts.count ELSE excluded.count END",
        values![name, to],
    )
    .map(drop)
}

/// Notes a number under that name, whatever was noted before.
pub(super) fn set(sql: &mut dyn Sql, name: &str, to: i64) -> Result<()> {
    forget(sql, name)?;
    raise(sql, name, to)
}

/// Forgets what was noted under that name.
pub(super) fn forget(sql: &mut dyn Sql, name: &str) -> Result<()> {
    sql.execute("DELETE FROM counts WHERE name = ?1", values![name])
        .map(drop)
}

/// How many there were of that name, or the highest number.
pub(super) fn of(sql: &mut dyn Sql, name: &str) -> Result<i64> {
    sql.number("SELECT count FROM counts WHERE name = ?1", values![name])
}
