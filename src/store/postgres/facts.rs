//! What a server of PostgreSQL tells of itself, for whoever looks after it.

use super::connect::APPLICATION;
use crate::domain::Timestamp;
use crate::store::server_facts::ServerFacts;
use crate::store::sql::{Result, Sql, values};
use crate::store::tables::table_names;

/// How many of our tables we may not read and write; they are named by the first parameter.
const CLOSED: &str = "SELECT count(*) FROM pg_tables
    WHERE schemaname = current_schema() AND tablename = ANY (string_to_array(?1, ',')) AND NOT (
        has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'SELECT')
        AND has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'INSERT')
        AND has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'UPDATE')
        AND has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'DELETE'))";

/// The limit of connections is of the server, whatever databases it has.
const FACTS: &str =
    "SELECT current_setting('server_version'), current_setting('synchronous_commit'),
        current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on',
        extract(epoch FROM clock_timestamp())::bigint, rolname::text, rolsuper,
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        current_setting('max_connections')::bigint
    FROM pg_roles WHERE rolname = current_user";

/// Those of other processes of ours. A number may be given twice, on two machines.
const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE ?1 || ' %'
        AND NOT (application_name = current_setting('application_name')
            AND client_addr IS NOT DISTINCT FROM inet_client_addr())";

/// How many connections of other servers and commands there are to this database.
pub(crate) fn others(sql: &mut dyn Sql) -> Result<i64> {
    sql.number(OTHERS, values![APPLICATION])
}

pub(crate) fn facts(sql: &mut dyn Sql) -> Result<ServerFacts> {
    let closed_tables = sql.number(CLOSED, values![table_names().join(",")])?;
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
