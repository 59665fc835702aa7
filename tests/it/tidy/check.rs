//! The rules of one file: how it opens, how long it is, and what does not stand in it.

use super::source::Source;

/// How SQL starts; any of these outside the store is a query in the wrong place.
const SQL: [&str; 6] = [
    "SELECT ",
    "INSERT INTO ",
    "UPDATE ",
    "DELETE FROM ",
    "PRAGMA ",
    "CREATE TABLE ",
];

/// What is never left behind.
const MARKS: [&str; 7] = [
    "TODO",
    "FIXME",
    "XXX",
    "dbg!",
    "todo!",
    "unimplemented!",
    "#[ignore",
];

/// 300 read well.
const MOST_LINES: usize = 500;

/// Nine functions in ten have no more lines than [`FEW_LINES`].
const FEW_LINES: usize = 40;
const MOST_LINES_OF_A_FUNCTION: usize = 60;

/// Everything that is wrong with a source file.
pub fn check_text(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if !text.starts_with("//!") {
        wrong.push(format!("{path} does not open with //!"));
    }
    let length = text.lines().count();
    if length > MOST_LINES {
        wrong.push(format!("{path} has {length} lines"));
    }
    // These files name what they forbid.
    if path.starts_with("tests/it/tidy") {
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
    wrong
}

fn check_line(path: &str, line: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for mark in MARKS {
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
    if code.contains("::*") {
        wrong.push("nobody sees what comes in through a *".to_owned());
    }
    if !path.starts_with("src/store/") && SQL.iter().any(|it| code.contains(&format!("\"{it}"))) {
        wrong.push("SQL belongs into the store".to_owned());
    }
    wrong
}

/// Functions that are too long, and too many that are rather long.
pub fn check_functions<'a>(sources: impl Iterator<Item = (&'a str, &'a Source)>) -> Vec<String> {
    let (mut all, mut long) = (0, Vec::new());
    let mut wrong = Vec::new();
    for (path, source) in sources {
        all += source.functions.len();
        for it in &source.functions {
            let shown = format!("{path}:{} is a function of {} lines", it.line, it.length);
            if it.length > MOST_LINES_OF_A_FUNCTION {
                wrong.push(shown);
            } else if it.length > FEW_LINES {
                long.push(shown);
            }
        }
    }
    if 10 * long.len() > all {
        wrong.push("more than one in ten is longer than the others:".to_owned());
        wrong.append(&mut long);
    }
    wrong
}

/// What tells where something was made. In two parts, so that this file does not hold them.
pub fn machine_marks() -> Vec<String> {
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
pub fn check_any(path: &str, text: &str) -> Vec<String> {
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
