//! What has expired is deleted in batches: nobody waits for it, and a stop ends it.

use std::time::{Duration, UNIX_EPOCH};

use minisass_auth::accounts::register::Registration;
use minisass_auth::domain::Email;
use minisass_auth::operator::clock::ClockWatch;
use minisass_auth::progress::unwatched;
use minisass_auth::store::audit::Chain;
use serde_json::json;

use crate::app::{App, DAY, START};
use crate::database::Database;
use crate::server::{Site, until};

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
        is_all = app
            .wait(app.operator.purge_some(app.clock.now()))
            .expect("a batch");
        let now = left();
        assert!(before - now <= 200, "{before} and then {now}");
        assert!(is_all || now < before, "no batch is empty but the last");
        before = now;
    }
    assert_eq!(left(), 1, "a session that lives stays");
}

/// Between two batches, or before somebody noticed.
#[test]
fn what_expired_is_judged_by_a_time_that_was_found_right_and_not_by_a_clock_that_has_leapt() {
    let app = App::new().with_user("ada");
    expired(&app.database(), 10, START + DAY);
    let right = app.clock.now();
    app.clock.advance(500 * DAY);
    let is_all = app.wait(app.operator.purge_some(right)).expect("a batch");
    assert!(is_all);
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 10);
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
    assert!(
        app.wait(app.operator.purge_some(app.clock.now()))
            .expect("a batch")
    );
    assert_eq!(app.mails().len(), 0);
    assert_eq!(app.count("SELECT count(*) FROM outbox"), 0);
    assert_eq!(app.count("SELECT count(*) FROM links"), 0);
}

/// A server that stood still sends what waited when it is there again.
#[test]
fn a_mail_is_kept_from_when_it_was_sent_or_given_up() {
    let app = App::with(|setup| setup.rules.contact_to = Email::parse("team@example.org").ok());
    let app = app.with_user("ada");
    app.post("request-reset/", &json!({ "email": "ada@example.org" }))
        .expect(200);
    let message = json!({"name": "A", "email": "a@example.org", "message": "Hello"});
    app.post("contact-us", &message).expect(200);
    app.clock.advance(40 * DAY);
    assert_eq!(app.mails().len(), 1, "the link of the other one has ended");
    for (days, left) in [(0, 2), (29, 2), (2, 0)] {
        app.clock.advance(days * DAY);
        while !app
            .wait(app.operator.purge_some(app.clock.now()))
            .expect("a purge")
        {}
        let mails = app.count("SELECT count(*) FROM outbox WHERE recipient <> ''");
        assert_eq!(mails, left, "{days} days later");
    }
}

/// The server was cut off after the row had gone and before the file went.
#[test]
fn the_file_of_a_mail_whose_row_has_gone_goes_when_it_is_old() {
    let app = App::new();
    std::fs::create_dir(app.path("outbox")).expect("a folder");
    let file = |name: &str, age: i64| {
        let path = app.path("outbox").join(name);
        let file = std::fs::File::create(&path).expect("a file");
        let written = u64::try_from(START - age).expect("a time");
        let written = UNIX_EPOCH + Duration::from_secs(written);
        file.set_modified(written).expect("a time");
        path
    };
    let old = file("00000007-password-reset.eml", 31 * DAY);
    let young = file("00000008-password-reset.eml", 29 * DAY);
    let others = file("00000009-invoice.eml", 31 * DAY);
    let queued = "INSERT INTO outbox (id, kind, recipient, state, next_at, created_at)
                  VALUES (10, 'contact', 'a@example.org', 'queued', 1, 1)";
    app.database().change(queued);
    let waiting = file("00000010-contact.eml", 31 * DAY);
    app.wait(app.operator.remove_stray_mails(app.clock.now()))
        .expect("a look at the outbox");
    let there = [old, young, others, waiting].map(|it| it.exists());
    assert_eq!(there, [false, true, true, true]);
}

#[test]
fn mails_are_kept_for_as_long_as_the_operator_says() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.run(&["reset", "send", "ada"]).ok();
    let age = "UPDATE outbox SET state = 'failed', created_at = created_at - 86400 * 40,
                                 next_at = next_at - 86400 * 40";
    site.database().change(age);
    let serve = |keep: &[&str], left: i64| {
        let mut server = site.start(keep);
        let outbox = || site.database().get::<i64>("SELECT count(*) FROM outbox");
        until("old mails to go", || (outbox() == left).then_some(()));
        assert_eq!(server.stop(), Some(0));
    };
    serve(&["--mail-keep", "60d"], 1);
    serve(&[], 0);
    for (keep, example) in [("1h", "30d"), ("never", "30d")] {
        let said = site.run(&["serve", "--mail-keep", keep]).refusal();
        assert!(
            said.contains("mail_keep") && said.contains(example),
            "{said}"
        );
    }
}

