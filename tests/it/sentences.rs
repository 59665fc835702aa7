//! What the operating system and SQLite say reaches people as sentences, with what to do.

use std::io;

use minisass_auth::failure::{Failure, in_words};

use crate::server::{Site, until};

#[test]
fn errors_of_the_operating_system_are_told_in_words() {
    for (number, words) in [
        (2, "no such file"),
        (5, "dmesg"),
        (
            13,
            "permission denied; run it as the owner, or give this user access",
        ),
        (20, "is no folder"),
        (21, "it is a folder"),
        (24, "too many files are open; raise the limit"),
        (28, "the disk is full; make room"),
        (
            30,
            "the file system is read-only; in a container use its volume",
        ),
        (122, "quota"),
        (111, "Connection refused"),
    ] {
        let err = io::Error::from_raw_os_error(number);
        let said = in_words(&err);
        assert!(said.contains(words), "{number}: {said}");
        assert!(!said.contains("os error"), "{number}: {said}");
    }
    let inside = format!("3 of 4: {}; so", io::Error::from_raw_os_error(111));
    let chain = Failure::new("trying", inside).chain();
    assert_eq!(chain, "failed trying: 3 of 4: Connection refused; so");
}

#[test]
fn a_file_that_is_not_there_is_said_so_by_every_command() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for arguments in [
        &["user", "import", "nowhere"][..],
        &["user", "import", "/"],
        &["user", "list", "--config", "nowhere"],
        &["key", "import", "nowhere"],
        &["key", "import", "/"],
        &["user", "export", "nowhere/users.jsonl"],
        &["db", "backup", "nowhere/backup.db"],
        &["man", "--dir", "nowhere"],
        &["user", "list", "--smtp-url-file", "nowhere"],
        &[
            "mail",
            "test",
            "a@example.org",
            "--mail-templates",
            "nowhere",
        ],
        &[
            "mail",
            "test",
            "a@example.org",
            "--smtp-url",
            "smtps://h",
            "--smtp-ca-file",
            "nowhere",
        ],
        &["user", "list", "--data-dir", "/dev/null/nowhere"],
        &["user", "list", "--database", "/"],
        &["serve", "--data-dir", "/proc/nowhere"],
        &["serve", "--listen", "unix:/nowhere/socket"],
    ] {
        let said = site.run(arguments).refusal();
        assert!(!said.contains("os error"), "{arguments:?}: {said}");
        assert!(!said.contains("Error code"), "{arguments:?}: {said}");
    }
    let empty = Site::new();
    let said = empty.run(&["db", "restore", "nowhere.db"]).refusal();
    assert!(said.contains("nowhere.db: there is no such file"), "{said}");
}

/// It takes as long as a command waits for its turn, 20 seconds or more.
#[test]
fn who_has_locked_the_database_is_said() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let holder = site.database();
    holder.change("BEGIN IMMEDIATE");
    let said = site
        .run(&["user", "update", "ada", "--first-name", "Ada"])
        .refusal();
    let own = std::process::id().to_string();
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    // Not every file system says whose its locks are.
    let who = if locks.contains(&format!(" {own} ")) {
        &own
    } else {
        "another program"
    };
    assert!(
        said.contains(who) && said.contains("has locked the database"),
        "{said}"
    );
    assert!(said.contains("; wait for it, or end it"), "{said}");
}

#[test]
fn a_second_server_says_which_the_first_is() {
    let site = Site::new();
    let server = site.start(&[]);
    let said = site.run(&["serve", "--listen", "127.0.0.1:0"]).refusal();
    assert!(said.contains("a server serves"), "{said}");
    let own = server.id().as_raw_nonzero().to_string();
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    assert!(
        !locks.contains(&format!(" {own} ")) || said.contains(&own),
        "{said}"
    );
}

#[test]
fn a_log_that_cannot_be_emptied_is_a_warning() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let reader = site.database().into_file();
    let count = reader.query_row("SELECT count(*) FROM users", [], |row| row.get(0));
    assert_eq!(count, Ok(1));
    let grow = "PRAGMA wal_autocheckpoint = 0; CREATE TABLE junk (bytes);
                INSERT INTO junk VALUES (zeroblob(65 << 20));";
    site.database().change(grow);
    let server = site.start(&[]);
    until("the warning", || {
        server.log().contains("sys_log_grows").then_some(())
    });
    assert!(server.log().contains("fuser"), "{}", server.log());
}
