//! A log beside a file that it does not belong to: refused, and never mixed in. A log that a crash left
//! is never refused, whatever had happened before.

use std::fs;
use std::path::{Path, PathBuf};

use minisass_auth::store::maintenance::Inspection;
use rustix::process::Signal;
use serde_json::json;

use crate::old_keys::lend_master;
use crate::server::{Server, Site};
use crate::store::{NOW, actor, get, on_sqlite};

fn file(site: &Site, ending: &str) -> PathBuf {
    site.data().join(format!("auth.db{ending}"))
}

fn kill(mut server: Server) {
    server.signal(Signal::KILL);
    server.wait();
}

/// Serves, registers these and is killed: they are in the log.
fn crash(site: &Site, names: &[&str]) {
    let server = site.start(&[]);
    for name in names {
        assert_eq!(server.register(name), 201, "{name}");
    }
    kill(server);
    let log = file(site, "-wal").metadata().expect("a log");
    assert!(log.len() > 0, "there is nothing in the log");
}

/// Every command refuses, says which file is meant, and changes none.
#[track_caller]
fn assert_refused(site: &Site) {
    let other = Site::with_database();
    let backup = site.path("other.db").display().to_string();
    if !Path::new(&backup).exists() {
        other.run(&["db", "backup", &backup]).ok();
    }
    let read = || ["", "-wal"].map(|it| fs::read(file(site, it)).expect("a file"));
    let before = read();
    for command in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["user", "list"],
        &["user", "create", "--email", "a@b.example", "--no-password"],
        &["db", "migrate"],
        &["db", "status"],
        &["db", "check"],
        &["db", "backup", "copy.db"],
        &["db", "restore", &backup],
        &["key", "list"],
        &["user", "delete", "ada", "--yes", "--dry-run"],
    ] {
        let said = site.run(command).refusal();
        assert!(said.contains("auth.db-wal"), "{command:?}: {said}");
        assert!(said.contains("remove"), "{command:?}: {said}");
    }
    let doctor = site.run(&["doctor", "--format", "csv"]);
    assert_eq!(doctor.code, Some(1));
    let line = doctor.out.lines().find(|it| it.starts_with("database,"));
    let line = line.unwrap_or_default();
    assert!(
        line.contains("failed") && line.contains("auth.db-wal"),
        "{line}"
    );
    assert!(read() == before, "nothing is changed");
}

/// As it is after `cp`: the file is another one, and its mode is as before.
fn put(from: &Path, site: &Site) {
    let bytes = fs::read(from).expect("a file");
    fs::write(file(site, ""), bytes).expect("a copy");
}

#[test]
fn a_backup_beside_the_log_of_another_file_is_refused() {
    let site = Site::new();
    let server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    let backup = site.path("backup.db");
    site.run(&["db", "backup", &backup.display().to_string()])
        .ok();
    for name in ["bo", "cy", "di", "ed"] {
        assert_eq!(server.register(name), 201);
    }
    kill(server);
    put(&backup, &site);
    assert_refused(&site);
    // What it says helps: the backup as it is.
    fs::remove_file(file(&site, "-wal")).expect("the log");
    let server = site.start(&[]);
    assert_eq!(server.login("ada@example.org").status, 200);
    assert_eq!(server.login("bo@example.org").status, 401);
}

#[test]
fn a_plain_copy_of_an_earlier_time_is_refused_and_one_of_the_same_time_is_not() {
    let site = Site::new();
    let mut server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    assert_eq!(server.stop(), Some(0));
    let early = site.path("early.db");
    fs::copy(file(&site, ""), &early).expect("a copy");
    let mut server = site.start(&[]);
    assert_eq!(server.register("bo"), 201);
    assert_eq!(server.stop(), Some(0));
    let late = site.path("late.db");
    fs::copy(file(&site, ""), &late).expect("a copy");
    crash(&site, &["cy", "di"]);

    put(&early, &site);
    assert_refused(&site);
    // By a link too, beside which there is no log.
    let link = site.path("link.db");
    std::os::unix::fs::symlink(file(&site, ""), &link).expect("a link");
    let link = link.display().to_string();
    let said = site.run(&["--database", &link, "user", "list"]).refusal();
    assert!(said.contains("auth.db-wal"), "{said}");
    // The file that the log was begun over: SQLite puts it right.
    put(&late, &site);
    let server = site.start(&[]);
    for name in ["ada", "bo", "cy", "di"] {
        let email = format!("{name}@example.org");
        assert_eq!(server.login(&email).status, 200, "{name}");
    }
    site.run(&["db", "check"]).ok();
}

#[test]
fn the_file_or_the_log_of_another_installation_is_refused() {
    let (site, other) = (Site::new(), Site::new());
    let mut server = other.start(&[]);
    assert_eq!(server.register("eve"), 201);
    assert_eq!(server.stop(), Some(0));
    let closed = other.path("closed.db");
    fs::copy(file(&other, ""), &closed).expect("a copy");
    crash(&site, &["ada"]);
    crash(&other, &["mal"]);
    let own = site.path("own.db");
    fs::copy(file(&site, ""), &own).expect("a copy");

    put(&closed, &site);
    assert_refused(&site);
    // Nor a copy that went another way since.
    put(&own, &site);
    fs::copy(file(&other, "-wal"), file(&site, "-wal")).expect("a copy");
    assert_refused(&site);
}

