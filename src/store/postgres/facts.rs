//! What a server of PostgreSQL tells of itself, for whoever looks after it.

use super::connect::APPLICATION;
use super::own_tables::all_tables;
use crate::domain::Timestamp;
use crate::store::server_facts::{ConnectionLimit, ServerFacts};
use crate::store::sql::{Result, Sql, values};

/// How many of our tables we may not read and write; they are named by the first parameter.
const CLOSED: &str = "SELECT count(*) FROM pg_tables
    WHERE schemaname = current_schema() AND tablename = ANY (string_to_array(?1, ',')) AND NOT (
        has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'SELECT')
        AND has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'INSERT')
        AND has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'UPDATE')
        AND has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'DELETE'))";

/// How many sequences of those tables we may not use: an import, a copy or a backup reads and sets them.
const CLOSED_SEQUENCES: &str = "SELECT count(*) FROM pg_class AS sequence
    JOIN pg_depend ON objid = sequence.oid AND deptype IN ('a', 'i')
    JOIN pg_tables ON refobjid = (quote_ident(schemaname) || '.' || quote_ident(tablename))::regclass
    WHERE schemaname = current_schema() AND tablename = ANY (string_to_array(?1, ','))
        AND relkind = 'S' AND NOT (has_sequence_privilege(sequence.oid, 'SELECT')
            AND has_sequence_privilege(sequence.oid, 'USAGE')
            AND has_sequence_privilege(sequence.oid, 'UPDATE'))";

const FACTS: &str =
    "SELECT current_setting('server_version'), current_setting('synchronous_commit'),
        current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on',
        extract(epoch FROM clock_timestamp())::bigint, rolname::text, rolsuper
    FROM pg_roles WHERE rolname = current_user";

/// The server has a limit for everybody; a database and a role may have ones of their own.
const LIMITS: &str = "SELECT 'the server', 'max_connections in postgresql.conf',
        (SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database),
        current_setting('max_connections')::bigint
    UNION ALL SELECT 'the database ' || datname, 'ALTER DATABASE ' || quote_ident(datname) || ' CONNECTION LIMIT',
        (SELECT numbackends::bigint FROM pg_stat_database WHERE datname = current_database()), datconnlimit::bigint
    FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0
    UNION ALL SELECT 'the role ' || rolname, 'ALTER ROLE ' || quote_ident(rolname) || ' CONNECTION LIMIT',
        (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user), rolconnlimit::bigint
    FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0";

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
    let names = all_tables();
    let closed_tables = sql.number(CLOSED, values![names])?;
    let closed_sequences = sql.number(CLOSED_SEQUENCES, values![names])?;
    let limits = sql.all(LIMITS, &[], |row| {
        Ok(ConnectionLimit {
            of: row.get(0)?,
            raised_by: row.get(1)?,
            connections: row.get(2)?,
            most: row.get(3)?,
        })
    })?;
    sql.only(FACTS, &[], |row| {
        Ok(ServerFacts {
            version: row.get(0)?,
            synchronous_commit: row.get(1)?,
            waits_for_disk: row.get(2)?,
            clock: Timestamp(row.get(3)?),
            role: row.get(4)?,
            is_superuser: row.get(5)?,
            closed_tables,
            closed_sequences,
            limits: limits.clone(),
        })
    })
}
