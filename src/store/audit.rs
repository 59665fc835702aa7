//! What is asked about the audit trail.

use super::pending::Pending;
use crate::domain::Stamp;
use crate::domain::{Timestamp, UserId};
use crate::progress::Progress;

/// A row of the audit trail: who did what.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Its number; there are no gaps.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// `http`, or `cli:` and the operating system's user.
    pub actor: String,
    /// The client's address, if there is one.
    pub address: Option<String>,
    /// What, such as `session.open`.
    pub action: String,
    /// To whom; the number outlives the user.
    pub user: Option<UserId>,
    /// More about it.
    pub detail: Option<String>,
}

/// Which rows to list, oldest first.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// Only rows with a higher number.
    pub after: i64,
    /// At most so many.
    pub limit: usize,
    /// Only rows about this user.
    pub user: Option<UserId>,
    /// Only this action.
    pub action: Option<String>,
}

/// Whether the rows are those that were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// All of them, so many.
    Whole(i64),
    /// The first row that does not fit, and why.
    Broken(i64, &'static str),
}

/// The audit trail. Nothing here removes a row.
pub trait Audit {
    /// A page of rows.
    fn audit(&self, page: &AuditPage) -> Pending<Vec<AuditEntry>>;
    /// The number after which the last `limit` rows that match stand.
    fn audit_tail(&self, page: &AuditPage) -> Pending<i64>;
    /// Walks the whole trail, a row at a time.
    fn verify_audit(&self, progress: &Progress) -> Pending<Chain>;
    /// Notes what was done outside the database.
    fn note(&self, action: &'static str, detail: String, actor: Stamp) -> Pending<()>;
}
