//! Where the database is: commands make none by mistake, and touch no file of somebody else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::database::Database;
use crate::server::{PASSWORD, Site, run};

const NEWCOMER: &str = r#"{"username": "bo", "email": "bo@example.org"}"#;

/// What lies in a folder.
fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|it| it.expect("a file").path()).collect()
}

#[test]
fn a_command_that_only_reads_makes_no_database() {
    for arguments in [
        &["user", "list"][..],
        &["user", "show", "ada"],
        &["user", "export"],
        &["user", "delete", "ada", "--yes"],
        &["user", "deactivate", "ada", "--dry-run"],
        &["profile", "show", "ada"],
        &["session", "list", "ada"],
        &["token", "issue", "ada"],
        &["reset", "send", "ada"],
        &["key", "list"],
        &["key", "rotate"],
        &["key", "import", "-"],
        &["mail", "list"],
        &["audit", "list"],
        &["policy", "list"],
        &["db", "status"],
        &["db", "check"],
        &["db", "backup", "nightly.db"],
    ] {
        let site = Site::new();
        let said = site.run(arguments).refusal();
        let place = site.data().join("auth.db").display().to_string();
        for part in [&place, "--data-dir", "--database"] {
            assert!(said.contains(part), "{arguments:?}: {said}");
        }
        assert_eq!(
            names(&site.path("")),
            Vec::<PathBuf>::new(),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_server_that_is_refused_leaves_no_data_folder_behind() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let copy = site.path("copy.db").display().to_string();
    site.run(&["db", "backup", &copy]).ok();
    let mistaken = site.path("mistaken");
    let mut serve = site.bare();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--database", &copy]);
    let said = run(serve.arg("--data-dir").arg(&mistaken), "").refusal();
    assert!(said.contains("master key"), "{said}");
    assert!(!mistaken.exists());
}

/// A folder that was named by mistake has no master key, and is not to get one.
#[test]
fn a_command_that_only_reads_makes_no_data_folder_for_a_database_that_lies_elsewhere() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let copy = site.path("copy.db").display().to_string();
    site.run(&["db", "backup", &copy]).ok();
    let empty = site.path("empty");
    fs::create_dir(&empty).expect("a folder");
    for arguments in [
        &["user", "list"][..],
        &["user", "show", "ada"],
        &["user", "update", "ada", "--first-name", "Ada"],
        &["user", "export"],
        &["token", "issue", "ada"],
        &["reset", "link", "ada"],
        &["session", "list"],
        &["key", "list"],
        &["key", "rotate"],
        &["mail", "list"],
        &["audit", "list"],
        &["db", "status"],
        &["db", "check"],
        &["db", "backup", "again.db"],
    ] {
        for folder in ["mistaken", "empty"] {
            let folder = site.path(folder);
            let mut command = site.bare();
            command.arg("--data-dir").arg(&folder);
            command.args(["--database", &copy]).args(arguments);
            let said = run(&mut command, "").refusal();
            for part in [&folder.display().to_string(), "--data-dir"] {
                assert!(said.contains(part), "{arguments:?}: {said}");
            }
        }
        assert!(!site.path("mistaken").exists(), "{arguments:?}");
        assert_eq!(names(&empty), Vec::<PathBuf>::new(), "{arguments:?}");
    }
    // The folder of a server that was told where its database is has it, and is the right one; so is any,
    // for whom the master key is elsewhere.
    let data = site.data().display().to_string();
    let right = ["--data-dir", &data, "--database", &copy, "user", "list"];
    run(site.bare().args(right), "").ok();
    let mut elsewhere = site.bare();
    elsewhere.arg("--data-dir").arg(site.path("mistaken"));
    elsewhere.env(
        "MINISASS_AUTH_MASTER_KEY_FILE",
        site.data().join("keys/master.key"),
    );
    run(elsewhere.args(["--database", &copy, "key", "list"]), "").ok();
    let lost = [
        "--database",
        &copy,
        "key",
        "rotate",
        "--discard-old",
        "--yes",
    ];
    let other = site.path("other");
    run(site.bare().arg("--data-dir").arg(other).args(lost), "").ok();
}

#[test]
fn a_command_that_is_refused_makes_nothing() {
    let foreign = "CREATE TABLE theirs (id INTEGER)";
    for (arguments, input) in [
        (&["user", "import", "nofile"][..], ""),
        (&["user", "import", "."], ""),
        (&["user", "import", "book.zip"], ""),
        (
            &["user", "import", "users.jsonl", "--user-model", "a.b"],
            "",
        ),
        (
            &["user", "import", "users.jsonl", "--report", "book.zip"],
            "",
        ),
        (
            &["user", "create", "--email", "no address", "--no-password"],
            "",
        ),
        (
            &[
                "user",
                "create",
                "--email",
                "bo@example.org",
                "--username",
                "1",
                "--no-password",
            ],
            "",
        ),
        (
            &[
                "user",
                "create",
                "--email",
                "bo@example.org",
                "--password-stdin",
            ],
            "password\n",
        ),
        (&["db", "restore", "nope.db"], ""),
        (&["db", "restore", "book.zip"], ""),
        (&["db", "restore", "-"], "nothing of the kind"),
        (&["db", "restore", "theirs.db"], ""),
        (
            &["db", "restore", "backup.db", "--database", "theirs.db"],
            "",
        ),
        (&["db", "restore", "nope.db", "--database", "theirs.db"], ""),
        (
            &["db", "restore", "backup.db", "--database", "nope/auth.db"],
            "",
        ),
        (&["db", "migrate", "--database", "nope/auth.db"], ""),
        (
            &[
                "user",
                "import",
                "users.jsonl",
                "--database",
                "nope/auth.db",
            ],
            "",
        ),
        (&["user", "import", "users.jsonl", "--report", "-"], ""),
        (
            &["user", "import", "users.jsonl", "--report", "nope/report"],
            "",
        ),
        (&["serve", "--database", "nope/auth.db"], ""),
    ] {
        let site = Site::new();
        fs::write(site.path("book.zip"), "PK\x03\x04 and more").expect("a file");
        fs::write(site.path("users.jsonl"), NEWCOMER).expect("a file");
        let theirs = rusqlite::Connection::open(site.path("theirs.db")).expect("a file");
        theirs.execute_batch(foreign).expect("a table");
        drop(theirs);
        let maker = Site::with_database();
        let backup = site.path("backup.db").display().to_string();
        maker.run(&["db", "backup", &backup]).ok();
        let before = crate::cli_doctor::content(&site.path(""));
        site.run_with(arguments, input).refusal();
        let after = crate::cli_doctor::content(&site.path(""));
        let names = |it: &std::collections::BTreeMap<PathBuf, Vec<u8>>| -> Vec<PathBuf> {
            it.keys().cloned().collect()
        };
        assert_eq!(names(&after), names(&before), "{arguments:?}");
        assert!(after == before, "{arguments:?} changed a file");
    }
    // And what is in order is done, the first time too.
    let site = Site::new();
    let create = [
        "user",
        "create",
        "--email",
        "bo@example.org",
        "--password-stdin",
    ];
    site.run_with(&create, "a Good password 7\n").ok();
    let users = site.run(&["user", "list", "--format", "json"]).json();
    assert_eq!(users[0]["id"], 1);
}

#[test]
fn an_empty_file_is_no_database_either() {
    let site = Site::new();
    fs::create_dir(site.data()).expect("a folder");
    let file = site.data().join("auth.db");
    fs::write(&file, "").expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    site.run(&["user", "list"]).refusal();
    assert_eq!(names(&site.data()), [file]);
    site.run(&["db", "migrate"]).ok();
    site.run(&["user", "list"]).ok();
}

#[test]
fn what_makes_one_makes_one() {
    let site = Site::new();
    let migrated = site.run(&["db", "migrate", "--format", "json"]).json();
    assert_eq!(migrated["from"], 0);
    let site = Site::new();
    site.run_with(&["user", "import", "-"], NEWCOMER).ok();
    site.run(&["user", "show", "bo"]).ok();
    // From the first moment the file alone says whose it is.
    let head = fs::read(site.data().join("auth.db")).expect("a database");
    assert_eq!(&head[68..72], b"mini");
}

#[test]
fn a_dry_run_where_there_is_no_database_finds_what_it_would_find_and_makes_nothing() {
    let site = Site::new();
    let import = ["--format", "json", "user", "import", "-", "--dry-run"];
    let said = site.run_with(&import, NEWCOMER);
    assert_eq!(said.json()["added"], 1);
    let create = ["user", "create", "--email", "cy@example.org"];
    let create = [&create[..], &["--password-stdin", "--dry-run"]].concat();
    let said = site.run_with(&create, PASSWORD).ok();
    assert!(said.contains("cy@example.org"), "{said}");
    site.run_with(&create, "short").refusal();
    assert_eq!(names(&site.path("")), Vec::<PathBuf>::new());
}

#[test]
fn a_file_of_somebody_else_is_never_touched() {
    let site = Site::new();
    let other = site.path("other.db");
    drop(Database::of_another_program(&other));
    let text = site.path("passwd");
    fs::write(&text, "root:x:0:0:root:/:/bin/sh\n").expect("a file");
    for (file, mode) in [
        (&other, 0o600),
        (&other, 0o644),
        (&text, 0o600),
        (&text, 0o644),
    ] {
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("a mode");
        let before = fs::read(file).expect("the file");
        let name = file.display().to_string();
        for command in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["user", "list"],
            &["user", "create", "--email", "a@b.example", "--no-password"],
            &["db", "check"],
            &["db", "migrate"],
        ] {
            let said = site.run(&[&["--database", &name][..], command].concat());
            let said = said.refusal();
            assert!(!said.contains("chmod"), "{said}");
            assert!(said.contains(&name), "{said}");
            assert!(fs::read(file).expect("the file") == before, "{command:?}");
            assert_eq!(names(&site.path("")).len(), 2, "{command:?}");
        }
    }
}

