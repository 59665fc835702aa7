//! What can be told of a database server.

use crate::domain::Timestamp;

/// What it tells of itself.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    pub version: String,
    /// Whom a commit of ours waits for.
    pub synchronous_commit: String,
    /// Whether it waits for its disk, and whole pages survive a failure of the power.
    pub waits_for_disk: bool,
    /// What its clock says.
    pub clock: Timestamp,
    /// Who we are there.
    pub role: String,
    pub is_superuser: bool,
    /// How many tables we may not read and write.
    pub closed_tables: i64,
    /// How many connections there are to this database, and how many to all may be.
    pub connections: i64,
    pub most_connections: i64,
}
