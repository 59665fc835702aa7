//! The rules of the layout: who may name whom, how long things are, and what no file may hold.

mod check;
mod doors;
mod graph;
mod source;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use self::check::{check_any, check_functions, check_text, machine_marks};
use self::doors::{LIBRARIES, ROOMS, check_arrow, check_use, room_of};
use self::graph::Graph;
use self::source::Source;

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

/// The files of `src` and of `benches`, whose paths are followed.
fn sources(files: &[(String, String)]) -> BTreeMap<String, Source> {
    let is_source = |path: &str| {
        path.ends_with(".rs") && ["src/", "benches/"].iter().any(|it| path.starts_with(it))
    };
    let files = files.iter().filter(|it| is_source(&it.0));
    files
        .map(|(path, text)| (path.clone(), Source::read(text)))
        .collect()
}

fn check_graph(graph: &Graph) -> Vec<String> {
    let circles = graph.circles().into_iter().map(|circle| {
        let arrows: Vec<String> = circle.iter().map(|it| format!("\n    {it}")).collect();
        format!("a circle:{}", arrows.concat())
    });
    let arrows = graph.arrows().filter_map(check_arrow);
    let uses = graph.uses().filter_map(check_use);
    circles.chain(arrows).chain(uses).collect()
}

#[track_caller]
fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_source_file_keeps_the_rules() {
    let files = files();
    let texts = files.iter().filter(|it| it.0.ends_with(".rs"));
    let wrong: Vec<String> = texts
        .clone()
        .flat_map(|it| check_text(&it.0, &it.1))
        .collect();
    assert_none(&wrong);
    assert!(texts.count() > 60, "the files were not found");

    let sources = sources(&files);
    let of_src = sources.iter().filter(|it| it.0.starts_with("src/"));
    assert_none(&check_functions(of_src.map(|it| (it.0.as_str(), it.1))));
}

#[test]
fn files_name_each_other_one_way() {
    assert_none(&check_graph(&Graph::of(&sources(&files()))));
}

/// The files and folders that a text names, as they are called from the root or from `src`.
fn named_paths(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_/.*-".contains(c);
    let words = text.split(move |c| !is_part(c));
    let words = words.map(|it| it.trim_end_matches('.'));
    // Every room may have a `mod.rs`.
    let words = words.filter(|it| *it != "mod.rs");
    words.filter(|it| it.ends_with(".rs") || it.starts_with("src/") || it.starts_with("tests/it/"))
}

fn is_there(path: &str, files: &[(String, String)]) -> bool {
    let (start, is_start) = match path.split_once('*') {
        Some((start, _)) => (start, true),
        None => (path, path.ends_with('/')),
    };
    let is_it = |file: &str| {
        let rest = file.strip_prefix(start);
        rest.is_some_and(|it| is_start || it.is_empty() || it.starts_with('/'))
    };
    let mut names = files.iter().map(|it| it.0.as_str());
    names.any(|it| is_it(it) || it.strip_prefix("src/").is_some_and(is_it))
}

