//! What all commands have in common: help, exit codes, formats, and harmless output.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::examples::{Examples, of_every_command};
use crate::server::{Outcome, PASSWORD, Site, run};

const GROUPS: [&str; 11] = [
    "user", "profile", "token", "reset", "session", "audit", "db", "key", "policy", "mail",
    "config",
];

fn help(site: &Site, command: &[&str]) -> String {
    let short = run(site.bare().args(command).arg("-h"), "").ok();
    let long = run(site.bare().args(command).arg("--help"), "").ok();
    assert!(short.contains("Usage: minisass-auth"), "{short}");
    assert!(long.len() >= short.len(), "{long}");
    short
}

/// The names under `Commands:`.
pub fn commands(help: &str) -> BTreeSet<String> {
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
    for expected in ["serve", "openapi", "doctor"].iter().chain(&GROUPS) {
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
    let site = Site::with_database();
    assert_eq!(site.run(&["user", "list"]).code, Some(0));
    assert_eq!(site.run(&["--version"]).code, Some(0));
    site.run(&["user", "show", "nobody"]).refusal();
    let usages: [&[&str]; 10] = [
        &[],
        &["user"],
        &["user", "show"],
        &["user", "create"],
        &["user", "update", "ada"],
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

#[test]
fn what_went_wrong_is_said_once() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let long = "x".repeat(200);
    let refused = [
        (
            &["policy", "publish", "", "https://example.org/"][..],
            "may not be blank",
        ),
        (
            &["user", "update", "ada", "--last-name", &long],
            "last_name",
        ),
    ];
    for (command, what) in refused {
        let said = site.run(command).refusal();
        assert_eq!(said.matches(what).count(), 1, "{said}");
    }
    site.database()
        .change("ALTER TABLE users RENAME TO persons");
    let said = site.run(&["user", "show", "ada"]).refusal();
    assert_eq!(said.matches("no such table").count(), 1, "{said}");
}

#[test]
fn every_flag_says_what_it_is_for() {
    let site = Site::new();
    for Examples { command, .. } in of_every_command() {
        let help = run(site.bare().args(command.split(' ')).arg("-h"), "").ok();
        // Where there is nothing to say, clap leaves blanks.
        let is_told = help.lines().all(|it| !it.ends_with(' '));
        assert!(is_told, "{command}: {help}");
    }
}

/// Users whose names and organisations nobody could have registered.
fn add_hostile(site: &Site, names: &[&str]) {
    site.run(&["db", "migrate"]).ok();
    let database = site.database();
    for name in names {
        let name = name.replace('\'', "''");
        database.change(&format!(
            "INSERT INTO users (username, username_key, email, email_key, first_name, last_name, password_hash,
                                is_active, is_staff, created_at)
             VALUES ('{name}', '{name}', '{name}@example.org', '{name}@example.org', '{name}', '', NULL,
                     TRUE, FALSE, 0);
             INSERT INTO profiles (user_id, organisation_type, organisation_name, country, additional_fields)
             SELECT id, username, username, username, '{{}}' FROM users WHERE username = '{name}'"
        ));
    }
}

/// Names that do something to a terminal, and how they are to be shown.
const HOSTILE: [(&str, &str); 8] = [
    ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
    ("c\u{202e}d", "c\\u{202e}d"),
    ("e\r\nf", "e\\u{d}\\u{a}f"),
    ("g\u{9b}h", "g\\u{9b}h"),
    ("i\u{200b}j", "i\\u{200b}j"),
    ("k\u{2028}l", "k\\u{2028}l"),
    ("m\u{2029}n", "m\\u{2029}n"),
    ("o\u{7}p", "o\\u{7}p"),
];

#[test]
fn what_would_move_the_cursor_or_turn_the_writing_is_shown_as_what_it_is() {
    let site = Site::new();
    add_hostile(&site, &HOSTILE.map(|it| it.0));
    let ids: Vec<String> = (1..=HOSTILE.len()).map(|it| it.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let list = site.run(&["user", "list"]).ok();
    let named = |command: [&'static str; 2]| site.run(&[&command[..], &ids].concat()).ok();
    let sent = named(["reset", "send"]);
    let users = named(["user", "show"]);
    let profiles = named(["profile", "show"]);
    let done = named(["user", "deactivate"]);
    for (name, shown) in HOSTILE {
        for out in [&list, &users, &profiles, &sent, &done] {
            assert!(out.contains(shown) && !out.contains(name), "{out:?}");
        }
    }
    for (id, (name, shown)) in ids.iter().zip(HOSTILE) {
        let said = site.run(&["reset", "send", id]).refusal();
        assert!(said.contains(shown) && !said.contains(name), "{said:?}");
    }
    let said = site.run(&["user", "show", "x\u{1b}\u{202e}\ny"]).refusal();
    assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
}

#[test]
fn a_csv_cell_is_never_a_formula() {
    let site = Site::new();
    let names = ["=1+1", "+41+1", "-1+1", "@SUM(A1)", "\tsix", "\rseven"];
    add_hostile(&site, &names);
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
    let names: Vec<String> = (0..1500).map(|it| format!("user{it}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    add_hostile(&site, &names);
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

#[test]
fn the_help_of_a_command_fits_on_a_screen_and_a_half() {
    let site = Site::new();
    let mut all: Vec<String> = of_every_command()
        .into_iter()
        .map(|it| it.command)
        .collect();
    all.extend(GROUPS.map(str::to_owned));
    for command in all {
        let words: Vec<&str> = command.split(' ').collect();
        let mut help = site.bare();
        // The width of a terminal where there is none.
        help.env("COLUMNS", "80").args(&words);
        let long = run(help.arg("--help"), "").ok();
        assert!(long.lines().count() <= 60, "{command}: {long}");
        let widest = long.lines().map(|it| it.chars().count()).max();
        assert!(widest <= Some(100), "{command}: {long}");
        let mut help = site.bare();
        help.env("COLUMNS", "80").args(&words);
        assert_eq!(run(help.arg("-h"), "").ok(), long, "{command}");
        let mut help = site.bare();
        help.env("COLUMNS", "80").arg("help").args(&words);
        assert_eq!(run(&mut help, "").ok(), long, "help {command}");
    }
}

#[test]
fn the_help_of_a_command_shows_the_settings_that_it_uses() {
    let site = Site::new();
    let help = |command: &str| run(site.bare().args(command.split(' ')).arg("-h"), "").ok();
    for (command, shown, hidden) in [
        ("user list", &["--data-dir", "--config"][..], "--smtp-url"),
        (
            "serve",
            &["--listen", "--public-url", "--smtp-url-file"],
            "--scrypt",
        ),
        ("reset link", &["--public-url"], "--listen"),
        ("mail test", &["--smtp-url-file"], "--listen"),
        ("openapi", &["Examples:"], "--data-dir"),
    ] {
        let help = help(command);
        assert!(!help.contains(hidden), "{command}: {help}");
        for flag in shown {
            assert!(help.contains(flag), "{command}: {flag}: {help}");
        }
    }
    assert!(help("user list").contains("minisass-auth help settings"));
    // What is not shown is taken all the same, before the command and after it.
    site.run(&["db", "migrate"]).ok();
    for line in [
        &["--mail-retry", "2m", "user", "list"][..],
        &["user", "list", "--mail-retry", "2m"],
    ] {
        site.run(line).ok();
    }
}

#[test]
fn help_lists_all_settings() {
    let site = Site::new();
    let settings = run(site.bare().args(["help", "settings"]), "").ok();
    for told in [
        "smtp_url\n",
        "MINISASS_AUTH_SMTP_URL,",
        "--smtp-url,",
        "[default: 64]",
    ] {
        assert!(settings.contains(told), "{told}: {settings}");
    }
    assert!(
        settings.lines().all(|it| it.chars().count() <= 120),
        "{settings}"
    );
}
