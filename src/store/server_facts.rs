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
    /// How many tables we may not read and write, and how many sequences of them we may not use.
    pub closed_tables: i64,
    pub closed_sequences: i64,
    /// How many connections there may be: to the server, to this database, and of our role.
    pub limits: Vec<ConnectionLimit>,
}

/// How many connections something has, and how many it may have.
#[derive(Clone, Debug)]
pub struct ConnectionLimit {
    /// What says so, for people.
    pub of: String,
    /// What raises it: a setting, or the beginning of a statement.
    pub raised_by: String,
    pub connections: i64,
    pub most: i64,
}
