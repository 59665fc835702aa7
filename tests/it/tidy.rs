//! The rules of the layout: who may name whom, how long things are, and what no file may hold.
//! A text check: write `use crate::store::Sqlite;`, not `use crate::{store, …}`.

use std::path::Path;
use std::process::Command;

/// What must not be named in a folder, whatever the layer.
type Rule = (&'static str, &'static [&'static str]);

const IO: &[&str] = &[
    "poem",
    "clap",
    "tokio",
    "rusqlite",
    "scrypt",
    "jsonwebtoken",
    "lettre",
];

/// Where a path starts with the left column, none of the right one is named.
const FORBIDDEN: &[Rule] = &[
    ("src/domain/", IO),
    (
        "src/domain/",
        &["anyhow", "hyper", "tracing", "refinery", "governor"],
    ),
    (
        "src/domain/",
        &[
            "crate::accounts",
            "crate::cli",
            "crate::clock",
            "crate::crypto",
        ],
    ),
    (
        "src/domain/",
        &[
            "crate::failure",
            "crate::http",
            "crate::mail",
            "crate::store",
        ],
    ),
    ("src/failure.rs", &["crate::"]),
    ("src/failure.rs", IO),
    ("src/clock.rs", IO),
    (
        "src/clock.rs",
        &[
            "crate::accounts",
            "crate::cli",
            "crate::http",
            "crate::store",
        ],
    ),
    (
        "src/store/",
        &[
            "crate::accounts",
            "crate::http",
            "crate::cli",
            "crate::crypto",
            "crate::mail",
        ],
    ),
    (
        "src/store/",
        &[
            "poem",
            "clap",
            "tokio",
            "anyhow",
            "scrypt",
            "jsonwebtoken",
            "lettre",
        ],
    ),
    (
        "src/crypto/",
        &[
            "crate::accounts",
            "crate::http",
            "crate::cli",
            "crate::store",
            "crate::mail",
        ],
    ),
    (
        "src/crypto/",
        &["poem", "clap", "tokio", "anyhow", "rusqlite", "lettre"],
    ),
    (
        "src/mail/",
        &[
            "crate::accounts",
            "crate::http",
            "crate::cli",
            "crate::store",
            "crate::crypto",
        ],
    ),
    (
        "src/mail/",
        &[
            "poem",
            "clap",
            "tokio",
            "anyhow",
            "rusqlite",
            "scrypt",
            "jsonwebtoken",
        ],
    ),
    ("src/accounts/", IO),
    (
        "src/accounts/",
        &["anyhow", "refinery", "crate::http", "crate::cli"],
    ),
    (
        "src/http/",
        &["crate::cli", "crate::store", "crate::crypto", "crate::mail"],
    ),
    (
        "src/http/",
        &[
            "rusqlite",
            "clap",
            "anyhow",
            "scrypt",
            "jsonwebtoken",
            "lettre",
        ],
    ),
    (
        "src/cli/",
        &["poem", "rusqlite", "scrypt", "lettre", "jsonwebtoken"],
    ),
];

/// A library of the left column is named where a path starts with the right one, and nowhere else.
const AT_HOME: &[(&str, &str)] = &[
    ("rusqlite", "src/store/sqlite/"),
    ("refinery", "src/store/sqlite/"),
    ("tabled", "src/cli/output.rs"),
    ("jsonwebtoken", "src/crypto/token.rs"),
    ("scrypt", "src/crypto/password.rs"),
    ("governor", "src/http/gate.rs"),
    ("lettre", "src/mail/"),
];

/// How SQL starts; any of these outside the store is a query in the wrong place.
const SQL: &[&str] = &[
    "\"SELECT ",
    "\"INSERT INTO ",
    "\"UPDATE ",
    "\"DELETE FROM ",
    "\"PRAGMA ",
    "\"CREATE TABLE ",
];

const MOST_LINES: usize = 300;
const MOST_LINES_OF_A_FUNCTION: usize = 60;

/// Everything that is wrong with a source file.
fn check_source(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if !text.starts_with("//!") {
        wrong.push(format!("{path} does not open with //!"));
    }
    let length = text.lines().count();
    if length > MOST_LINES {
        wrong.push(format!("{path} has {length} lines"));
    }
    // This file names what it forbids.
    if path == "tests/it/tidy.rs" {
        return wrong;
    }
    for (index, line) in text.lines().enumerate() {
        let found = check_line(path, line);
        wrong.extend(
            found
                .into_iter()
                .map(|it| format!("{path}:{}: {it}", index + 1)),
        );
    }
    if path.starts_with("src/") {
        wrong.extend(long_functions(path, text));
    }
    wrong
}

fn check_line(path: &str, line: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for mark in [
        "TODO",
        "FIXME",
        "XXX",
        "dbg!",
        "todo!",
        "unimplemented!",
        "#[ignore",
    ] {
        if line.contains(mark) {
            wrong.push(format!("{mark} stands here"));
        }
    }
    let code = line.split("//").next().unwrap_or(line);
    if !path.starts_with("src/") {
        return wrong;
    }
    // In a constant it is the compiler who finds it.
    if code.contains(".unwrap()") && !code.trim_start().starts_with("const ") {
        wrong.push("an unwrap says nothing when it fails".to_owned());
    }
    if !path.starts_with("src/store/") && SQL.iter().any(|it| code.contains(it)) {
        wrong.push("SQL belongs into the store".to_owned());
    }
    for (folder, names) in FORBIDDEN.iter().filter(|it| path.starts_with(it.0)) {
        let named = names.iter().filter(|it| names_it(code, it));
        wrong.extend(named.map(|it| format!("{folder} must not name {it}")));
    }
    for (library, home) in AT_HOME.iter().filter(|it| !path.starts_with(it.1)) {
        if names_it(code, library) {
            wrong.push(format!("{library} is only named in {home}"));
        }
    }
    wrong
}

/// Whether a line of code names a module or a library: as a path, not as a word.
fn names_it(code: &str, name: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let starts = before.is_none_or(|c| !is_name(c) && c != ':' && c != '"' && c != '.');
        let is_crate = after.starts_with("::") || name.ends_with("::");
        let is_used = code.trim_start().starts_with("use ") && after.starts_with([';', ' ', ',']);
        let is_module = name.starts_with("crate::") && !after.starts_with(is_name);
        starts && (is_crate || is_used || is_module)
    })
}

