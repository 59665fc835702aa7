//! What all commands have in common: help, exit codes, formats, and harmless output.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::server::{Outcome, PASSWORD, Site, run};

const GROUPS: [&str; 4] = ["user", "profile", "token", "reset"];

fn help(site: &Site, command: &[&str]) -> String {
    let short = run(site.bare().args(command).arg("-h"), "").ok();
    let long = run(site.bare().args(command).arg("--help"), "").ok();
    assert!(short.contains("Usage: minisass-auth"), "{short}");
    assert!(long.len() >= short.len(), "{long}");
    short
}

/// The names under `Commands:`.
fn commands(help: &str) -> BTreeSet<String> {
    let after = help.split("Commands:\n").nth(1).unwrap_or_default();
    let listed = after.lines().take_while(|line| !line.is_empty());
    listed
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_explains_itself() {
    let site = Site::new();
    let top = commands(&help(&site, &[]));
    for expected in ["serve", "openapi"].iter().chain(&GROUPS) {
        assert!(top.contains(*expected), "{top:?}");
    }
    for group in GROUPS {
        let below = commands(&help(&site, &[group]));
        assert!(below.len() > 1, "{group}: {below:?}");
        // `help help` is clap's own.
        for command in below.into_iter().filter(|it| it != "help") {
            help(&site, &[group, &command]);
        }
    }
    help(&site, &["serve"]);
    help(&site, &["openapi"]);
    assert!(!site.path("minisass-data").exists(), "help makes nothing");
}

#[test]
fn no_command_takes_a_password_as_an_argument() {
    let site = Site::new();
    let create = run(site.bare().args(["user", "create", "--help"]), "").ok();
    assert!(create.contains("--password-stdin"));
    assert!(!create.contains("--password <"), "{create}");
    let refused = site.run(&[
        "user",
        "create",
        "--email",
        "a@example.org",
        "--password",
        PASSWORD,
    ]);
    assert_eq!(refused.code, Some(2));
}

#[test]
fn done_is_0_refused_is_1_and_wrong_usage_is_2() {
    let site = Site::new();
    assert_eq!(site.run(&["user", "list"]).code, Some(0));
    assert_eq!(site.run(&["--version"]).code, Some(0));
    site.run(&["user", "show", "nobody"]).refusal();
    let usages: [&[&str]; 9] = [
        &[],
        &["user"],
        &["user", "show"],
        &["user", "create"],
        &["user", "list", "--limit", "many"],
        &["user", "list", "--format", "xml"],
        &["token", "issue", "ada", "--kind", "session"],
        &["token", "issue", "ada", "--ttl", "soon"],
        &["sreve"],
    ];
    for usage in usages {
        let Outcome { code, out, err } = run(site.bare().args(usage), "");
        assert_eq!((code, out.as_str()), (Some(2), ""), "{usage:?}");
        assert!(err.contains("Usage:") || err.contains("--help"), "{err}");
    }
}

/// A user whose name and organisation nobody could have registered.
fn add_hostile(site: &Site, name: &str) {
    let database = site.database();
    database
        .execute(
            "INSERT INTO users (username, username_key, email, email_key, first_name, last_name, password_hash,
                                is_active, is_staff, created_at)
             VALUES (?1, ?1, ?1 || '@example.org', ?1 || '@example.org', ?1, '', NULL, 1, 0, 0)",
            [name],
        )
        .expect("a user");
    database
        .execute(
            "INSERT INTO profiles VALUES (last_insert_rowid(), ?1, ?1, ?1, '{}')",
            [name],
        )
        .expect("a profile");
}

#[test]
fn a_table_shows_what_would_move_the_cursor_or_turn_the_writing() {
    let site = Site::new();
    site.run(&["user", "list"]).ok();
    for (name, shown) in [
        ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
        ("c\u{202e}dd", "c\\u{202e}dd"),
        ("e\r\nfff", "e\\u{d}\\u{a}fff"),
        ("g\u{9b}hhhh", "g\\u{9b}hhhh"),
        ("i\u{200b}jjjjj", "i\\u{200b}jjjjj"),
        ("k\u{2028}llllll", "k\\u{2028}llllll"),
        ("o\u{2029}p", "o\\u{2029}p"),
        ("m\u{7}nnnnnnnn", "m\\u{7}nnnnnnnn"),
    ] {
        add_hostile(&site, name);
        let id = site
            .database()
            .query_row("SELECT max(id) FROM users", [], |row| row.get::<_, i64>(0));
        let id = id.expect("a number").to_string();
        for command in [["user", "show"], ["profile", "show"], ["user", "list"]] {
            let named = if command[1] == "show" {
                id.as_str()
            } else {
                "--limit=0"
            };
            let out = site.run(&[&command[..], &[named]].concat()).ok();
            assert!(out.contains(shown), "{out:?}");
            assert!(!out.contains(name), "{out:?}");
        }
        let done = site.run(&["user", "deactivate", &id]).ok();
        assert!(!done.contains(name), "{done:?}");
        let said = site.run(&["reset", "send", &id]).refusal();
        assert!(!said.contains(name), "{said:?}");
        let said = site.run(&["user", "show", name]);
        assert!(said.code == Some(1) && !said.err.contains(name), "{said:?}");
    }
}

#[test]
fn a_csv_cell_is_never_a_formula() {
    let site = Site::new();
    site.run(&["user", "list"]).ok();
    let names = [
        "=1+1",
        "+41+1",
        "-1+1+11",
        "@SUM(A1)11",
        "\tsix chars",
        "\rseven char",
    ];
    for name in names {
        add_hostile(&site, name);
    }
    let out = site.run(&["user", "list", "--format", "csv"]).ok();
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    let column = reader
        .headers()
        .expect("a head")
        .iter()
        .position(|it| it == "username");
    let column = column.expect("a column");
    let found: Vec<String> = reader
        .records()
        .map(|it| it.expect("a record")[column].to_owned())
        .collect();
    assert_eq!(found, names.map(|it| format!("'{it}")));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let site = Site::new();
    site.run(&["user", "list"]).ok();
    (0..300).for_each(|number| add_hostile(&site, &"x".repeat(number + 1)));
    for format in ["table", "json", "csv"] {
        let mut command = site.command(&["user", "list", "--limit", "0", "--format", format]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let mut out = BufReader::new(child.stdout.take().expect("standard output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        assert!(!line.is_empty());
        drop(out);
        let output = child.wait_with_output().expect("its end");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(
            !said.contains("panicked") && !said.contains("pipe"),
            "{said}"
        );
    }
}

#[test]
fn a_full_disk_under_standard_output_is_an_error() {
    let site = Site::new();
    let full = std::fs::File::options().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    let mut command = site.bare();
    command.arg("openapi").stdout(full).stderr(Stdio::piped());
    let output = command.output().expect("its end");
    assert_eq!(output.status.code(), Some(1));
}
