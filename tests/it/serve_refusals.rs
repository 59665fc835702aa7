//! Starts that are refused: one line that says what to do, and exit code 1.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::server::{Outcome, Site, run};

/// A start that must not succeed: if it does, the address is taken and so it ends anyway.
fn start(site: &Site, arguments: &[&str]) -> Outcome {
    site.run(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat())
}

/// A site that has been started once.
fn used() -> Site {
    let site = Site::new();
    assert_eq!(site.start(&[]).stop(), Some(0));
    site
}

#[track_caller]
fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{said:?} does not say {part:?}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let site = Site::new();
    let said = site.run(&["serve", "--listen", &address]).refusal();
    assert_says(&said, &[&address, "already", "--listen"]);
    assert!(!site.data().exists(), "nothing was made");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let site = Site::new();
    fs::write(site.path("file"), "").expect("a file");
    let below = site.path("file").join("data");
    let below = below.to_str().expect("UTF-8");
    let said = crate::server::run(
        site.bare()
            .args(["--data-dir", below, "serve", "--listen", "127.0.0.1:0"]),
        "",
    )
    .refusal();
    assert_says(&said, &[below, "--data-dir"]);
    let link = site.path("link");
    symlink(site.path("not-mounted"), &link).expect("a link");
    for place in [link.clone(), link.join("data")] {
        let place = place.to_str().expect("UTF-8");
        let mut serve = site.bare();
        serve.args(["--data-dir", place, "serve", "--listen", "127.0.0.1:0"]);
        let said = crate::server::run(&mut serve, "").refusal();
        assert_says(&said, &[place, "a link that leads nowhere", "mount"]);
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let site = used();
    let key = site.data().join("keys/master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("a mode");
    let said = start(&site, &[]).refusal();
    assert_says(&said, &[&format!("chmod 600 {}", key.display())]);
    // Commands use the same keys.
    assert_says(&site.run(&["user", "list"]).refusal(), &["chmod 600"]);
}

#[test]
fn a_folder_of_another_user_is_refused_and_not_touched() {
    let site = used();
    // Only root can give a folder away, and only root could harm it by mistake.
    if std::os::unix::fs::chown(site.data(), Some(65_534), None).is_err() {
        return;
    }
    let said = site.run(&["user", "list"]).refusal();
    assert_says(&said, &["belongs to nobody", "as its owner"]);
    start(&site, &[]).refusal();
    assert!(
        !site.data().join("auth.db-wal").exists(),
        "nothing was made"
    );
}

#[test]
fn no_server_and_no_command_fills_a_folder_of_the_system() {
    let site = used();
    for words in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["db", "migrate"],
        &[
            "user",
            "create",
            "--email",
            "bo@example.org",
            "--no-password",
        ],
    ] {
        let mut command = site.bare();
        command.args(words).args(["--data-dir", "/srv"]);
        let said = crate::server::run(&mut command, "").refusal();
        assert!(said.contains("/srv is a folder of the system"), "{said}");
    }
    assert!(!Path::new("/srv/complete").exists());
}

#[test]
fn a_file_of_somebody_else_among_ours_is_refused_by_the_server_and_every_command() {
    let ours = [
        "serve.lock",
        "auth.db.lock",
        "outbox",
        "backups",
        "complete",
    ];
    let beside = ["auth.db", "auth.db-wal", "auth.db-shm", "auth.db-journal"];
    for name in ours.into_iter().chain(beside) {
        let site = used();
        let file = site.data().join(name);
        if !file.exists() {
            fs::write(&file, "").expect("a file");
        }
        // Only root can give a file away.
        if std::os::unix::fs::chown(&file, Some(65_534), None).is_err() {
            return;
        }
        let shown = file.display().to_string();
        let said = start(&site, &[]).refusal();
        assert_says(&said, &[&shown, "belongs to nobody"]);
        for command in [
            &["user", "list"][..],
            &[
                "user",
                "create",
                "--email",
                "bo@example.org",
                "--no-password",
            ],
            &["token", "issue", "ada"],
            &["reset", "link", "ada"],
            &["db", "check"],
        ] {
            let said = site.run(command).refusal();
            assert_says(&said, &[&shown, "belongs to nobody"]);
        }
        let said = site.run(&["doctor", "--format", "csv"]);
        assert_eq!(said.code, Some(1), "{name}: {}", said.out);
        assert!(said.out.contains(&shown), "{name}: {}", said.out);
    }
    // A link of theirs may lead anywhere.
    let site = used();
    let link = site.data().join("auth.db-wal");
    std::os::unix::fs::symlink(site.path("elsewhere"), &link).expect("a link");
    if std::os::unix::fs::lchown(&link, Some(65_534), None).is_ok() {
        assert_says(&start(&site, &[]).refusal(), &["auth.db-wal"]);
    }
}

