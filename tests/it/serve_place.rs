//! What happens around a server: its database is taken away, another server wants it, a signal comes.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::{Connection, OpenFlags};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::server::{Server, Site, side_by_side, until};

pub fn file(site: &Site, ending: &str) -> PathBuf {
    site.data().join(format!("auth.db{ending}"))
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// The server may make a file while the folder is being emptied.
fn delete(site: &Site) {
    until("the folder to be gone", || {
        let _ = fs::remove_dir_all(site.data());
        (!site.data().exists()).then_some(())
    });
}

/// Takes the database away, in some way.
type Theft = fn(&Site);

const THEFTS: [(&str, Theft); 7] = [
    ("the folder is deleted", delete),
    ("the folder is renamed", |site| {
        fs::rename(site.data(), site.path("elsewhere")).expect("a folder");
    }),
    ("the file is deleted", |site| {
        fs::remove_file(file(site, "")).expect("a file");
    }),
    ("another file is moved there", |site| {
        fs::rename(site.path("backup.db"), file(site, "")).expect("a file");
    }),
    ("another file is copied over it", |site| {
        fs::copy(site.path("backup.db"), file(site, "")).expect("a file");
    }),
    ("the log is deleted", |site| {
        fs::remove_file(file(site, "-wal")).expect("a file");
    }),
    ("the shared memory is deleted", |site| {
        fs::remove_file(file(site, "-shm")).expect("a file");
    }),
];

#[test]
fn nothing_is_acknowledged_when_the_database_has_been_taken_away() {
    for (what, steal) in THEFTS {
        let site = Site::new();
        let server = site.start(&[]);
        assert_eq!(server.register("ada"), 201);
        let backup = site.path("backup.db").display().to_string();
        site.run(&["db", "backup", &backup]).ok();
        assert_eq!(server.register("bo"), 201);
        steal(&site);
        assert_eq!(server.register("cy"), 503, "{what}");
        until("the server to say that it is not ready", || {
            (server.get("/readyz", "").status == 503).then_some(())
        });
        let lines = || {
            let log = server.log();
            let lines = log.lines().filter(|it| it.contains("database_lost"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        until("a line about it", || (!lines().is_empty()).then_some(()));
        assert!(lines()[0].contains("put in its place"), "{what}");
        assert_eq!(lines().len(), 1, "{what}");
    }
}

#[test]
fn a_server_whose_lock_is_removed_or_replaced_lets_no_second_one_in() {
    let cases = [
        ("auth.db.lock", 503, false),
        ("auth.db.lock", 503, true),
        ("serve.lock", 201, false),
        ("serve.lock", 201, true),
    ];
    side_by_side(cases, |(lock, status, is_replaced)| {
        let site = Site::new();
        let mut server = site.start(&[]);
        let path = site.data().join(lock);
        fs::remove_file(&path).expect("a lock");
        if is_replaced {
            fs::write(&path, "").expect("a file");
        }
        // Before a write everybody looks at what belongs to the database.
        assert_eq!(server.register("ada"), status, "{lock} {is_replaced}");
        assert_eq!(server.wait(), Some(1), "{lock} {is_replaced}");
        let log = server.log();
        let event = match lock {
            "serve.lock" => "locks_lost",
            _ => "database_lost",
        };
        let line = log.lines().find(|it| it.contains(event));
        assert!(line.is_some_and(|it| it.contains(lock)), "{log}");
    });
}

#[test]
fn a_server_that_ends_puts_nothing_into_a_file_that_is_not_its_database() {
    let site = Site::new();
    let mut server = site.start(&[]);
    let backup = site.path("backup.db");
    site.run(&["db", "backup", &backup.display().to_string()])
        .ok();
    // Somebody who reads keeps the server from moving its log into the file.
    let reader = site.database();
    reader
        .file()
        .execute_batch("BEGIN; SELECT count(*) FROM users;")
        .expect("a reader");
    assert_eq!(server.register("ada"), 201);
    fs::copy(&backup, file(&site, "")).expect("a file");
    drop(reader);
    assert_eq!(server.register("bo"), 503);
    server.stop();
    let left = fs::read(file(&site, "")).expect("a file");
    assert!(
        left == fs::read(&backup).expect("a file"),
        "something was put into it"
    );
    let said = site.run(&["user", "list"]).refusal();
    assert!(said.contains("does not belong to"), "{said}");
}

#[test]
fn a_server_without_its_database_ends_by_itself() {
    let site = Site::new();
    let mut server = site.start(&[]);
    delete(&site);
    // A supervisor starts it again.
    assert_eq!(server.wait(), Some(1));
    assert!(!site.data().exists(), "nothing is made in its place");
    let log = server.log();
    assert!(
        log.lines()
            .last()
            .expect("a line")
            .starts_with("minisass-auth: ")
    );
}

#[test]
fn a_database_in_use_is_not_taken_for_another_one() {
    let site = Site::new();
    let mut server = site.start(&[]);
    let database = site.database();
    for round in 0..6 {
        assert_eq!(server.register(&format!("ada{round}")), 201);
        site.add_user(&format!("bo{round}"), &[]);
        for how in ["PASSIVE", "RESTART", "TRUNCATE"] {
            let checkpoint = format!("PRAGMA wal_checkpoint({how})");
            let moved = database.file().query_row(&checkpoint, [], |_| Ok(()));
            moved.expect("a checkpoint");
            assert_eq!(server.login(&format!("ada{round}@example.org")).status, 200);
        }
    }
    assert!(!server.log().contains("database_lost"));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn two_servers_never_have_one_database() {
    let (site, other) = (Site::new(), Site::new());
    let mut server = site.start(&[]);
    let link = other.path("link.db");
    symlink(file(&site, ""), &link).expect("a link");
    let folder = other.path("folder");
    symlink(site.data(), &folder).expect("a link");
    let names = [
        file(&site, ""),
        site.data().join("../data/./auth.db"),
        link,
        folder.join("auth.db"),
    ];
    for name in names {
        let name = name.display().to_string();
        let serve = ["serve", "--listen", "127.0.0.1:0", "--database", &name];
        let said = other.run(&serve).refusal();
        assert!(said.contains("a server serves"), "{said}");
        assert!(
            said.contains(&name) && said.contains("--database"),
            "{said}"
        );
    }
    // A relative name, from its folder.
    let mut near = other.command(&["serve", "--listen", "127.0.0.1:0", "--database", "auth.db"]);
    let said = crate::server::run(near.current_dir(site.data()), "").refusal();
    assert!(said.contains("a server serves"), "{said}");
    // By a hard link it would get a log of its own, in which the other one's changes are missing.
    let hard = other.path("hard.db");
    fs::hard_link(file(&site, ""), &hard).expect("a link");
    let hard = hard.display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--database", &hard];
    let said = other.run(&serve).refusal();
    assert!(
        said.contains("another name") && said.contains("find"),
        "{said}"
    );
    fs::remove_file(hard).expect("a link");
    assert_eq!(server.register("ada"), 201);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_link_to_a_database_that_is_still_to_be_made_is_that_database() {
    let (site, other) = (Site::new(), Site::new());
    let (made, link) = (site.path("made.db"), site.path("link.db"));
    symlink("made.db", &link).expect("a link");
    let _server = site.start(&["--database", &link.display().to_string()]);
    let made = made.display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--database", &made];
    let said = other.run(&serve).refusal();
    assert!(said.contains("a server serves"), "{said}");
}

/// How many users are in the file itself, without its log.
fn users_in(database: &Path) -> Option<i64> {
    let uri = format!("file://{}?immutable=1", database.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let copy = Connection::open_with_flags(uri, flags).ok()?;
    copy.query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .ok()
}

#[test]
fn a_server_with_nothing_to_do_puts_all_of_it_into_one_file() {
    let site = Site::new();
    let server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    let copy = site.path("copy.db");
    let wait_for = |count| {
        until("the file to have all users", || {
            fs::copy(file(&site, ""), &copy).expect("a copy");
            (users_in(&copy) == Some(count)).then_some(())
        });
    };
    wait_for(1);
    assert_eq!(server.register("bo"), 201);
    wait_for(2);
    // Also what a command wrote beside the server.
    site.add_user("cy", &[]);
    wait_for(3);
}

#[test]
fn a_standard_output_that_takes_nothing_stops_no_server() {
    for redirect in ["> /dev/full", ">&-"] {
        let site = Site::new();
        let socket = site.path("socket");
        let listen = format!("unix:{}", socket.display());
        let url = ["--public-url", "https://auth.example.org"];
        let program = site.command(&[&["serve", "--listen", &listen][..], &url].concat());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec \"$@\" {redirect}"), "sh"]);
        shell.arg(program.get_program()).args(program.get_args());
        crate::server::clear_settings(&mut shell);
        shell.stdin(Stdio::null()).stderr(Stdio::null());
        let child = shell.spawn().expect("the program");
        let mut server = Server::adopt(child, String::new());
        until("the server", || {
            let stream = std::os::unix::net::UnixStream::connect(&socket).ok()?;
            let answer = crate::wire::exchange(stream, "GET", "/healthz", "", "");
            (answer.status == 200).then_some(())
        });
        assert_eq!(server.stop(), Some(0), "{redirect}");
    }
}

#[test]
fn a_hangup_reads_keys_and_templates_again() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let templates = site.path("templates");
    fs::create_dir(&templates).expect("a folder");
    let mut server = site.start(&["--mail-templates", &templates.display().to_string()]);
    let said = |word: &str| {
        let count = server.log().matches(word).count();
        server.signal(Signal::HUP);
        until("a line about it", || {
            (server.log().matches(word).count() > count).then_some(())
        });
    };
    said("sys_reloaded");
    assert_eq!(server.login("ada@example.org").status, 200);

    let subject = templates.join("password-reset.subject.txt");
    fs::write(&subject, "A word of our own").expect("a template");
    said("sys_reloaded");
    let ask = json!({"email": "ada@example.org"});
    assert_eq!(server.post("request-reset", &ask).status, 200);
    let mails = || {
        let entries = fs::read_dir(site.data().join("outbox")).ok()?;
        let texts = entries.map(|it| fs::read_to_string(it.expect("a mail").path()));
        let texts: String = texts.map(|it| it.unwrap_or_default()).collect();
        texts.contains("A word of our own").then_some(())
    };
    until("a mail in the new words", mails);

    // What is wrong is said, and changes nothing.
    fs::write(&subject, "{{ nonsense }}").expect("a template");
    said("not_reloaded");
    let token = server.login("ada@example.org").text("access_token");
    assert_eq!(server.status_of(&token), 200);

    fs::remove_file(&subject).expect("a template");
    said("sys_reloaded");
    assert_eq!(server.status_of(&token), 200);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn whoever_can_write_to_the_keys_is_refused_and_of_the_folder_above_is_warned() {
    let site = Site::new();
    assert_eq!(site.start(&[]).stop(), Some(0));
    let keys = site.data().join("keys");
    for mode in [0o777, 0o1777, 0o703] {
        set_mode(&keys, mode);
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"]] {
            let said = site.run(command).refusal();
            let advice = format!("chmod 700 {}", keys.display());
            assert!(said.contains(&advice), "{mode:o}: {said}");
        }
    }
    set_mode(&keys, 0o700);
    for (path, mode, is_open) in [
        (site.data(), 0o777, true),
        (site.data(), 0o700, false),
        (site.path(""), 0o777, true),
        // As /tmp is: nobody replaces what is another's.
        (site.path(""), 0o1777, false),
        (site.path(""), 0o755, false),
    ] {
        set_mode(&path, mode);
        let _ = fs::remove_file(site.path("log"));
        let mut server = site.start(&[]);
        assert_eq!(server.stop(), Some(0));
        let log = server.log();
        let line = log.lines().find(|it| it.contains("sys_open_folder"));
        assert_eq!(
            line.is_some(),
            is_open,
            "{} {mode:o}: {log}",
            path.display()
        );
        let path = fs::canonicalize(path)
            .expect("a folder")
            .display()
            .to_string();
        assert!(line.is_none_or(|it| it.contains(&path)), "{line:?}");
    }
}

#[test]
fn each_line_of_the_log_is_json_whatever_is_in_it() {
    let site = Site::new();
    let folder = site.path("\u{202e}turned\u{ad}");
    fs::create_dir(&folder).expect("a folder");
    set_mode(&folder, 0o777);
    let database = folder.join("auth.db").display().to_string();
    let mut server = site.start(&["--database", &database]);
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    assert!(!log.contains('\u{202e}'), "{log}");
    let lines: Vec<Value> = log
        .lines()
        .map(|it| serde_json::from_str(it).expect("JSON"))
        .collect();
    let is_named = |line: &Value| line["folder"] == folder.display().to_string();
    assert!(lines.iter().any(is_named), "{log}");
}

#[test]
fn how_long_an_idle_connection_is_kept_is_a_setting() {
    let site = Site::new();
    let server = site.start(&["--keep-alive", "1s"]);
    let mut stream = server.connect();
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("a request");
    let mut answer = String::new();
    // Its end comes only when the server closes: with the default, later than the time-out of a test.
    stream
        .read_to_string(&mut answer)
        .expect("an answer and an end");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let rows = site.run(&["config", "show", "--format", "csv"]).ok();
    assert!(rows.contains("keep_alive,75s,default"), "{rows}");
}

/// Their modes would be "put right" otherwise.
#[test]
fn a_folder_or_a_file_of_others_is_taken_for_no_place_of_ours() {
    let site = Site::new();
    let foreign = site.path("foreign");
    fs::create_dir_all(foreign.join("spool")).expect("a folder");
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o755)).expect("a mode");
    let path = foreign.to_str().expect("UTF-8");
    let file = site.path("file");
    fs::write(&file, "text").expect("a file");
    let file = file.to_str().expect("UTF-8");
    let doctor = |set: &[&str]| {
        let found = site.run(&[&["doctor", "--format", "csv"][..], set].concat());
        assert_eq!(found.code, Some(1), "{}", found.out);
        assert!(!found.out.contains("chmod"), "{}", found.out);
        found.out
    };
    for (set, what) in [
        (["--database", path], "database is wrong: it is a folder"),
        (["--data-dir", file], "data_dir is wrong: it is no folder"),
    ] {
        let said = site
            .run(&[&["config", "check"][..], &set].concat())
            .refusal();
        assert!(said.contains(what), "{said}");
        doctor(&set);
    }
    let link = site.path("link");
    std::os::unix::fs::symlink("/srv", &link).expect("a link");
    let link = link.to_str().expect("UTF-8");
    let elsewhere = site.data().join("auth.db");
    let elsewhere = elsewhere.to_str().expect("UTF-8");
    for (folder, what) in [
        (path, "nothing of ours"),
        ("/var", "a folder of the system"),
        ("/home/", "a folder of the system"),
        ("/var/../srv", "a folder of the system"),
        (link, "a folder of the system"),
    ] {
        for set in [
            &["--data-dir", folder][..],
            &["--data-dir", folder, "--database", elsewhere],
        ] {
            let said = doctor(set);
            assert!(said.contains(what), "{said}");
        }
    }
    let socket = format!("unix:{}", site.path("socket").display());
    let public = "https://auth.example.org";
    let set = [
        "--listen",
        &socket,
        "--listen-group",
        "nosuch",
        "--public-url",
        public,
    ];
    let said = site
        .run(&[&["config", "check"][..], &set].concat())
        .refusal();
    assert!(said.contains("there is no group nosuch"), "{said}");
    assert!(doctor(&set).contains("there is no group nosuch"));
}