#[test]
fn the_files_that_the_guides_name_are_there() {
    let files = files();
    let maps = ["CONTRIBUTING.md", "src/lib.rs", "docs/architecture.md"];
    let is_guide = |name: &str| maps.contains(&name) || name == "README.md";
    let is_guide = |name: &str| is_guide(name) || name.starts_with("docs/");
    for (guide, text) in files.iter().filter(|it| is_guide(&it.0)) {
        let named: Vec<_> = named_paths(text).collect();
        let is_map = maps.contains(&guide.as_str());
        assert!(!is_map || !named.is_empty(), "{guide} names no file");
        for path in named {
            assert!(is_there(path, &files), "{guide} names {path}");
        }
    }
    assert!(!is_there("src/http/edge.rs", &files));
    assert!(!is_there("http/nowhere/", &files));
    assert!(!is_there("src/cli/mod", &files));
    let named: Vec<_> = named_paths("see `src/a.rs`, (`b/c.rs`) and tests/it/*.rs.").collect();
    assert_eq!(named, ["src/a.rs", "b/c.rs", "tests/it/*.rs"]);
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
fn a_room_names_only_rooms_below_it() {
    for (index, (room, named)) in ROOMS.iter().enumerate() {
        let below: Vec<&str> = ROOMS[index + 1..].iter().map(|it| it.0).collect();
        for name in named.split_whitespace() {
            assert!(below.contains(&name), "{name} is not below {room}");
        }
    }
}

#[test]
fn every_file_is_in_a_room() {
    let files = files();
    let sources = files.iter().map(|it| it.0.as_str());
    let sources = sources.filter(|it| it.starts_with("src/") && it.ends_with(".rs"));
    for source in sources.filter(|it| *it != "src/lib.rs") {
        assert!(room_of(source).is_some(), "{source} is in no room");
    }
}

#[test]
fn every_library_has_its_place() {
    let manifest: toml::Table = include_str!("../../Cargo.toml").parse().expect("TOML");
    let dependencies = manifest["dependencies"].as_table().expect("dependencies");
    let mut named: Vec<_> = dependencies.keys().map(|it| it.replace('-', "_")).collect();
    let mut placed: Vec<_> = LIBRARIES.iter().map(|it| it.0).collect();
    named.sort();
    placed.sort();
    assert_eq!(named, placed);

    let graph = Graph::of(&sources(&files()));
    let is_named = |library: &str, place: &str| {
        let mut uses = graph.uses().filter(|it| it.library == library);
        uses.any(|it| it.from.starts_with(place))
    };
    let mut wrong = Vec::new();
    for (library, places) in LIBRARIES {
        let empty = places
            .split_whitespace()
            .filter(|it| !is_named(library, it));
        wrong.extend(empty.map(|it| format!("{library} is not named in {it}")));
    }
    assert_none(&wrong);
}

fn wrong_with(files: &[(&str, &str)]) -> Vec<String> {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    let files: Vec<_> = files.iter().map(owned).collect();
    check_graph(&Graph::of(&sources(&files)))
}

#[test]
fn every_circle_is_found() {
    let base = (
        "src/store/mod.rs",
        "pub mod users; pub mod mails; pub mod links;",
    );
    for circle in [
        // Through `mod.rs`.
        &[
            (
                "src/mail/mod.rs",
                "mod smtp; use smtp::Smtp; pub struct Mailer;",
            ),
            ("src/mail/smtp.rs", "use super::Mailer;"),
        ][..],
        // By the name of a child.
        &[
            ("src/mail/mod.rs", "mod smtp; fn send() { smtp::send(); }"),
            ("src/mail/smtp.rs", "fn send() -> crate::mail::Mailer {}"),
        ],
        // Through what `mod.rs` hands on.
        &[
            (
                "src/domain/mod.rs",
                "mod user; pub use crate::domain::user::{User, UserId};",
            ),
            ("src/domain/user.rs", "use crate::domain::UserId;"),
        ],
        // Round a corner, by one name each.
        &[
            base,
            ("src/store/users.rs", "use super::{mails::Mail};"),
            ("src/store/mails.rs", "fn f() { super::links::follow(); }"),
            (
                "src/store/links.rs",
                "use crate::{failure::Failure, store::users as people};",
            ),
        ],
        // In a macro, by another name.
        &[
            base,
            (
                "src/store/users.rs",
                "use super::mails as letters; fn f() { g!(letters::X); }",
            ),
            (
                "src/store/mails.rs",
                "use crate::store; use store::users::User;",
            ),
        ],
        // Between rooms.
        &[
            ("src/clock.rs", "use crate::domain::Timestamp;"),
            (
                "src/domain/mod.rs",
                "pub fn now(clock: &crate::clock::Clock) {}",
            ),
        ],
        &[
            ("benches/load/main.rs", "mod api; mod drive;"),
            ("benches/load/api.rs", "use crate::drive;"),
            ("benches/load/drive.rs", "use crate::api::Api;"),
        ],
    ] {
        let wrong = wrong_with(circle);
        let circles = wrong.iter().filter(|it| it.starts_with("a circle:"));
        assert_eq!(circles.count(), 1, "{circle:?}: {wrong:?}");
    }
}

#[test]
fn a_circle_is_shown_with_what_ties_it() {
    let wrong = wrong_with(&[
        ("src/mail/mod.rs", "mod smtp;\n\nuse smtp::Smtp;"),
        ("src/mail/smtp.rs", "use super::Mailer;"),
    ]);
    assert_eq!(
        wrong,
        [
            "a circle:\n    src/mail/mod.rs:3 names smtp::Smtp of src/mail/smtp.rs\n    \
          src/mail/smtp.rs:1 names super::Mailer of src/mail/mod.rs"
        ]
    );
}

#[test]
fn every_door_is_watched() {
    let others = [
        ("src/lib.rs", "pub mod store; pub mod domain;"),
        ("src/store/mod.rs", "pub mod users;"),
        ("src/store/users.rs", ""),
        ("src/domain/mod.rs", ""),
        ("src/cli/mod.rs", ""),
        ("src/http/mod.rs", ""),
        ("src/http/api/mod.rs", "pub mod login;"),
        ("src/http/api/login.rs", ""),
    ];
    for (path, text) in [
        ("src/domain/user.rs", "use crate::store::Store;"),
        ("src/domain/user.rs", "use tokio::time;"),
        ("src/accounts/login.rs", "fn f() { scrypt::scrypt(); }"),
        ("src/accounts/login.rs", "use crate::{cli, domain::User};"),
        ("src/http/login.rs", "use crate::store;"),
        ("src/http/wire/body.rs", "use crate::http::api::login;"),
        ("src/http/login.rs", "use crate::{store, domain::User};"),
        (
            "src/http/login.rs",
            "fn f() { crate::store::users::User::of(); }",
        ),
        ("src/http/login.rs", "use super::super::store::users::User;"),
        (
            "src/mail/smtp.rs",
            "#[derive(Debug, crate::store::Row)] struct A;",
        ),
        ("src/cli/user.rs", "use poem::Request;"),
        ("src/cli/user.rs", "use {anyhow::Result, tabled as shown};"),
        ("src/store/mod.rs", "fn f() -> <rusqlite::Row as X>::Y {}"),
    ] {
        let mut files = others.to_vec();
        files.retain(|it| it.0 != path);
        files.push((path, text));
        let wrong = wrong_with(&files);
        assert_eq!(wrong.len(), 1, "{path}: {text}: {wrong:?}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    assert_none(&wrong_with(&[
        (
            "src/domain/mod.rs",
            "mod user; pub use crate::domain::user::User;",
        ),
        (
            "src/domain/user.rs",
            "/// As tokio::time, see [`crate::store`].\nuse super::text::nfc;",
        ),
        (
            "src/domain/text.rs",
            "fn nfc() -> Result<(), Self::Error> { \"crate::store::X\" }",
        ),
        (
            "src/store/mod.rs",
            "pub mod users; pub struct Store; fn f() { Store::g(); }",
        ),
        (
            "src/store/users.rs",
            "use super::Store; use crate::domain::User; fn f() { let scrypt = 1; }",
        ),
        (
            "src/accounts/mod.rs",
            "use std::time; use crate::store; fn f() { store::users::g(); time::h(); }",
        ),
    ]));
}

