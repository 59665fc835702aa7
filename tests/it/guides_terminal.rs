//! docs/terminal.svg, the terminal of the README: its commands run here, and the picture is drawn from what
//! they print.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::examples::shell;
use crate::server::{PASSWORD, Site, run};

/// What is typed.
const SESSION: [&str; 4] = [
    "minisass-auth user create --email ada@example.org --staff --password-stdin < password.txt",
    "minisass-auth user list --columns id,username,email,is_active,is_staff",
    "minisass-auth token issue ada@example.org --ttl 12h | minisass-auth token inspect \\\n    \
     --columns is_good,algorithm,token_type,user_id",
    "minisass-auth audit verify",
];

/// Stands for every time.
const TIME: &str = "2026-11-26T09:30:00Z";

/// A line of the terminal, and whether somebody typed it.
fn transcript() -> Vec<(String, bool)> {
    let site = Site::new();
    fs::write(site.path("password.txt"), PASSWORD).expect("a password");
    run(&mut shell(&site, "minisass-auth db migrate"), "").ok();
    let mut lines = Vec::new();
    for typed in SESSION {
        lines.extend(format!("$ {typed}").lines().map(|it| (it.to_owned(), true)));
        let printed = run(&mut shell(&site, typed), "").ok();
        lines.extend(printed.lines().map(|it| (timeless(it), false)));
    }
    lines
}

fn timeless(line: &str) -> String {
    let mut line = line.to_owned();
    if let Some(at) = line
        .find("20")
        .filter(|at| line[*at..].get(10..11) == Some("T"))
    {
        line.replace_range(at..at + TIME.len(), TIME);
    }
    line
}

/// As SVG, which a browser draws with a font of its own.
fn picture(lines: &[(String, bool)]) -> String {
    const LINE: usize = 18;
    let widest = lines
        .iter()
        .map(|it| it.0.chars().count())
        .max()
        .unwrap_or(0);
    let (width, height) = (widest * 17 / 2 + 40, lines.len() * LINE + 50);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>A terminal in which minisass-auth adds a user, issues a token and verifies the audit trail</title>\n\
         <style>text {{ font: 14px/1 ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #dde3ea; \
         white-space: pre; }} .typed {{ fill: #8fd3a8; }}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#1b222b\"/>\n"
    );
    for (number, (line, is_typed)) in lines.iter().enumerate() {
        let y = number * LINE + 35;
        let class = if *is_typed { " class=\"typed\"" } else { "" };
        let text = line.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            svg,
            "<text x=\"20\" y=\"{y}\" xml:space=\"preserve\"{class}>{text}</text>"
        );
    }
    svg + "</svg>\n"
}

#[test]
fn the_terminal_of_the_readme_shows_what_is_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/terminal.svg");
    let drawn = picture(&transcript());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &drawn).expect("a picture");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == drawn,
        "run UPDATE_DOCS=1 cargo test --test it guides"
    );
    assert!(kept.len() < 16_000, "it is small");
}