#[test]
fn a_log_of_somebody_else_does_not_come_with_a_restored_database() {
    let site = used();
    let backup = site.path("backup.db").display().to_string();
    site.run(&["db", "backup", &backup]).ok();
    let other = Site::new();
    fs::create_dir(other.data()).expect("a folder");
    fs::set_permissions(other.data(), fs::Permissions::from_mode(0o700)).expect("a mode");
    let log = other.data().join("auth.db-wal");
    fs::write(&log, "").expect("a file");
    if std::os::unix::fs::chown(&log, Some(65_534), None).is_ok() {
        let said = other.run(&["db", "restore", &backup]).refusal();
        assert_says(&said, &["auth.db-wal", "belongs to nobody"]);
        assert!(!other.data().join("auth.db").exists());
    }
}

#[test]
fn a_data_folder_that_others_can_write_to_is_warned_of_whatever_its_sticky_bit() {
    for mode in [0o777, 0o1777, 0o1722] {
        let site = used();
        fs::set_permissions(site.data(), fs::Permissions::from_mode(mode)).expect("a mode");
        let server = site.start(&[]);
        let log = server.log_with("others can put files of theirs");
        let shown = site.data().display().to_string();
        assert_says(
            &log,
            &["others can put files of theirs", &shown, "chmod go-w"],
        );
        let examined = site.run(&["doctor", "--format", "csv"]);
        assert_says(
            &examined.out,
            &["others can put files of theirs", "chmod go-w"],
        );
    }
}

#[test]
fn a_weak_key_is_refused() {
    let site = used();
    let key = site.data().join("keys/master.key");
    for weak in ["", "too short", &"a".repeat(64), &"secret".repeat(20)] {
        fs::write(&key, weak).expect("a weak key");
        let said = start(&site, &[]).refusal();
        assert_says(&said, &["too weak", "put the one there"]);
        assert!(weak.is_empty() || !said.contains(weak), "it shows the key");
    }
}

#[test]
fn a_database_that_others_can_read_is_refused() {
    let site = used();
    let database = site.data().join("auth.db");
    fs::set_permissions(&database, fs::Permissions::from_mode(0o604)).expect("a mode");
    let said = start(&site, &[]).refusal();
    assert_says(&said, &[&format!("chmod 600 {}", database.display())]);
}

#[test]
fn a_database_newer_than_the_program_is_refused_and_not_touched() {
    let site = used();
    site.database().change(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
         VALUES (999, 'future', '', '0')",
    );
    let said = start(&site, &[]).refusal();
    assert_says(&said, &["999", "newer minisass-auth", "backup"]);
    let still: i64 = site
        .database()
        .get("SELECT max(version) FROM refinery_schema_history");
    assert_eq!(still, 999);
}

