//! The files that the service lives by: nothing else takes their place, and what a crash left goes.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use crate::server::Site;

#[test]
fn no_command_writes_over_the_files_of_the_service() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let data = site.data();
    fs::create_dir(data.join("backups")).expect("a folder");
    fs::write(data.join("backups/auth-20260101T000000Z.db"), "a backup").expect("a file");
    symlink(&data, site.path("by-link")).expect("a link");
    let signing = fs::read_dir(data.join("keys")).expect("keys");
    let signing: Vec<_> = signing.map(|it| it.expect("a key").path()).collect();
    let mut own: Vec<_> = [
        "auth.db",
        "auth.db-wal",
        "auth.db-shm",
        "auth.db-journal",
        "auth.db.before-v9",
        "complete",
        "serve.lock",
        "keys/new.jsonl",
        "outbox/1.eml",
        "backups/auth-20260101T000000Z.db",
        "keys/../auth.db",
    ]
    .map(|it| data.join(it))
    .into();
    fs::create_dir_all(data.join("outbox")).expect("a folder");
    own.extend(signing);
    own.extend([
        site.path("by-link/auth.db"),
        site.path("by-link/keys/new.key"),
    ]);
    let state = || {
        let files = [
            "auth.db",
            "keys/master.key",
            "backups/auth-20260101T000000Z.db",
        ];
        files.map(|it| fs::read(data.join(it)).expect("a file"))
    };
    let before = state();
    for place in &own {
        let place = place.display().to_string();
        for command in [
            &["user", "export", "--force", &place][..],
            &["user", "export", &place],
            &["db", "backup", &place],
        ] {
            let said = site.run(command).refusal();
            let is_told =
                said.contains("belongs to the service") || said.contains("exists already");
            assert!(is_told, "{command:?}: {said}");
        }
        let said = site.run(&["user", "export", "--force", &place]).refusal();
        assert!(said.contains("belongs to the service"), "{place}: {said}");
    }
    assert!(state() == before, "nothing was touched");
    site.run(&["user", "show", "ada"]).ok();
    // Other places are free, in the data folder too.
    for place in [
        "data/users.jsonl",
        "data/backups/mine.jsonl",
        "data/auth.db.bak",
    ] {
        let place = site.path(place).display().to_string();
        site.run(&["user", "export", &place]).ok();
    }
}

#[test]
fn what_is_no_file_is_no_database() {
    let site = Site::new();
    // Nobody writes into it: whoever opened it would wait for ever.
    let pipe = site.path("pipe").display().to_string();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    for place in ["/dev/null", &pipe] {
        for command in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["user", "list"],
            &["user", "create", "--email", "a@b.example", "--no-password"],
            &["db", "migrate"],
            &["db", "check"],
        ] {
            let said = site
                .run(&[&["--database", place][..], command].concat())
                .refusal();
            assert!(!said.contains("chmod"), "{said}");
            assert!(said.contains("is no file"), "{said}");
            assert!(said.contains("--database"), "{said}");
        }
    }
    assert!(!site.data().exists(), "nothing was made");
}

#[test]
fn a_server_removes_the_copies_that_killed_backups_left() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let old = SystemTime::now() - Duration::from_secs(7200);
    let name = "auth-20260101T000000Z.db.0123456789abcdef.minisass.tmp";
    let mut left = Vec::new();
    for folder in ["", "keys", "backups", "outbox"] {
        let folder = site.data().join(folder);
        fs::create_dir_all(&folder).expect("a folder");
        let draft = folder.join(name);
        let file = fs::File::create(&draft).expect("a draft");
        file.set_modified(old).expect("a time");
        left.push(draft);
    }
    let _server = site.start(&[]);
    for draft in left {
        assert!(!draft.exists(), "{}", draft.display());
    }
}