/// Functions of more than [`MOST_LINES_OF_A_FUNCTION`] lines, by their indentation: rustfmt puts the
/// brace that ends a function under the word that starts it.
fn long_functions(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut wrong = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function = code.starts_with("fn ")
            || (code.starts_with("pub") || code.starts_with("async")) && code.contains("fn ");
        if !is_function || code.ends_with(';') {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[start..]
            .iter()
            .position(|it| **it == end)
            .unwrap_or(0)
            + 1;
        if length > MOST_LINES_OF_A_FUNCTION {
            wrong.push(format!(
                "{path}:{}: a function of {length} lines",
                start + 1
            ));
        }
    }
    wrong
}

/// What tells where something was made. In two parts, so that this file does not hold them.
fn machine_marks() -> Vec<String> {
    let hosts = [
        "crates|.io",
        "npmjs|.org",
        "npmjs|.com",
        "pypi|.org",
        "pythonhosted|.org",
        "debian|.org",
    ];
    let paths = ["/wo|rk/", "/ro|ot/"];
    hosts
        .iter()
        .chain(&paths)
        .map(|it| it.replace('|', ""))
        .collect()
}

/// Everything in any tracked file that belongs to a machine or a registry.
fn check_any(path: &str, text: &str) -> Vec<String> {
    let marks = machine_marks();
    let is_lock = |line: &str| {
        path == "Cargo.lock" && line.starts_with("source = \"registry+https://github.com/")
    };
    let mut wrong = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|it| !is_lock(it.1)) {
        let found = marks.iter().filter(|it| line.contains(it.as_str()));
        wrong.extend(found.map(|it| format!("{path}:{}: names {it}", index + 1)));
    }
    wrong
}

