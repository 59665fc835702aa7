//! The rules of the layout: who may name whom, how long things are, and what no file may hold.
//! A text check: write `use crate::store::Sqlite;`, not `use crate::{store, …}`.

mod check;

use std::path::Path;
use std::process::Command;

use self::check::{check_any, check_source, machine_marks};

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
        ("tests/it/login.rs", &"\n".repeat(500)),
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