#[test]
fn every_rule_of_a_file_can_be_broken() {
    for (path, line) in [
        ("src/http/login.rs", "    query(\"SELECT 1\");"),
        ("src/http/login.rs", "    it.unwrap();"),
        ("src/http/login.rs", "    // TODO"),
        ("src/http/login.rs", "use super::wire::*;"),
        ("tests/it/login.rs", "#[ignore = \"slow\"]"),
        ("tests/it/login.rs", &"\n".repeat(500)),
    ] {
        let wrong = check_text(path, &format!("//! A file.\n{line}\n"));
        assert_eq!(wrong.len().min(1), 1, "{path}: {line}");
    }
    assert_eq!(
        check_text("src/lib.rs", "use std::fs;\n").len(),
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
fn no_rule_of_a_file_is_broken_by_what_is_allowed() {
    for (path, line) in [
        ("src/http/login.rs", "    it.unwrap_or_default();"),
        ("src/store/sqlite/users.rs", "    query(\"SELECT 1\");"),
    ] {
        assert_none(&check_text(path, &format!("//! A file.\n{line}\n")));
    }
}

#[test]
fn functions_can_be_too_long_and_too_many_long_ones() {
    let function =
        |lines: usize| format!("fn f(a: fn()) -> u8 {{\n{}}}\n", "g();\n".repeat(lines - 2));
    let wrong_with = |lengths: &[usize]| {
        let text: String = lengths.iter().map(|it| function(*it)).collect();
        check_functions(std::iter::once(("src/a.rs", &Source::read(&text)))).len()
    };
    assert_eq!(wrong_with(&[40]), 0);
    assert_eq!(wrong_with(&[2, 2, 2, 2, 2, 2, 2, 2, 2, 60]), 0);
    assert_eq!(wrong_with(&[2, 2, 2, 2, 2, 2, 2, 2, 2, 61]), 1);
    assert_eq!(wrong_with(&[2, 2, 2, 2, 2, 2, 2, 2, 41]), 2);
}