#[test]
fn a_plain_copy_of_a_database_in_use_is_no_backup() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    for name in ["bo", "cy", "di"] {
        assert_eq!(server.register(name), 201);
    }
    // In a place of its own, and with signs that mean something in an address.
    let place = site.path("50% off?#1");
    fs::create_dir(&place).expect("a folder");
    let copy = place.join("copy.db");
    fs::copy(site.data().join("auth.db"), &copy).expect("a copy");
    let before = fs::read(&copy).expect("the copy");
    let target = Site::new();
    let restore = |file: &Path| target.run(&["db", "restore", &file.display().to_string()]);
    let said = restore(&copy).refusal();
    assert!(said.contains("WAL") && said.contains("db backup"), "{said}");
    assert!(!target.data().join("auth.db").exists());
    assert!(fs::read(&copy).expect("the copy") == before);
    // A true backup is good, and is not touched either.
    let backup = place.join("backup.db");
    let name = backup.display().to_string();
    site.run(&["db", "backup", &name]).ok();
    let before = fs::read(&backup).expect("the backup");
    restore(&backup).ok();
    assert!(fs::read(&backup).expect("the backup") == before);
    let mut left = names(&place);
    left.sort();
    assert_eq!(left, [backup, copy], "nothing is made beside it");
    target
        .run(&["key", "rotate", "--discard-old", "--yes"])
        .ok();
    let users = target.run(&["user", "list", "--format", "json"]).json();
    assert_eq!(users.as_array().map(Vec::len), Some(4));
}

