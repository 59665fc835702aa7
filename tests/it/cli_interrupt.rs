//! Ctrl-C and SIGTERM during long work: nothing half done is left, and the next run goes on.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::old_keys::lend_master;
use crate::server::{Site, until};

/// How the name of what is not finished ends.
const DRAFT: &str = ".minisass.tmp";

/// So many users that copying and checking them takes a while.
const MANY: &str = "
    INSERT INTO users (id, username, username_key, email, email_key, first_name, last_name,
                       is_active, is_staff, created_at)
    WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
    SELECT i, 'user' || i, 'user' || i, i || '@example.org', i || '@example.org', '', '', TRUE, FALSE, 0 FROM n;
    INSERT INTO profiles (user_id, organisation_type, organisation_name, country, additional_fields)
    WITH RECURSIVE long (i, it) AS (SELECT 1, 'Rivers' UNION ALL SELECT i + 1, it || it FROM long WHERE i < 8)
    SELECT id, '', it || id, '', '{}' FROM users, long WHERE id > 1 AND i = 8;";

pub fn crowded() -> Site {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.database().change(MANY);
    site
}

pub fn drafts(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let names = entries.filter_map(|it| it.ok()?.file_name().into_string().ok());
    names.filter(|it| it.ends_with(DRAFT)).collect()
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().expect("the program")
}

fn signal(child: &Child, signal: Signal) {
    // It may have ended.
    let _ = kill_process(Pid::from_child(child), signal);
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs the command, and interrupts it once a draft is in `folder`. A command that was faster is
/// run again after `undo`.
fn interrupt(site: &Site, arguments: &[&str], folder: &Path, how: Signal, undo: impl Fn()) {
    let output = until("an interrupted command", || {
        let mut child = start(site.command(arguments));
        until("a draft", || {
            let is_over = child.try_wait().expect("its state").is_some();
            (is_over || !drafts(folder).is_empty()).then_some(())
        });
        signal(&child, how);
        let output = child.wait_with_output().expect("its end");
        if output.status.success() {
            undo();
            return None;
        }
        Some(output)
    });
    let said = said(&output);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(
        said.contains("interrupted: ") && said.contains("run it again"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(drafts(folder).is_empty());
}

#[test]
fn an_interrupted_backup_export_and_restore_leave_nothing() {
    let site = crowded();
    let folder = site.path("out");
    std::fs::create_dir(&folder).expect("a folder");
    let (backup, export) = (folder.join("backup.db"), folder.join("users.jsonl"));
    let (shown, exported) = (backup.display().to_string(), export.display().to_string());
    let remove = |file: &Path| std::fs::remove_file(file).expect("a file");
    for how in [Signal::INT, Signal::TERM] {
        interrupt(&site, &["db", "backup", &shown], &folder, how, || {
            remove(&backup);
        });
        interrupt(&site, &["user", "export", &exported], &folder, how, || {
            remove(&export);
        });
    }
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0);

    site.run(&["db", "backup", &shown]).ok();
    let other = Site::new();
    let empty = || drop(std::fs::remove_dir_all(other.data()));
    std::fs::create_dir(other.data()).expect("a folder");
    let restore = ["db", "restore", &shown];
    interrupt(&other, &restore, &other.data(), Signal::INT, || {
        empty();
        std::fs::create_dir(other.data()).expect("a folder");
    });
    other.run(&restore).ok();
    lend_master(&site, &other);
    let status = other.run(&["db", "status", "--format", "json"]).json();
    assert_eq!(status["users"], 30_000);
}

fn user(number: usize) -> String {
    json!({"username": format!("user{number}"), "email": format!("{number}@example.org")})
        .to_string()
        + "\n"
}

fn users(site: &Site) -> i64 {
    site.database().get("SELECT count(*) FROM users")
}

#[test]
fn an_interrupted_import_ends_between_two_batches_and_the_next_one_goes_on() {
    let site = Site::new();
    // Beside a server four batches share a transaction.
    let _server = site.start(&[]);
    let all: Vec<String> = (0..9500).map(user).collect();
    let mut child = start(site.command(&["--format", "json", "user", "import", "-"]));
    let mut input = child.stdin.take().expect("standard input");
    input
        .write_all(all[..4500].concat().as_bytes())
        .expect("lines");
    until("four batches", || (users(&site) == 4000).then_some(()));
    signal(&child, Signal::INT);
    // It looks up at the next line, and reads no further.
    for line in &all[4500..] {
        if input.write_all(line.as_bytes()).is_err() {
            break;
        }
    }
    drop(input);
    let output = child.wait_with_output().expect("its end");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("run it again to go on"), "{said}");
    let summary: Value = serde_json::from_slice(&output.stdout).expect("a summary");
    assert_eq!(summary["added"], users(&site));
    assert_eq!(users(&site) % 1000, 0, "whole batches");
    assert!(users(&site) < 9500);

    let added = users(&site);
    let again = site.run_with(&["--format", "json", "user", "import", "-"], &all.concat());
    let summary = again.json();
    assert_eq!(
        (&summary["present"], &summary["added"]),
        (&json!(added), &json!(9500 - added))
    );
}

#[test]
fn drafts_that_a_crash_left_go_with_the_next_backup() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let make = |name: &str, age: u64| {
        let file = std::fs::File::create(site.path(name)).expect("a file");
        let then = SystemTime::now() - Duration::from_secs(age);
        file.set_modified(then).expect("an older file");
    };
    let day = 24 * 3600;
    make(&format!("old.db.0123456789abcdef{DRAFT}"), day);
    make(&format!("young.db.0123456789abcdef{DRAFT}"), 60);
    make(&format!("mine{DRAFT}"), day);
    make("mine.tmp", day);
    let backup = site.path("backup.db").display().to_string();
    site.run(&["db", "backup", &backup]).ok();
    let mut left = drafts(&site.path(""));
    left.sort();
    assert_eq!(
        left,
        [
            format!("mine{DRAFT}"),
            format!("young.db.0123456789abcdef{DRAFT}")
        ]
    );
    assert!(site.path("mine.tmp").exists());
}
