//! What somebody meets who follows the guides for the first time, and mistakes a folder or a flag.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;

use crate::server::{CHEAP, Outcome, PASSWORD, Server, Site, run};

fn said_of_new(site: &Site) -> String {
    let database = site.data().join("auth.db");
    format!("a new database was made at {}", database.display())
}

#[test]
fn a_new_database_is_told_with_its_whole_path_and_only_once() {
    let site = Site::new();
    let create = |email: &str| {
        let mut create = site.bare();
        create.args(["--data-dir", "data", "--scrypt", CHEAP]);
        create.args(["user", "create", "--email", email, "--password-stdin"]);
        run(&mut create, PASSWORD)
    };
    let first = create("ada@example.org");
    assert_eq!(first.err.trim_end(), said_of_new(&site));
    assert_eq!(first.code, Some(0));
    assert_eq!(create("bo@example.org").err, "");
}

#[test]
fn an_import_and_a_migration_tell_of_a_new_database_and_a_dry_run_does_not() {
    let user = r#"{"username": "ada", "email": "ada@example.org"}"#;
    let import = ["user", "import", "-"];
    let site = Site::new();
    let dry = site.run_with(&[&import[..], &["--dry-run"]].concat(), user);
    assert!(!dry.err.contains("a new database"), "{}", dry.err);
    let said = site.run_with(&import, user);
    assert!(said.err.contains(&said_of_new(&site)), "{}", said.err);
    let site = Site::new();
    let said = site.run(&["db", "migrate"]);
    assert_eq!(said.err.trim_end(), said_of_new(&site));
}

#[test]
fn a_server_tells_of_a_new_database_and_of_the_next_step_while_nobody_has_an_account() {
    let site = Site::new();
    let start = || {
        let mut serve = site.bare();
        serve.args(["--data-dir", "data", "serve", "--listen", "127.0.0.1:0"]);
        Server::start(serve, &site.path("log"))
    };
    let database = site.data().join("auth.db").display().to_string();
    let mut server = start();
    server.log_with(&said_of_new(&site));
    server.read_on_to("token issue");
    let banner = &server.announced;
    assert!(
        banner.contains(&format!("Database       {database}")),
        "{banner}"
    );
    assert!(banner.contains("Next, in another terminal"), "{banner}");
    server.stop();
    let len = server.log().len();
    site.add_user("ada", &[]);
    let mut server = start();
    let log = server.log().split_off(len);
    assert!(!log.contains("a new database"), "{log}");
    server.stop();
    server.read_on_to("token issue");
    let banner = &server.announced;
    assert!(banner.contains(&database), "{banner}");
    assert!(!banner.contains("Next, in another terminal"), "{banner}");
}

#[test]
fn whoever_deletes_is_shown_number_and_address_before_and_told_in_a_dry_run_what_would_be() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.add_user("bo", &[]);
    let said = site.run(&["user", "delete", "ada", "bo"]).refusal();
    let question = "Delete ada (number 1, ada@example.org), bo (number 2, bo@example.org) and all that \
                    belongs to them for good?";
    assert!(said.contains(question), "{said}");
    let said = site.run(&["user", "delete", "bo", "--dry-run"]).ok();
    assert_eq!(said, "dry run: bo: would be deleted\n");
    let said = site.run(&["user", "delete", "bo", "--yes"]).ok();
    assert_eq!(said, "bo: deleted\n");
}

#[test]
fn backups_are_made_every_10_minutes_at_most() {
    let site = Site::with_database();
    for (every, code) in [("1m", 1), ("599s", 1), ("10m", 0), ("1d", 0), ("", 0)] {
        let list = ["user", "list", "--backup-every", every];
        let Outcome { code: is, err, .. } = site.run(&list);
        assert_eq!(is, Some(code), "{every}: {err}");
        let is_told =
            err.contains("the setting backup_every is wrong: it must be 10 minutes or more");
        assert_eq!(is_told, code == 1, "{err}");
    }
}