#[test]
fn what_is_deleted_is_overwritten_and_mails_go_with_their_account() {
    let site = Site::new();
    let server = site.start(&[]);
    assert_eq!(server.register("zebedee"), 201);
    assert_eq!(server.register("ermintrude"), 201);
    let ask = json!({"email": "ermintrude@example.org"});
    assert_eq!(server.post("request-reset", &ask).status, 200);
    let mails = || {
        let mails = site.run(&["mail", "list", "--format", "json"]).json();
        let mails = mails.as_array().expect("a list").clone();
        mails
            .iter()
            .all(|it| it["state"] == "sent")
            .then_some(mails.len())
    };
    assert_eq!(crate::server::until("three mails", mails), 3);
    let mention = |name: &str| {
        let mut found = Vec::new();
        let outbox = names(&site.data().join("outbox"));
        for file in outbox.into_iter().chain(names(&site.data())) {
            let bytes = fs::read(&file).unwrap_or_default();
            if bytes.windows(name.len()).any(|it| it == name.as_bytes()) {
                found.push(file);
            }
        }
        found
    };
    assert!(
        mention("ermintrude").len() >= 3,
        "{:?}",
        mention("ermintrude")
    );
    site.run(&["user", "delete", "ermintrude", "--yes", "--dry-run"])
        .ok();
    assert!(
        mention("ermintrude").len() >= 3,
        "a dry run removes nothing"
    );
    // Both ways: by the operator, and by the account itself. The server goes on.
    site.run(&["user", "delete", "ermintrude", "--yes"]).ok();
    assert_eq!(server.register("florence"), 201);
    let bearer = server.login("florence@example.org").text("access_token");
    let close = json!({"password": PASSWORD}).to_string();
    let head = crate::wire::bearer(&bearer) + "Content-Type: application/json\r\n";
    let path = "/authentication/api/user/delete/";
    let closed = crate::wire::exchange(server.connect(), "POST", path, &head, &close);
    assert_eq!(closed.status, 200, "{closed:?}");
    for name in ["ermintrude", "florence"] {
        crate::server::until("the log to be emptied", || {
            mention(name).is_empty().then_some(())
        });
    }
    let mut server = server;
    assert_eq!(server.stop(), Some(0));
    assert_eq!(mention("ermintrude"), Vec::<PathBuf>::new());
    assert!(mention("zebedee").len() >= 2, "{:?}", mention("zebedee"));
}

