//! Our tables in a database of PostgreSQL, and whether we may use them.

use super::error::{EMPTIED, NO_RIGHT};
use crate::store::sql::{Error, Result, Sql, values};
use crate::store::tables::table_names;

/// Tables of this engine alone, with the last number of a row.
const COUNTERS: [&str; 2] = ["audit_end", "last_user_deleted"];

/// One of our tables in which we may not do what requests need, and whether it is there. To the audit trail they
/// only add.
const UNUSABLE: &str = "SELECT name, to_regclass(quote_ident(name)) IS NOT NULL
    FROM unnest(string_to_array(?1, ',')) AS name
    WHERE (has_table_privilege(to_regclass(quote_ident(name)), 'SELECT')
        AND has_table_privilege(to_regclass(quote_ident(name)), 'INSERT')
        AND (name = 'audit' OR has_table_privilege(to_regclass(quote_ident(name)), 'UPDATE')
            AND has_table_privilege(to_regclass(quote_ident(name)), 'DELETE'))) IS NOT TRUE LIMIT 1";

/// Refuses a database whose tables we cannot use now; `doctor` looks at all rights.
pub(crate) fn check_tables(sql: &mut dyn Sql) -> Result<()> {
    let unusable = sql.one(UNUSABLE, values![table_names().join(",")], |row| {
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
    let all = format!("SELECT FROM {} LIMIT 0", table_names().join(", "));
    sql.execute(&all, &[]).map(drop)
}

/// By their names, with commas between them.
pub(super) fn all_tables() -> String {
    [&table_names()[..], &COUNTERS].concat().join(",")
}