#[test]
fn a_copy_that_went_on_elsewhere_is_refused() {
    let (site, other) = (Site::new(), Site::new());
    let mut server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    assert_eq!(server.stop(), Some(0));
    let copied = std::process::Command::new("cp")
        .arg("-rp")
        .args([site.data(), other.data()])
        .status();
    assert!(copied.expect("a copy").success());
    let mut server = other.start(&[]);
    assert_eq!(server.register("bo"), 201);
    assert_eq!(server.stop(), Some(0));
    crash(&site, &["cy", "di", "ed"]);
    put(&file(&other, ""), &site);
    assert_refused(&site);
}

#[test]
fn no_log_that_a_crash_left_is_refused() {
    let site = Site::new();
    let mut names: Vec<String> = Vec::new();
    // The first log of all, in which the schema is made; then many, begun anew by all who write.
    for round in 0..12 {
        let server = site.start(&[]);
        for who in 0..3 {
            let name = format!("user{round}x{who}");
            assert_eq!(server.register(&name), 201);
            names.push(name);
        }
        let by_command = format!("command{round}");
        site.add_user(&by_command, &[]);
        names.push(by_command);
        let checkpoint = match round % 4 {
            0 => "PRAGMA wal_checkpoint(PASSIVE)",
            1 => "PRAGMA wal_checkpoint(RESTART)",
            2 => "PRAGMA wal_checkpoint(TRUNCATE)",
            _ => "SELECT 1",
        };
        let database = site.database();
        let ran = database.file().query_row(checkpoint, [], |_| Ok(()));
        ran.expect("a checkpoint");
        if round % 2 == 0 {
            let name = format!("late{round}");
            assert_eq!(server.register(&name), 201);
            names.push(name);
        }
        assert_eq!(server.get("/readyz", "").status, 200);
        // SQLite closes it, and takes the file's locks along: not before the server is gone.
        kill(server);
        drop(database);
        site.run(&["user", "list"]).ok();
    }
    let users = site.run(&["user", "list", "--limit", "1000", "--format", "json"]);
    let users = users.json();
    let users = users.as_array().expect("a list");
    for name in &names {
        assert!(
            users.iter().any(|it| it["username"] == json!(name)),
            "{name}"
        );
    }
}

#[test]
fn a_database_of_an_older_version_has_no_stamps_and_is_not_refused() {
    let site = Site::new();
    crash(&site, &["ada"]);
    site.run(&["user", "list"]).ok();
    let database = site.database();
    // As an older version left it: the last one to write set it to nothing, and was killed.
    let unstamp = |database: &rusqlite::Connection| {
        let unstamped = database.pragma_update(None, "user_version", 0);
        unstamped.expect("no stamp");
    };
    let server = site.start(&[]);
    unstamp(database.file());
    assert_eq!(server.register("bo"), 201);
    kill(server);
    drop(database);
    let server = site.start(&[]);
    assert_eq!(server.login("bo@example.org").status, 200);
}

#[test]
fn a_restore_that_is_killed_is_not_refused() {
    let (site, target) = (Site::new(), Site::new());
    let mut server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    assert_eq!(server.stop(), Some(0));
    let backup = site.path("backup.db").display().to_string();
    site.run(&["db", "backup", &backup]).ok();
    target.run(&["db", "migrate"]).ok();
    // Somebody who has it open keeps the log from being moved, as a kill would.
    let reader = target.database();
    let _ = reader
        .file()
        .query_row("SELECT count(*) FROM users", [], |_| Ok(()));
    target.run(&["db", "restore", &backup]).ok();
    let (copy, log) = (target.path("copy.db"), target.path("copy.db-wal"));
    fs::copy(file(&target, ""), copy).expect("a copy");
    fs::copy(file(&target, "-wal"), log).expect("a copy");
    drop(reader);
    lend_master(&site, &target);
    let copy = target.path("copy.db").display().to_string();
    let users = target.run(&["--database", &copy, "user", "list", "--format", "json"]);
    assert_eq!(users.json()[0]["username"], "ada");
}

#[test]
fn a_log_without_its_database_is_kept() {
    let site = Site::new();
    let mut server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    assert_eq!(server.stop(), Some(0));
    crash(&site, &["bo"]);
    let own = site.path("own.db");
    fs::copy(file(&site, ""), &own).expect("a copy");
    for length in [50, 0] {
        let whole = fs::File::options().write(true).open(file(&site, ""));
        whole.and_then(|it| it.set_len(length)).expect("a cut");
        // Whether this folder has ever had one, or not.
        for _ in 0..2 {
            assert_refused(&site);
            let _ = fs::remove_file(site.data().join("complete"));
        }
    }
    put(&own, &site);
    let server = site.start(&[]);
    for name in ["ada", "bo"] {
        let email = format!("{name}@example.org");
        assert_eq!(server.login(&email).status, 200, "{name}");
    }
}

/// Each commit names the one before it, however many write in it; whoever looks only whether the database
/// can be written writes in it too.
#[test]
fn whoever_looks_whether_the_database_can_be_written_disturbs_no_chain_of_commits() {
    on_sqlite(|store, path| {
        for _ in 0..20 {
            // The next commit begins a new log.
            let other = rusqlite::Connection::open(path).expect("the database");
            other
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .expect("an empty log");
            let begun: Vec<_> = (0..8)
                .map(|_| {
                    let note = store.note("test", "a note".to_owned(), actor(NOW));
                    (store.check_writable(), note)
                })
                .collect();
            for (probe, note) in begun {
                get(probe);
                get(note);
            }
            Inspection::of(&path.into()).expect("a log that belongs to its database");
        }
    });
}