/// The text files that are, or are about to be, in the repository.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output();
    let names = match listed {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).expect("UTF-8"),
        // A copy without its history: at least the sources.
        _ => walk(root, "src") + &walk(root, "tests") + &walk(root, "benches"),
    };
    names
        .lines()
        .filter_map(|name| {
            Some((
                name.to_owned(),
                std::fs::read_to_string(root.join(name)).ok()?,
            ))
        })
        .collect()
}

fn walk(root: &Path, folder: &str) -> String {
    let mut names = String::new();
    for entry in std::fs::read_dir(root.join(folder))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            names.push_str(&walk(root, &name));
        } else {
            names.push_str(&name);
            names.push('\n');
        }
    }
    names
}

#[track_caller]
fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_source_file_keeps_the_rules() {
    let files = files();
    let sources = files.iter().filter(|it| it.0.ends_with(".rs"));
    let wrong: Vec<String> = sources
        .clone()
        .flat_map(|it| check_source(&it.0, &it.1))
        .collect();
    assert_none(&wrong);
    assert!(sources.count() > 60, "the files were not found");
}

#[test]
fn no_file_names_a_registry_or_a_place_on_somebodys_machine() {
    let wrong: Vec<String> = files()
        .iter()
        .flat_map(|it| check_any(&it.0, &it.1))
        .collect();
    assert_none(&wrong);
}

#[test]
fn every_rule_can_be_broken() {
    let long = format!(
        "    pub fn long() {{\n{}    }}\n",
        "        work();\n".repeat(60)
    );
    for (path, line) in [
        ("src/domain/user.rs", "use crate::store::Store;"),
        ("src/domain/user.rs", "use tokio::time;"),
        ("src/accounts/login.rs", "    let hash = scrypt::scrypt();"),
        ("src/http/login.rs", "use crate::store;"),
        ("src/cli/user.rs", "use poem::Request;"),
        ("src/store/mod.rs", "use rusqlite::Connection;"),
        ("src/cli/user.rs", "use tabled::Table;"),
        ("src/http/login.rs", "    query(\"SELECT 1\");"),
        ("src/http/login.rs", "    it.unwrap();"),
        ("src/http/login.rs", "    // TODO"),
        ("src/http/login.rs", &long),
        ("tests/it/login.rs", "#[ignore = \"slow\"]"),
        ("tests/it/login.rs", &"\n".repeat(300)),
    ] {
        let wrong = check_source(path, &format!("//! A file.\n{line}\n"));
        assert_eq!(wrong.len().min(1), 1, "{path}: {line}");
    }
    assert_eq!(
        check_source("src/lib.rs", "use std::fs;\n").len(),
        1,
        "no first line"
    );
    for mark in machine_marks() {
        assert_eq!(
            check_any("README.md", &format!("see {mark}")).len(),
            1,
            "{mark}"
        );
    }
}

#[test]
fn no_rule_is_broken_by_what_is_allowed() {
    for (path, line) in [
        ("src/domain/user.rs", "/// As tokio::time does it."),
        ("src/domain/password.rs", "    let scrypt = 1;"),
        ("src/http/login.rs", "use crate::accounts::store_of;"),
        ("src/http/login.rs", "    it.unwrap_or_default();"),
        ("src/cli/config.rs", "    settings.scrypt,"),
        ("src/cli/config.rs", "use crate::store::Sqlite;"),
        ("src/store/sqlite/users.rs", "    query(\"SELECT 1\");"),
    ] {
        assert_none(&check_source(path, &format!("//! A file.\n{line}\n")));
    }
}