#[test]
fn a_lost_database_and_lost_keys_are_told_from_a_first_start() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let backup = site.path("backup.db").display().to_string();
    site.run(&["db", "backup", &backup]).ok();
    let id: i64 = site.database().get("PRAGMA application_id");
    let (file, keys) = (site.data().join("auth.db"), site.data().join("keys"));
    let refused = |missing: &Path| {
        for command in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["db", "migrate"],
        ] {
            let said = site.run(command).refusal();
            assert!(said.contains(&missing.display().to_string()), "{said}");
            let anew = if missing == file {
                "complete"
            } else {
                "--discard-old"
            };
            assert!(said.contains(anew), "how to begin anew: {said}");
        }
    };
    let elsewhere = site.path("keys");
    fs::rename(&keys, &elsewhere).expect("lost keys");
    refused(&keys);
    assert!(!keys.exists(), "none were made");
    fs::create_dir(&keys).expect("an empty folder");
    refused(&keys);
    fs::remove_dir(&keys).expect("an empty folder");
    fs::rename(&elsewhere, &keys).expect("keys that were found");
    site.run(&["user", "show", "ada"]).ok();

    // What is left in the folder does not matter.
    let (master, away) = (keys.join("master.key"), site.path("master.key"));
    fs::rename(&master, &away).expect("a lost key");
    fs::write(keys.join(".DS_Store"), "").expect("a file of a Mac");
    refused(&master);
    assert!(!master.exists(), "none was made");
    fs::rename(&away, &master).expect("a key that was found");
    site.run(&["user", "show", "ada"]).ok();

    fs::remove_file(&file).expect("a lost database");
    refused(&file);
    fs::write(&file, "").expect("an empty file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    refused(&file);
    // What there was of it may all have been in a log that is lost, as after a copy of the file alone.
    site.database().change(&format!(
        "PRAGMA application_id = {id}; PRAGMA journal_mode = wal"
    ));
    refused(&file);
    let said = site.run(&["user", "list"]).refusal();
    assert!(said.contains("missing or empty"), "{said}");
    let doctor = site.run(&["doctor"]);
    assert_eq!(doctor.code, Some(1), "{}", doctor.err);
    // A backup is of no use without the master key; if that is lost, it is said that the keys are too.
    fs::remove_dir_all(&keys).expect("lost keys");
    site.run(&["db", "restore", &backup]).ok();
    let said = site.run(&["key", "list"]).refusal();
    assert!(said.contains("--discard-old"), "{said}");
    let discard = ["key", "rotate", "--discard-old", "--yes"];
    site.run(&discard).ok();
    let server = site.start(&[]);
    assert_eq!(server.login("ada@example.org").status, 200);
}
