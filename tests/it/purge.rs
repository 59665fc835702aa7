//! What has expired is deleted in batches: nobody waits for it, and a stop ends it.

use minisass_auth::accounts::register::Registration;

use crate::app::{App, DAY, START};
use crate::database::Database;
use crate::server::Site;

/// Sessions that expired so long ago, of the user with the number 1.
fn expired(database: &Database, count: u32, before: i64) {
    let fill = format!(
        "WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < {count})
         INSERT INTO sessions (id, user_id, kind, created_at, expires_at, rotated_at, cookie_digest)
         SELECT randomblob(16), 1, 'web', {before}, {before}, {before}, randomblob(32) FROM k"
    );
    database.change(&fill);
}

#[test]
fn a_batch_is_small_and_together_they_take_all() {
    let app = App::new().with_user("ada");
    expired(&app.database(), 1000, START - 40 * DAY);
    app.login("ada@example.org");
    let left = || app.count("SELECT count(*) FROM sessions");
    let (mut before, mut is_all) = (left(), false);
    while !is_all {
        is_all = app.wait(app.operator.purge_some()).expect("a batch");
        let now = left();
        assert!(before - now <= 200, "{before} and then {now}");
        assert!(is_all || now < before, "no batch is empty but the last");
        before = now;
    }
    assert_eq!(left(), 1, "a session that lives stays");
}

#[test]
fn the_file_of_a_mail_goes_with_its_row() {
    let app = App::new();
    let account = Registration {
        username: "ada".to_owned(),
        email: "ada@example.org".to_owned(),
        ..Registration::default()
    };
    app.add(account, true, false);
    assert_eq!(app.mails().len(), 1);
    app.clock.advance(38 * DAY);
    assert!(app.wait(app.operator.purge_some()).expect("a batch"));
    assert_eq!(app.mails().len(), 0);
    assert_eq!(app.count("SELECT count(*) FROM outbox"), 0);
    assert_eq!(app.count("SELECT count(*) FROM links"), 0);
}

#[test]
fn a_stop_does_not_wait_for_a_million_expired_sessions() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let many = 200_000;
    expired(&site.database(), many, 1_000_000_000);
    let mut server = site.start(&[]);
    assert_eq!(server.login("ada@example.org").status, 200);
    assert_eq!(server.stop(), Some(0));
    let left: u32 = site.database().get("SELECT count(*) FROM sessions");
    assert!(left > 1, "it was stopped on the way: {left} are left");
    assert!(left < many, "it had begun: {left} are left");
}
