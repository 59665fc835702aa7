//! Reading the audit trail.

use super::Operator;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::store::audit::{AuditEntry, AuditPage, Chain};

impl Operator {
    /// Rows of the audit trail, oldest first, a page at a time.
    pub async fn audit(&self, page: &AuditPage) -> Result<Vec<AuditEntry>, Failure> {
        self.parts.store.audit(page).await
    }

    /// The number just before the last `limit` rows that match.
    pub async fn audit_tail(&self, page: &AuditPage) -> Result<i64, Failure> {
        self.parts.store.audit_tail(page).await
    }

    /// Whether the audit trail is the one that was written.
    pub async fn verify_audit(&self, progress: &Progress) -> Result<Chain, Failure> {
        self.parts.store.verify_audit(progress).await
    }
}
