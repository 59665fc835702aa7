//! A full disk during long work: a sentence that says so, no draft, and a sound database.

use std::process::Command;

use serde_json::Value;

use crate::cli_interrupt::{crowded, drafts};
use crate::old_keys::lend_master;
use crate::server::{CHEAP, Outcome, Site, clear_settings, run};

/// No file grows beyond `blocks` of half a kilobyte (of a whole one in some shells).
fn cramped(site: &Site, blocks: u32, arguments: &[&str], input: &str) -> Outcome {
    let mut command = Command::new("sh");
    clear_settings(&mut command);
    // A write beyond the limit fails instead of ending the process.
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    command.args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_minisass-auth")]);
    command.arg("--data-dir").arg(site.data());
    command.args(["--scrypt", CHEAP]).args(arguments);
    run(&mut command, input)
}

fn assert_sound(site: &Site) {
    let checked = site.run(&["db", "check", "--format", "json"]).json();
    assert_eq!(checked["is_sound"], true);
}

#[test]
fn backup_and_export_say_that_the_disk_is_full_and_leave_nothing() {
    let site = crowded();
    let folder = site.path("out");
    std::fs::create_dir(&folder).expect("a folder");
    let backup = folder.join("backup.db").display().to_string();
    let export = folder.join("users.jsonl").display().to_string();
    let copy = folder.join("copy.db").display().to_string();
    for arguments in [
        &["db", "backup", &backup][..],
        &["user", "export", &export],
        &["db", "copy", "--to", &copy],
    ] {
        let said = cramped(&site, 4096, arguments, "").refusal();
        assert!(said.contains("make room"), "{said}");
    }
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0);
    assert_sound(&site);

    site.run(&["db", "backup", &backup]).ok();
    let other = Site::new();
    let said = cramped(&other, 4096, &["db", "restore", &backup], "").refusal();
    assert!(said.contains("make room"), "{said}");
    assert!(drafts(&other.data()).is_empty());
    other.run(&["db", "restore", &backup]).ok();
    lend_master(&site, &other);
    assert_sound(&other);
}

#[test]
fn an_import_counts_what_is_in_and_goes_on_when_there_is_room() {
    let site = Site::new();
    // Beside a server an import goes in small steps, of which some fit.
    let _server = site.start(&[]);
    let line =
        |it| format!("{{\"username\": \"user{it}\", \"email\": \"user{it}@example.org\"}}\n");
    let lines: String = (0..20_000).map(line).collect();
    let import = ["--format", "json", "user", "import", "-"];
    let stopped = cramped(&site, 4096, &import, &lines);
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.err.contains("make room"), "{}", stopped.err);
    assert_eq!(stopped.err.trim_end().lines().count(), 1, "{}", stopped.err);
    let summary: Value = serde_json::from_str(&stopped.out).expect("a summary");
    let added = summary["added"].as_u64().expect("a count");
    assert!((1..20_000).contains(&added), "{added}");
    assert!(added.is_multiple_of(1000), "{added}");
    assert_sound(&site);

    let summary = site.run_with(&import, &lines).json();
    assert_eq!(summary["present"], added);
    assert_eq!(summary["added"], 20_000 - added);
    assert_sound(&site);
}
