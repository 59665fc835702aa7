//! Bars on a terminal, and only there.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::server::{Site, until};
use crate::terminal::Terminal;

fn user(number: usize) -> String {
    format!("{{\"username\": \"user{number}\", \"email\": \"{number}@example.org\"}}\n")
}

/// A pipe with a name, so that the work takes as long as the test wants.
fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
}

#[test]
fn an_import_at_a_terminal_shows_how_far_it_is_without_tearing_what_is_said() {
    let site = Site::new();
    let lines = site.path("lines");
    pipe(&lines);
    let terminal = Terminal::new(&site, (100, 30), "minisass-auth user import lines");
    let mut input: File = OpenOptions::new().write(true).open(&lines).expect("a pipe");
    let mut number = 0;
    until("a bar", || {
        let batch: String = (number..number + 1000).map(user).collect();
        input.write_all(batch.as_bytes()).expect("lines");
        number += 1000;
        terminal
            .screen()
            .contains("importing users: ")
            .then_some(())
    });
    input.write_all(b"{}\n").expect("a bad line");
    drop(input);
    assert_eq!(terminal.wait(), 1);
    let screen = terminal.screen();
    let bad = format!("line {}: email: This field may not be blank.", number + 1);
    let told = screen.lines().filter(|it| it.trim_end() == bad);
    assert_eq!(told.count(), 1, "{screen}");
    assert!(
        !screen.contains("importing users"),
        "the bar goes: {screen}"
    );
}

#[test]
fn without_a_terminal_long_work_says_nothing() {
    let site = Site::with_database();
    let lines = site.path("lines");
    let many: String = (0..20_000).map(user).collect();
    std::fs::write(&lines, many).expect("a file");
    let backup = site.path("backup.db").display().to_string();
    let export = site.path("users").display().to_string();
    for command in [
        &["user", "import", &lines.display().to_string()][..],
        &["db", "backup", &backup],
        &["db", "check"],
        &["audit", "verify"],
        &["doctor"],
    ] {
        let outcome = site.run(command);
        assert_eq!(
            (outcome.code, outcome.err.as_str()),
            (Some(0), ""),
            "{command:?}"
        );
    }
    let exported = site.run(&["user", "export", &export]);
    assert_eq!(exported.err, format!("20000 users are in {export}\n"));
}
