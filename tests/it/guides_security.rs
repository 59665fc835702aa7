//! docs/security.md: every requirement is there, and names the tests that show it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::guides::guides;

/// How many requirements each part has; they are numbered from 1.
const PARTS: [(&str, usize); 10] = [
    ("PW", 10),
    ("AU", 13),
    ("ID", 10),
    ("RS", 13),
    ("SE", 15),
    ("JW", 11),
    ("HT", 16),
    ("DP", 6),
    ("LG", 4),
    ("CL", 5),
];

/// What the guide itself says does not hold.
const DOES_NOT_HOLD: [&str; 1] = ["AU-13"];

/// The names of all tests.
fn tests_of(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("tests") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            tests_of(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(path).expect("a text");
            let after = text.split("#[test]").skip(1);
            let names = after.filter_map(|it| it.split("fn ").nth(1)?.split('(').next());
            found.extend(names.map(str::to_owned));
        }
    }
}

/// What a text has in single backticks that is the name of a test.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split('`').skip(1).step_by(2);
    words.filter(|it| {
        let is_part = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        let is_name = it.bytes().all(is_part);
        is_name && it.matches('_').count() > 3
    })
}

/// The rows of the tables: what shows a requirement, by its number.
fn requirements() -> BTreeMap<String, String> {
    let text = guides().into_iter().find(|it| it.0 == "docs/security.md");
    let (_, text) = text.expect("the guide");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let number = cells
            .next()
            .filter(|it| it.as_bytes().get(2) == Some(&b'-'))?;
        Some((number.to_owned(), cells.nth(1)?.to_owned()))
    });
    rows.collect()
}

#[test]
fn every_requirement_names_a_test_that_shows_it() {
    let requirements = requirements();
    for (part, count) in PARTS {
        for number in 1..=count {
            let id = format!("{part}-{number:02}");
            let shown = requirements
                .get(&id)
                .unwrap_or_else(|| panic!("{id} is missing"));
            let by_a_test = named(shown).next().is_some();
            // Some are checked at every answer that any test gets.
            let by_all_tests = shown.contains("`tests/it/document.rs`");
            let is_shown = by_a_test || by_all_tests;
            assert_eq!(
                is_shown,
                !DOES_NOT_HOLD.contains(&id.as_str()),
                "{id}: {shown}"
            );
        }
    }
    let all: usize = PARTS.iter().map(|it| it.1).sum();
    assert_eq!(requirements.len(), all);
}

#[test]
fn every_test_that_a_guide_names_is_there() {
    let mut tests = BTreeSet::new();
    tests_of(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"),
        &mut tests,
    );
    let mut count = 0;
    for (guide, text) in guides() {
        for name in named(&text) {
            assert!(tests.contains(name), "{guide} names the test {name}");
            count += 1;
        }
    }
    assert!(count > 0, "no guide names a test");
}
