//! What a server does in the background: one thing does not wait for another.

use serde_json::json;

use crate::server::{Site, until};

/// Rows that a backup takes some seconds to copy and verify.
const MANY: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500000)
    INSERT INTO outbox (kind, recipient, details, state, next_at, created_at)
    SELECT 'contact', 'desk@example.org', '{}', 'sent', i, unixepoch() FROM n";

#[test]
fn mails_leave_while_a_backup_is_made() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.database().execute(MANY, []).expect("many rows");
    let server = site.start(&["--backup-every", "1d"]);
    let backups = || {
        let entries = std::fs::read_dir(site.data().join("backups")).into_iter();
        let names = entries.flatten().flatten().map(|it| it.file_name());
        names
            .map(|it| it.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
    };
    until("a backup to begin", || {
        (!backups().is_empty()).then_some(())
    });
    let ask = json!({"email": "ada@example.org"});
    assert_eq!(server.post("request-reset", &ask).status, 200);
    until("a mail", || {
        server.log().contains("mail_sent").then_some(())
    });
    let names = backups();
    let is_whole = names.iter().any(|it| it.ends_with(".db"));
    assert!(!is_whole, "the mail waited for the backup: {names:?}");
    until("the backup", || {
        server.log().contains("backup_made").then_some(())
    });
}
