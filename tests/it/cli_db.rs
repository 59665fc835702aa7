//! `db …`: backups under load, and restores that bring nothing revoked back.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::database::Database;
use crate::old_keys;
use crate::server::{Site, until};

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_backup_under_load_is_whole_private_and_never_overwritten() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let backup = site.path("backup.db");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(server.register(&format!("client{count}")), 201);
                count += 1;
            }
        });
        let made = site.run(&["db", "backup", text(&backup)]);
        stop.store(true, Ordering::Relaxed);
        load.join().expect("the load");
        made.ok();
    });
    let mode = std::fs::metadata(&backup)
        .expect("a backup")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    Database::at(&backup).assert_sound();
    let said = site.run(&["db", "backup", text(&backup)]).refusal();
    assert!(said.contains("exists already"), "{said}");
    let left = std::fs::read_dir(site.path("")).expect("a folder");
    let left = left.filter_map(|it| it.ok()?.file_name().into_string().ok());
    assert!(left.into_iter().all(|it| !it.ends_with(".tmp")));
    let status = site.run(&["db", "status", "--format", "json"]).json();
    assert_eq!(status["last_backup"], text(&backup));
}

#[test]
fn a_restored_database_has_its_users_and_no_live_session_or_link() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let token = site.run(&["token", "issue", "ada"]).ok();
    site.run(&["reset", "send", "ada"]).ok();
    let backup = site.path("backup.db");
    site.run(&["db", "backup", text(&backup)]).ok();
    let said = site.run(&["db", "restore", text(&backup)]).refusal();
    assert!(said.contains(" holds 1 "), "{said}");

    {
        let _server = site.start(&[]);
        let said = site.run(&["db", "restore", text(&backup)]).refusal();
        let is_told = ["a server serves", "stop every server"];
        assert!(is_told.iter().any(|it| said.contains(it)), "{said}");
    }
    site.lose_database();
    let restored = site
        .run(&["db", "restore", text(&backup), "--format", "json"])
        .json();
    assert_eq!(restored["users"], 1);
    let server = site.start(&[]);
    assert_eq!(server.status_of(token.trim()), 401);
    assert_eq!(server.login("ada@example.org").status, 200);
    let open = "SELECT (SELECT count(*) FROM links WHERE used_at IS NULL)
                     + (SELECT count(*) FROM outbox WHERE state = 'queued')";
    assert_eq!(site.database().get::<i64>(open), 0);
    site.run(&["audit", "verify"]).ok();
    let refresh = server.post("refresh", &json!({"refresh": token.trim()}));
    assert_eq!(refresh.status, 401);
}

#[test]
fn what_is_no_backup_is_refused_and_nothing_is_made_of_it() {
    let site = Site::new();
    let other = site.path("other.db");
    std::fs::write(&other, "x".repeat(5000)).expect("a file");
    let foreign = site.path("foreign.db");
    Database::of_another_program(&foreign);
    for file in [&other, &foreign, &site.path("nowhere.db")] {
        site.run(&["db", "restore", text(file)]).refusal();
        assert!(!site.data().join("auth.db").exists());
    }
}

#[test]
fn damage_is_found_and_status_and_migrate_say_what_is_there() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let sound = site.run(&["db", "check", "--format", "json"]).json();
    assert_eq!(sound["is_sound"], true);
    let status = site.run(&["db", "status", "--format", "json"]).json();
    assert_eq!(
        (&status["users"], &status["last_backup"]),
        (&1.into(), &json!(null))
    );
    let migrated = site.run(&["db", "migrate", "--format", "json"]).json();
    assert_eq!(migrated["from"], migrated["to"]);
    site.database()
        .change("PRAGMA foreign_keys = off; DELETE FROM users");
    let said = site.run(&["db", "check"]).refusal();
    assert!(
        said.contains("profiles") && said.contains("db restore"),
        "{said}"
    );
}

#[test]
fn the_server_backs_up_by_itself_and_removes_only_its_own() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let folder = site.data().join("backups");
    std::fs::create_dir(&folder).expect("a folder");
    let own = |year: u32| format!("auth-{year}0101T000000Z.db");
    for name in [own(2001), own(2002), "mine.db".to_owned()] {
        std::fs::write(folder.join(name), "").expect("a file");
    }
    let _server = site.start(&["--backup-every", "1d", "--backup-keep", "2"]);
    let names = || {
        let entries = std::fs::read_dir(&folder).expect("the folder");
        let mut names: Vec<_> = entries
            .filter_map(|it| it.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    };
    until("a backup", || (!names().contains(&own(2001))).then_some(()));
    let left = names();
    assert_eq!(
        (left.len(), &left[0], left[2].as_str()),
        (3, &own(2002), "mine.db")
    );
    let copy = Database::at(&folder.join(&left[1]));
    assert_eq!(copy.get::<i64>("SELECT count(*) FROM users"), 1);
}

#[test]
fn a_migration_leaves_the_database_as_it_was_beside_it() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.run(&["token", "issue", "ada"]).ok();
    let to_v5 = "DROP INDEX outbox_by_link; DROP INDEX outbox_by_user; DROP INDEX outbox_ended;
                 DROP INDEX outbox_leased; DROP INDEX sessions_by_user;
                 DROP INDEX sessions_by_rotation; DROP INDEX audit_starts;
                 DROP INDEX consents_by_policy; DROP INDEX policies_by_time;
                 DROP TABLE counts; DROP TABLE refused_tokens; DROP TABLE keys;
                 DROP INDEX sessions_imported; DROP INDEX links_by_end;
                 ALTER TABLE links DROP COLUMN is_kept;
                 CREATE INDEX links_by_end ON links (expires_at);
                 ALTER TABLE users DROP COLUMN takes_imported_tokens;
                 ALTER TABLE users DROP COLUMN imported_tokens_ended_at;
                 DROP INDEX audit_backups; ALTER TABLE audit DROP COLUMN digest;
                 DELETE FROM refinery_schema_history WHERE version >= 6;";
    site.database().change(to_v5);
    old_keys::put(&site, &old_keys::FILES);
    let lock = std::fs::File::create(site.data().join("serve.lock")).expect("the lock of a server");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("a running server");
    let said = site.run(&["user", "list"]).refusal();
    assert!(said.contains("restart the server"), "{said}");
    drop(lock);
    let migrated = site.run(&["db", "migrate", "--format", "json"]).json();
    assert_eq!(migrated["from"], 5);
    let version = format!("auth.db.before-v{}", migrated["to"]);
    let copy = site.data().join(version);
    let mode = std::fs::metadata(&copy)
        .expect("a copy")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let version = "SELECT max(version) FROM refinery_schema_history";
    assert_eq!(Database::at(&copy).get::<i64>(version), 5);
    let trail = site.run(&["audit", "verify", "--format", "json"]).json();
    assert_eq!(trail["rows"], 4, "the migration is noted, and the keys");
}

#[test]
fn where_a_file_is_needed_a_folder_that_is_there_or_not_is_named() {
    let site = Site::with_database();
    let (here, away) = (site.path(""), site.path("away"));
    for (command, part) in [
        (
            ["copy", "--to", &*format!("{}/copy.db", text(&away))],
            "away; make it",
        ),
        (
            ["copy", "--to", text(&here)],
            "is a folder; name a new file",
        ),
        (
            ["restore", text(&here), "--format=json"],
            "is a folder; name the file",
        ),
    ] {
        let said = site.run(&[&["db"][..], &command].concat()).refusal();
        let shown = text(&here).trim_end_matches('/');
        assert!(said.contains(shown) && said.contains(part), "{said}");
    }
    assert!(!away.exists(), "none is made");
}