/// An hour in a time that is still to come must not keep what was before it for ever.
#[test]
fn what_was_written_while_the_clock_was_wrong_goes_too() {
    let app = App::with(|setup| setup.rules.audit_keep = Some(Duration::from_secs(86_400 * 90)));
    app.clock.advance(3650 * DAY);
    let app = app.with_user("ada");
    app.login("ada");
    app.post("request-reset/", &json!({ "email": "ada@example.org" }))
        .expect(200);
    app.mails();
    app.clock.advance(-3650 * DAY);
    let mut watch = ClockWatch::default();
    app.wait(app.operator.watch_clock(&mut watch))
        .expect("a look at the clock");
    app.clock.advance(DAY);
    app.login("ada");
    app.clock.advance(200 * DAY);
    app.login("ada");
    while !app
        .wait(app.operator.purge_some(app.clock.now()))
        .expect("a purge")
    {}
    let future = |table: &str, column: &str| {
        let now = START + 201 * DAY;
        app.count(&format!(
            "SELECT count(*) FROM {table} WHERE {column} > {now}"
        ))
    };
    assert_eq!(future("audit", "at"), 0);
    assert_eq!(future("outbox", "created_at"), 0);
    assert_eq!(app.count("SELECT count(*) FROM outbox"), 0);
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 1);
    let verified = app.wait(app.operator.verify_audit(&unwatched()));
    assert_eq!(
        verified.expect("a look at the trail"),
        Chain::Whole { rows: 2, gone: 5 }
    );
}

#[test]
fn a_stop_does_not_wait_for_a_million_expired_sessions() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let many = 200_000;
    expired(&site.database(), many, 1_000_000_000);
    let mut server = site.start(&[]);
    assert_eq!(server.login("ada@example.org").status, 200);
    let database = site.database();
    let left = || -> i64 { database.get("SELECT count(*) FROM sessions") };
    let begun = || (left() < many.into()).then_some(());
    until("the first expired sessions to go", begun);
    assert_eq!(server.stop(), Some(0));
    assert!(left() > 1, "it was stopped on the way: {} are left", left());
}

/// The doubt outlives a restart, and is noted by whoever writes first.
#[test]
fn a_leap_that_a_command_was_the_first_to_write_after_is_known_to_the_server() {
    let site = Site::new();
    site.add_user("ada", &[]);
    expired(&site.database(), 1000, 1_000_000_000);
    site.database().change("UPDATE audit SET at = at - 90000");
    site.run(&["token", "issue", "ada"]).ok();
    for _ in 0..2 {
        let mut server = site.start(&[]);
        assert_eq!(server.login("ada@example.org").status, 200);
        assert_eq!(server.stop(), Some(0));
        assert!(server.log().contains("sys_clock_ahead"), "{}", server.log());
    }
    let left: i64 = site.database().get("SELECT count(*) FROM sessions");
    assert_eq!(left, 1003);
}

/// A clock that is wrong would have everything deleted that is only out of date for itself.
#[test]
fn after_the_clock_has_leapt_ahead_nothing_is_deleted_for_an_hour() {
    let site = Site::new();
    site.add_user("ada", &[]);
    expired(&site.database(), 1000, 1_000_000_000);
    let long_ago = "UPDATE audit SET at = at - 90000";
    site.database().change(long_ago);
    let mut server = site.start(&[]);
    assert_eq!(server.login("ada@example.org").status, 200);
    assert_eq!(server.stop(), Some(0));
    assert!(server.log().contains("sys_clock_ahead"), "{}", server.log());
    let left: i64 = site.database().get("SELECT count(*) FROM sessions");
    assert_eq!(left, 1001);
}

#[test]
fn the_audit_trail_is_kept_for_a_year_or_as_long_as_the_operator_says() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.run(&["token", "issue", "ada"]).ok();
    let rows = || {
        let said = site.run(&["audit", "verify", "--format", "json"]).json();
        (said["rows"].clone(), said["rows_gone_before"].clone())
    };
    let old = "UPDATE audit SET at = at - 40000000, digest = NULL";
    site.database().change(old);
    // It is chained anew when it is opened; and nobody doubts the clock any more.
    site.run(&["token", "issue", "ada"]).ok();
    site.database()
        .change("DELETE FROM counts WHERE name = 'clock-doubted-until'");
    let serve = |keep: &[&str]| {
        let mut server = site.start(keep);
        assert_eq!(server.login("ada@example.org").status, 200);
        let database = site.database();
        let first = || {
            let first: i64 = database.get("SELECT min(id) FROM audit");
            (keep == ["--audit-keep", "never"] || first > 2).then_some(())
        };
        until("old rows to go", first);
        assert_eq!(server.stop(), Some(0));
    };
    serve(&["--audit-keep", "never"]);
    assert_eq!(rows(), (json!(4), json!(0)));
    serve(&[]);
    // Two old ones have gone; the one that says so, and another login.
    assert_eq!(rows(), (json!(4), json!(2)));
    let said = site.run(&["serve", "--audit-keep", "1h"]).refusal();
    assert!(
        said.contains("audit_keep") && said.contains("365d"),
        "{said}"
    );
}