#[test]
fn the_database_of_another_program_is_refused_and_not_touched() {
    let site = Site::new();
    fs::create_dir(site.data()).expect("a folder");
    let path = site.data().join("auth.db");
    site.database().change("CREATE TABLE recipes (name TEXT)");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    let said = start(&site, &[]).refusal();
    assert_says(&said, &["another program", "--database"]);
    let tables: Vec<String> = site.database().rows("SELECT name FROM sqlite_schema");
    assert_eq!(tables, ["recipes"]);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_not_touched() {
    let site = Site::new();
    fs::create_dir(site.data()).expect("a folder");
    let path = site.data().join("auth.db");
    let text = "Dear diary, ".repeat(500);
    fs::write(&path, &text).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    start(&site, &[]).refusal();
    assert_eq!(fs::read_to_string(&path).expect("a file"), text);
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let site = Site::new();
    let mut first = site.start(&[]);
    let said = start(&site, &[]).refusal();
    let data = site.data();
    assert_says(&said, &["a server serves", data.to_str().expect("UTF-8")]);
    assert_eq!(first.register("ada"), 201, "the first one goes on");
    assert_eq!(first.stop(), Some(0));
    // The lock went with the process.
    assert_eq!(site.start(&[]).stop(), Some(0));
}

#[test]
fn a_start_that_is_refused_touches_no_socket_of_a_server_and_leaves_none() {
    let site = Site::new();
    let path = site.path("http.sock");
    let listen = format!("unix:{}", path.display());
    let url = ["--public-url", "https://auth.example.org"];
    let serve = [&["serve", "--listen", &listen][..], &url].concat();
    let mut first = site.start(&[]);
    // As a server that has just made it, and does not answer yet.
    drop(UnixListener::bind(&path).expect("a socket"));
    assert_says(&site.run(&serve).refusal(), &["a server serves"]);
    assert!(path.exists(), "it is another's");
    assert_eq!(first.stop(), Some(0));

    fs::remove_file(&path).expect("the socket");
    fs::write(site.data().join("keys/master.key"), "weak").expect("a weak key");
    assert_says(&site.run(&serve).refusal(), &["too weak"]);
    assert!(!path.exists(), "nobody answers there");
}

#[test]
fn listening_beyond_this_machine_needs_a_public_url() {
    let site = Site::new();
    let said = site.run(&["serve", "--listen", "0.0.0.0:0"]).refusal();
    assert_says(&said, &["public_url", "--public-url https://"]);
    let socket = format!("unix:{}", site.path("socket").display());
    let said = site.run(&["serve", "--listen", &socket]).refusal();
    assert_says(&said, &["public_url"]);
}

#[test]
fn a_file_in_the_way_of_a_unix_socket_is_left_alone() {
    let site = Site::new();
    let file = site.path("precious");
    fs::write(&file, "precious").expect("a file");
    let listen = format!("unix:{}", file.display());
    let url = ["--public-url", "https://auth.example.org"];
    let serve = ["serve", "--listen", &listen];
    let said = site.run(&[&serve[..], &url].concat()).refusal();
    assert_says(&said, &["no socket", "--listen"]);
    assert_eq!(fs::read_to_string(&file).expect("a file"), "precious");
}

#[test]
fn a_start_that_is_refused_for_what_it_was_told_leaves_no_folder() {
    let (site, other) = (used(), Site::new());
    let database = site.data().join("auth.db").display().to_string();
    let mut server = site.start(&[]);
    let nowhere = other.path("nowhere").display().to_string();
    let key = site.data().join("keys/master.key").display().to_string();
    for (told, why) in [
        (vec!["--mail-templates", &nowhere], "mail templates"),
        (
            vec!["--database", &database, "--master-key-file", &key],
            "a server serves",
        ),
    ] {
        assert_says(&start(&other, &told).refusal(), &[why]);
        assert!(!other.data().exists(), "{why}");
        let nested = other.data().join("new/data").display().to_string();
        let mut serve = other.bare();
        serve.args(["--data-dir", &nested, "serve", "--listen", "127.0.0.1:0"]);
        assert_says(&run(serve.args(&told), "").refusal(), &[why]);
        assert!(!other.data().exists(), "nor those above it: {why}");
        fs::create_dir(other.data()).expect("an empty folder");
        assert_says(&start(&other, &told).refusal(), &[why]);
        fs::remove_dir(other.data()).expect("a folder that is empty still");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_dry_run_is_refused_where_the_command_would_be() {
    let site = used();
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(site.data().join(format!("auth.db{end}")));
    }
    let table = "email\nada@example.org\n";
    let import = ["user", "import", "--from", "csv", "-"];
    for dry in [&[][..], &["--dry-run"]] {
        let said = site.run_with(&[&import[..], dry].concat(), table);
        assert_says(&said.refusal(), &["missing or empty", "db restore"]);
    }
}

#[test]
fn an_empty_database_is_said_to_be_missing_by_the_server_and_by_doctor() {
    let site = used();
    fs::write(site.data().join("auth.db"), "").expect("an empty file");
    assert_says(
        &start(&site, &[]).refusal(),
        &["missing or empty", "db restore"],
    );
    let examined = site.run(&["doctor", "--format", "csv"]);
    assert_says(&examined.out, &["there is no database", "db restore"]);
}
