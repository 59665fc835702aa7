//! What a server of PostgreSQL tells of itself, for whoever looks after it.

use crate::domain::Timestamp;
use crate::store::server_facts::ServerFacts;
use crate::store::sql::{Result, Sql};

/// Each table of ours, and whether we may not do there what we do.
const CLOSED: &str = "SELECT count(*) FROM pg_tables
    WHERE schemaname = current_schema() AND NOT (
        has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'SELECT')
        AND has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'INSERT')
        AND has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'UPDATE')
        AND has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'DELETE'))";

const FACTS: &str =
    "SELECT current_setting('server_version'), current_setting('synchronous_commit'),
        current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on',
        extract(epoch FROM clock_timestamp())::bigint, rolname::text, rolsuper,
        (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
        current_setting('max_connections')::bigint
    FROM pg_roles WHERE rolname = current_user";

pub(crate) fn facts(sql: &mut dyn Sql) -> Result<ServerFacts> {
    let closed_tables = sql.number(CLOSED, &[])?;
    sql.only(FACTS, &[], |row| {
        Ok(ServerFacts {
            version: row.get(0)?,
            synchronous_commit: row.get(1)?,
            waits_for_disk: row.get(2)?,
            clock: Timestamp(row.get(3)?),
            role: row.get(4)?,
            is_superuser: row.get(5)?,
            closed_tables,
            connections: row.get(6)?,
            most_connections: row.get(7)?,
        })
    })
}