#[test]
fn what_is_typed_for_the_port_and_the_version_is_put_right() {
    let site = Site::new();
    for (line, right) in [
        ("serve --port 9000", "say --listen 127.0.0.1:PORT"),
        ("serve --port=9000", "say --listen 127.0.0.1:PORT"),
        ("--port 9000 serve", "say --listen 127.0.0.1:PORT"),
        ("version", "did you mean `--version`?"),
    ] {
        let said = run(site.bare().args(line.split(' ')), "");
        assert_eq!(said.code, Some(2), "{line}");
        assert!(said.err.contains(right), "{line}: {}", said.err);
    }
    let said = site
        .run(&["user", "list", "--listen", "localhost:8055"])
        .refusal();
    assert!(
        said.contains("it is no numeric address with a port"),
        "{said}"
    );
}

#[test]
fn a_column_that_is_none_is_wrong_usage_and_all_are_named_that_work() {
    let site = Site::with_database();
    for columns in ["id,nmae", "nmae", "id, nmae"] {
        let said = site.run(&["user", "list", "--columns", columns]);
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(
            said.err.contains("there is no column \"nmae\""),
            "{}",
            said.err
        );
        for column in ["username", "organisation_type", "country"] {
            assert!(said.err.contains(column), "{}", said.err);
        }
    }
    let right = ["user", "list", "--columns", "ID, Last login,country"];
    assert_eq!(site.run(&right).code, Some(0));
}

#[test]
fn a_key_that_cannot_be_retired_is_refused_before_anybody_is_asked() {
    let site = Site::with_database();
    let said = site.run(&["key", "retire", "nonsense"]).refusal();
    assert!(
        said.contains("there is no signing key \"nonsense\""),
        "{said}"
    );
    assert!(!said.contains("--yes"), "{said}");
}

#[test]
fn a_cost_that_is_right_is_left_as_it_is() {
    let site = Site::with_database();
    let calibrate = |more: &[&str]| {
        let calibrate = [
            "doctor",
            "--calibrate",
            "--target",
            "1ms",
            "--format",
            "json",
        ];
        let mut command = site.bare();
        command.arg("--data-dir").arg(site.data());
        run(command.args(calibrate).args(more), "")
    };
    let said = calibrate(&["--scrypt", CHEAP]);
    assert!(said.err.contains("set scrypt = "), "{}", said.err);
    // So little time is best met by the first that is tried.
    let tried: serde_json::Value = said.json();
    let scrypt = tried[0]["scrypt"].as_str().expect("a cost").to_owned();
    let said = calibrate(&["--scrypt", &scrypt]);
    let why = "nothing that is safe is as quick as that";
    assert_eq!(said.err, format!("the cost is right as it is: {why}\n"));
}

#[test]
fn a_restore_beside_a_server_names_the_server() {
    let site = Site::with_database();
    site.run(&["db", "backup", site.path("b.db").to_str().expect("UTF-8")])
        .ok();
    let _server = site.start(&[]);
    let restore = ["db", "restore", site.path("b.db").to_str().expect("UTF-8")].map(str::to_owned);
    let restore: Vec<&str> = restore.iter().map(String::as_str).collect();
    let said = site.run(&restore).refusal();
    assert!(said.contains(": a server serves "), "{said}");
}

#[test]
fn an_invitation_is_queued_and_a_new_link_ends_the_one_before() {
    let site = Site::with_database();
    let create = [
        "user",
        "create",
        "--email",
        "ada@example.org",
        "--no-password",
    ];
    let said = site.run(&create);
    assert_eq!(said.err, "an invitation to ada@example.org is queued\n");
    for command in ["send", "link"] {
        let help = site.run(&["reset", command, "--help"]).ok();
        let end = "A new link ends the one before, mailed or printed.";
        assert!(help.contains(end), "{help}");
    }
}

#[test]
fn the_next_step_names_the_database_and_the_program_whatever_it_is_called() {
    let site = Site::new();
    let mut serve = site.bare();
    serve.arg0(OsStr::from_bytes(b"/opt/\xffauth"));
    serve.args(["--data-dir", "data", "--database", "other.db"]);
    serve.args(["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Server::start(serve, &site.path("log"));
    server.read_on_to("token issue");
    let next = server
        .announced
        .lines()
        .find(|it| it.contains("user create"));
    let (_, rest) = next
        .expect("what to do next")
        .split_once("auth' ")
        .expect("the program");
    let words: Vec<&str> = rest.split(' ').collect();
    let typed = [&words[..], &["--no-password"]].concat();
    run(site.bare().args(typed), "").ok();
}
