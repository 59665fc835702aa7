//! The rules, as tables, and the text check that applies them.

/// Libraries that do I/O, HTTP or cryptography.
const IO: &str = "poem clap tokio rusqlite scrypt jsonwebtoken lettre";

/// Where a path starts with the left column, none of the right one is named.
const FORBIDDEN: &[(&str, &str)] = &[
    ("src/domain/", IO),
    ("src/domain/", "anyhow hyper tracing refinery governor"),
    (
        "src/domain/",
        "crate::accounts crate::cli crate::clock crate::crypto crate::failure",
    ),
    ("src/domain/", "crate::http crate::mail crate::store"),
    ("src/failure.rs", "crate::"),
    ("src/failure.rs", IO),
    (
        "src/clock.rs",
        "crate::accounts crate::cli crate::http crate::store",
    ),
    ("src/clock.rs", IO),
    (
        "src/store/",
        "crate::accounts crate::http crate::cli crate::crypto crate::mail",
    ),
    (
        "src/store/",
        "poem clap tokio anyhow scrypt jsonwebtoken lettre",
    ),
    (
        "src/crypto/",
        "crate::accounts crate::http crate::cli crate::store crate::mail",
    ),
    ("src/crypto/", "poem clap tokio anyhow rusqlite lettre"),
    (
        "src/mail/",
        "crate::accounts crate::http crate::cli crate::store crate::crypto",
    ),
    ("src/mail/", "poem clap anyhow rusqlite scrypt jsonwebtoken"),
    // The dialogue with a mail server needs time-outs.
    ("src/mail/letter.rs", "tokio lettre"),
    ("src/accounts/", IO),
    ("src/accounts/", "anyhow refinery crate::http crate::cli"),
    (
        "src/http/",
        "crate::cli crate::store crate::crypto crate::mail",
    ),
    (
        "src/http/",
        "rusqlite clap anyhow scrypt jsonwebtoken lettre",
    ),
    ("src/cli/", "poem rusqlite scrypt lettre jsonwebtoken"),
];

/// A library of the left column is named where a path starts with the right one, and nowhere else.
const AT_HOME: &[(&str, &str)] = &[
    ("rusqlite", "src/store/sqlite/"),
    ("refinery", "src/store/sqlite/"),
    ("tabled", "src/cli/terminal/output.rs"),
    ("indicatif", "src/cli/terminal/progress.rs"),
    ("jsonwebtoken", "src/crypto/token.rs"),
    ("scrypt", "src/crypto/password.rs"),
    ("argon2", "src/crypto/foreign.rs"),
    ("bcrypt", "src/crypto/foreign.rs"),
    ("governor", "src/http/wire/rate_limit.rs"),
    ("lettre", "src/mail/"),
    ("url", "src/mail/server.rs"),
];

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
const MOST_LINES_OF_A_FUNCTION: usize = 60;

/// Everything that is wrong with a source file.
pub fn check_source(path: &str, text: &str) -> Vec<String> {
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
    if path.starts_with("src/") {
        wrong.extend(long_functions(path, text));
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
    if !path.starts_with("src/store/") && SQL.iter().any(|it| code.contains(&format!("\"{it}"))) {
        wrong.push("SQL belongs into the store".to_owned());
    }
    for (folder, names) in FORBIDDEN.iter().filter(|it| path.starts_with(it.0)) {
        let named = names.split(' ').filter(|it| names_it(code, it));
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
