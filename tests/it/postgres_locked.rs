//! What somebody else has locked.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use minisass_auth::clock::Clock;
use minisass_auth::store::Store;

use serde_json::json;

use crate::app::{App, PASSWORD};
use crate::postgres;
use crate::server::{PATIENCE, Site, until};
use crate::store::{NOW, ask};

#[test]
fn tables_that_somebody_has_locked_or_closed_are_told_by_readyz() {
    let Some(database) = postgres::database() else {
        return;
    };
    let location = database.location();
    let mut other = database.client();
    let app = App::at(location.clone());
    // Another one each time, because what was found out holds for a second.
    let anew = || app.elsewhere(location.clone(), Clock::fixed(NOW));
    for lock in [
        "LOCK TABLE profiles IN ACCESS EXCLUSIVE MODE",
        // As whoever makes an index does.
        "LOCK TABLE sessions IN SHARE MODE",
        "LOCK TABLE last_user_deleted IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE audit IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE audit IN SHARE MODE",
    ] {
        let app = anew();
        let store = Store::open(&location).expect("a store");
        other
            .batch_execute(&format!("BEGIN; {lock}"))
            .expect("a lock");
        let is_held_up = thread::scope(|scope| {
            let asked = scope.spawn(|| app.get("/readyz").expect(503));
            let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
            let mut waits = || other.query(waiting).expect("a count")[0].get::<_, i64>(0);
            while waits() == 0 && !asked.is_finished() {}
            ask(store.note_latest_time(NOW)).expect("a write");
            asked.is_finished()
        });
        assert!(
            !is_held_up,
            "{lock}: whoever writes waits for whoever asks how things are"
        );
        other.batch_execute("ROLLBACK").expect("no lock");
        store.close();
    }
    anew().get("/readyz").expect(200);
    for table in ["sessions", "last_user_deleted", "audit_end"] {
        let app = anew();
        let rename = |from: &str, to: &str| format!("ALTER TABLE {from} RENAME TO {to}");
        other
            .batch_execute(&rename(table, "gone"))
            .expect("another name");
        app.get("/readyz").expect(503);
        other
            .batch_execute(&rename("gone", table))
            .expect("its name");
    }
    anew().get("/readyz").expect(200);
}

#[test]
fn those_who_need_a_locked_table_wait_for_it_together() {
    let Some(database) = postgres::database() else {
        return;
    };
    let mut other = database.client();
    let app = App::on(database).with_user("ada");
    let lock = "BEGIN; LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE";
    other.batch_execute(lock).expect("a lock");
    let reset = || {
        let began = Instant::now();
        app.post("request-reset/", &json!({"email": "ada@example.org"}))
            .expect(503);
        began.elapsed()
    };
    let alone = reset();
    // At most two transactions: of the first one, and of those that have come meanwhile.
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(reset);
        }
    });
    let together = began.elapsed();
    assert!(together < alone * 3, "{together:?}, and {alone:?} alone");
    app.login("ada");
    other.batch_execute("ROLLBACK").expect("no lock");
    app.post("request-reset/", &json!({"email": "ada@example.org"}))
        .expect(200);
}

/// Neither those who send mails nor anybody else who needs the table takes all that others read with, or keeps the
/// turn to write for long.
#[test]
fn while_a_table_is_locked_those_who_do_not_need_it_are_served() {
    let Some(database) = postgres::database() else {
        return;
    };
    let mut other = database.client();
    let site = Site::new();
    let server = site.start(&["--database", &database.url()]);
    assert_eq!(server.register("ada"), 201);
    let lock = "BEGIN; LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE";
    other.batch_execute(lock).expect("a lock");
    let is_over = AtomicBool::new(false);
    let took = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                assert_eq!(server.register("bo"), 503);
            }
        });
        let began = Instant::now();
        for _ in 0..8 {
            assert_eq!(server.login("ada@example.org").status, 200);
        }
        is_over.store(true, Ordering::SeqCst);
        began.elapsed()
    });
    // Each of them writes twice, and waits for those who have the turn before it.
    assert!(took < PATIENCE, "{took:?}");
    other.batch_execute("ROLLBACK").expect("no lock");
    until("a registration", || {
        (server.register("bo") == 201).then_some(())
    });
}

#[test]
fn whoever_waited_for_a_lock_in_vain_keeps_all_connections() {
    let Some(database) = postgres::database() else {
        return;
    };
    let app = App::at(database.location()).with_user("ada");
    let access = app.login("ada").get("access_token");
    app.status(&access).expect(200);
    let mut other = database.client();
    // As a writer elsewhere that stands still.
    let lock = "BEGIN; SELECT pg_advisory_xact_lock(6013254711)";
    other.batch_execute(lock).expect("a lock");
    let mut watcher = database.client();
    let mut ours = || -> BTreeSet<i32> {
        let ours = "SELECT pid FROM pg_stat_activity
                    WHERE application_name LIKE 'minisass-auth%' AND datname = current_database()";
        let rows = watcher.query(ours).expect("connections");
        rows.iter().map(|it| it.get(0)).collect()
    };
    // Beside these, one more that reads may be made when it is wanted.
    let before = ours();
    app.try_login("ada", PASSWORD).expect(503);
    app.status(&access).expect(200);
    assert!(ours().is_superset(&before), "{before:?}");
    other.batch_execute("ROLLBACK").expect("no lock");
    app.login("ada");
    assert!(ours().is_superset(&before), "{before:?}");
}
