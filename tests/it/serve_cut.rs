//! A database, its log or the memory that its users share is cut off while a server uses it.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use crate::serve_place::file;
use crate::server::{Site, side_by_side, until};

fn cut(path: &Path, length: u64) {
    let file = fs::File::options().write(true).open(path);
    file.and_then(|it| it.set_len(length))
        .expect("a shorter file");
}

/// Waits until all of the log is in the database.
fn settle(site: &Site) {
    until("the log to be moved", || {
        let length = file(site, "-wal").metadata().expect("a log").len();
        (length == 0).then_some(())
    });
}

#[test]
fn a_database_or_a_log_that_is_cut_off_in_its_place_is_noticed() {
    let cuts: [(&str, Option<u64>, bool); 8] = [
        ("", Some(0), false),
        ("", Some(50), false),
        ("", Some(0), true),
        ("", Some(50), true),
        ("", Some(8192), true),
        ("-wal", Some(0), false),
        ("-wal", Some(5000), false),
        // An older copy of it.
        ("-wal", None, false),
    ];
    side_by_side(cuts, |(ending, length, is_moved)| {
        let what = format!("{ending} {length:?} {is_moved}");
        let site = Site::new();
        let mut server = site.start(&[]);
        let reader = site.database();
        if !is_moved {
            // As long as somebody reads what was, the log stays as it is.
            let count = "BEGIN; SELECT count(*) FROM users";
            reader.file().execute_batch(count).expect("a reader");
        }
        assert_eq!(server.register("ada"), 201);
        let old = fs::read(file(&site, "-wal")).expect("a log");
        assert_eq!(server.register("bo"), 201);
        if is_moved {
            settle(&site);
        }
        match length {
            Some(length) => cut(&file(&site, ending), length),
            None => fs::write(file(&site, ending), old).expect("an older log"),
        }
        assert_ne!(server.register("cy"), 201, "{what}");
        until("the server to say that it is not ready", || {
            (!server.is_open() || server.get("/readyz", "").status == 503).then_some(())
        });
        assert_eq!(server.wait(), Some(1), "{what}");
        let log = server.log();
        assert_eq!(log.matches("database_lost").count(), 1, "{what}: {log}");
        assert!(log.contains("cut off"), "{what}: {log}");
    });
}

#[test]
fn a_database_that_becomes_smaller_by_itself_is_not_lost() {
    let site = Site::new();
    let mut server = site.start(&[]);
    let database = site.database().into_file();
    for round in 0..3 {
        let fill = "CREATE TABLE filling AS SELECT randomblob(2000000) AS it";
        database.execute_batch(fill).expect("a large table");
        assert_eq!(server.register(&format!("ada{round}")), 201);
        settle(&site);
        let large = file(&site, "").metadata().expect("a file").len();
        let shrink = "DROP TABLE filling; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)";
        database.execute_batch(shrink).expect("a small database");
        assert_eq!(server.register(&format!("bo{round}")), 201);
        settle(&site);
        let small = file(&site, "").metadata().expect("a file").len();
        assert!(small < large, "{small} {large}");
        assert_eq!(server.get("/readyz", "").status, 200);
    }
    assert!(!server.log().contains("database_lost"));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_database_that_another_process_made_longer_and_somebody_cut_is_noticed() {
    // How the other one moves its log, and whether that begins anew before the server writes.
    let ways = [
        ("PASSIVE", false),
        ("PASSIVE", true),
        ("FULL", true),
        ("TRUNCATE", true),
    ];
    side_by_side(ways, |(how, begins_anew)| {
        let what = format!("{how} {begins_anew}");
        let site = Site::new();
        let mut server = site.start(&[]);
        assert_eq!(server.register("ada"), 201);
        let other = site.database().into_file();
        other
            .execute_batch("CREATE TABLE note (it)")
            .expect("a table");
        settle(&site);
        let length = file(&site, "").metadata().expect("a file").len();
        let fill = "CREATE TABLE filling AS SELECT randomblob(2000000) AS it";
        other.execute_batch(fill).expect("a large table");
        let checkpoint = format!("PRAGMA wal_checkpoint({how})");
        let moved = other.query_row(&checkpoint, [], |row| row.get(0));
        assert_eq!(moved, Ok(0), "{what}: it was busy");
        cut(&file(&site, ""), length);
        if begins_anew {
            // As a command does: the stamp says which commit this one follows.
            let stamp: i64 = other
                .query_row("PRAGMA user_version", [], |row| row.get(0))
                .expect("a stamp");
            let next = ((stamp as u32) << 16 | 7) as i32;
            let write =
                format!("BEGIN; INSERT INTO note VALUES (1); PRAGMA user_version = {next}; COMMIT");
            other.execute_batch(&write).expect("a row");
        }
        assert_ne!(server.register("cy"), 201, "{what}");
        assert_eq!(server.wait(), Some(1), "{what}");
        let log = server.log();
        assert_eq!(log.matches("database_lost").count(), 1, "{what}: {log}");
    });
}

#[test]
fn shared_memory_that_is_cut_off_ends_the_server_and_nothing_is_lost() {
    let site = Site::new();
    let mut server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    cut(&file(&site, "-shm"), 0);
    // The system ends it by a signal: the memory is gone from under it.
    assert_eq!(server.wait(), None);
    let server = site.start(&[]);
    assert_eq!(server.login("ada@example.org").status, 200);
}

#[test]
fn who_asks_of_a_database_that_was_cut_off_is_told_to_come_back_and_the_log_says_it_once() {
    for (ending, length) in [("", 0), ("", 50), ("", 8192), ("-wal", 0)] {
        let what = format!("{ending} {length}");
        let site = Site::new();
        let mut server = site.start(&[]);
        assert_eq!(server.register("ada"), 201);
        let session = server.login("ada@example.org").json();
        let token = session["access_token"].as_str().expect("a token");
        if ending.is_empty() {
            settle(&site);
        }
        cut(&file(&site, ending), length);
        let ask = json!({"email": "ada@example.org"});
        let mut asked = 0;
        while server.is_open() && asked < 200 {
            let statuses = [
                server.status_of(token),
                server.register(&format!("bo{asked}")),
                server.login("ada@example.org").status,
                server.post("request-reset", &ask).status,
            ];
            asked += 1;
            // What is in memory is still answered; nothing is written, and nothing is called broken.
            assert!(
                statuses.iter().all(|it| [200, 503].contains(it)),
                "{what}: {statuses:?}: {}",
                server.log()
            );
            assert_eq!(statuses[1], 503, "{what}");
            if server.get("/readyz", "").status == 503 && asked > 20 {
                break;
            }
        }
        until("a line in the log", || {
            server.log().contains("database_lost").then_some(())
        });
        server.signal(Signal::TERM);
        assert_eq!(server.wait(), Some(1), "{what}");
        let log = server.log();
        assert_eq!(log.matches("database_lost").count(), 1, "{what}: {log}");
        for said in ["malformed", "not a database", "\"failure\""] {
            assert!(!log.contains(said), "{what}: {said}: {log}");
        }
    }
}
