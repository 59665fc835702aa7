//! Bars on a terminal, and only there.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::server::{Site, clear_settings, until};

fn user(number: usize) -> String {
    format!("{{\"username\": \"user{number}\", \"email\": \"{number}@example.org\"}}\n")
}

/// A pipe with a name, so that the work takes as long as the test wants.
fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
}

#[test]
fn an_import_at_a_terminal_shows_how_far_it_is_without_tearing_what_is_said() {
    if Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let site = Site::new();
    let (lines, shown) = (site.path("lines"), site.path("shown"));
    pipe(&lines);
    let program = env!("CARGO_BIN_EXE_minisass-auth");
    let (data, from) = (site.data(), lines.display());
    let typed = format!("{program} --data-dir {} user import {from}", data.display());
    let mut command = Command::new("script");
    clear_settings(&mut command);
    command.args(["-qfec", &typed]).arg(&shown);
    command
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut child = command.spawn().expect("script");
    let mut input: File = OpenOptions::new().write(true).open(&lines).expect("a pipe");
    let text = || String::from_utf8_lossy(&std::fs::read(&shown).unwrap_or_default()).into_owned();
    let mut number = 0;
    until("a bar", || {
        let batch: String = (number..number + 1000).map(user).collect();
        input.write_all(batch.as_bytes()).expect("lines");
        number += 1000;
        text().contains("importing users: ").then_some(())
    });
    input.write_all(b"{}\n").expect("a bad line");
    drop(input);
    let status = until("its end", || child.try_wait().expect("its state"));
    let text = text();
    assert!(!status.success(), "{text}");
    let notes = text
        .split(['\r', '\n'])
        .filter(|it| it.contains("username: This field"));
    let bad = format!(
        "line {}: username: This field may not be blank.",
        number + 1
    );
    assert!(notes.clone().any(|it| it.ends_with(&bad)), "{text}");
    assert_eq!(notes.count(), 1, "{text}");
}

#[test]
fn without_a_terminal_long_work_says_nothing() {
    let site = Site::new();
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
