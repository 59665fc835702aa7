//! Our tables in a database of PostgreSQL, and whether we may use them.

use super::error::{EMPTIED, NO_RIGHT};
use crate::store::sql::{Error, Result, Sql, values};
use crate::store::tables::table_names;

/// Tables of this engine alone, with the last number of a row.
const COUNTERS: [&str; 2] = ["audit_end", "last_user_deleted"];

/// To which requests only add.
const TRAIL: &str = "audit";

/// One of our tables in which we may not do what requests need, and whether it is there. Counters have one row,
/// which stays.
const UNUSABLE: &str = "SELECT name, to_regclass(quote_ident(name)) IS NOT NULL
    FROM unnest(string_to_array(?1, ',')) AS name
    WHERE NOT coalesce((SELECT bool_and(has_table_privilege(to_regclass(quote_ident(name)), privilege))
        FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
        WHERE NOT (name = ?2 AND privilege IN ('UPDATE', 'DELETE'))
            AND NOT (name = ANY (string_to_array(?3, ',')) AND privilege IN ('INSERT', 'DELETE'))), false)
    LIMIT 1";

/// Refuses a database whose tables we cannot use now; `doctor` looks at all rights.
pub(crate) fn check_tables(sql: &mut dyn Sql) -> Result<()> {
    let (all, counters) = (all_tables(), COUNTERS.join(","));
    let unusable = sql.one(UNUSABLE, values![all, TRAIL, counters], |row| {
        Ok((row.get::<String>(0)?, row.get::<bool>(1)?))
    })?;
    match unusable {
        None => {}
        Some((_, false)) => return Err(Error::passing(EMPTIED)),
        Some((name, true)) => {
            let why = format!("this role may not read and write the table {name}; {NO_RIGHT}");
            return Err(Error::passing(why));
        }
    }
    // Whoever has locked one is not waited for.
    sql.execute("SET LOCAL lock_timeout = '500ms'", &[])?;
    let names = all.replace(',', ", ");
    sql.execute(&format!("LOCK TABLE {names} IN ROW EXCLUSIVE MODE"), &[])?;
    // A policy for rows that hides some of them from us is told of.
    let each: Vec<String> = all
        .split(',')
        .map(|it| format!("SELECT 1 FROM {it} WHERE false"))
        .collect();
    sql.execute(&each.join(" UNION ALL "), &[]).map(drop)
}

/// By their names, with commas between them.
pub(super) fn all_tables() -> String {
    [&table_names()[..], &COUNTERS].concat().join(",")
}
