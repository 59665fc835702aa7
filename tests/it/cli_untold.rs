//! What a command did whose answer nobody can read: a change is made and said to be, and the command has
//! failed; who only reads has failed too, or the reader has seen enough.

use crate::examples::{Examples, NEED_A_SERVER, Prepared, of_every_command, shell};
use crate::server::{Outcome, Site, run};

/// They change something, or may, and write no row into this audit trail: two make another database.
const CHANGES_WITHOUT_ROW: [&str; 5] = [
    "db copy",
    "db migrate",
    "db restore",
    "mail templates",
    "mail test",
];

fn audited(site: &Site) -> i64 {
    site.database().get("SELECT count(*) FROM audit")
}

/// The first example of each command that prints something to where one may put it.
fn lines() -> Vec<(String, String)> {
    let printing = |it: &&String| !it.contains("> ") && !it.starts_with("source");
    let first = |it: Examples| {
        let line = it.lines.iter().find(printing)?.clone();
        (!NEED_A_SERVER.contains(&&*it.command)).then_some((it.command, line))
    };
    of_every_command().into_iter().filter_map(first).collect()
}

#[test]
fn a_change_whose_answer_cannot_be_written_is_said_to_be_made() {
    let prepared = Prepared::new();
    let (mut changing, mut reading) = (0, 0);
    for (command, line) in lines() {
        let usual = prepared.copy();
        let before = audited(&usual);
        let said = run(&mut shell(&usual, &line), "");
        assert_eq!(said.code, Some(0), "{line}: {}", said.err);
        if said.out.is_empty() {
            continue;
        }
        let rows = audited(&usual) - before;
        let changes = rows > 0 || CHANGES_WITHOUT_ROW.contains(&&*command);
        // The reader of the pipe is gone before anything is written.
        let closed = "mkfifo pipe; exec 3<> pipe; exec 4> pipe; exec 3>&-";
        for (line, if_it_reads) in [
            (format!("{line} > /dev/full"), 1),
            (format!("{closed}; {line} >&4"), 0),
        ] {
            let copy = prepared.copy();
            let Outcome { code, err, .. } = run(&mut shell(&copy, &line), "");
            let told = err.contains("it is done, and only the answer could not be written");
            let right = if changes { 1 } else { if_it_reads };
            assert_eq!((code, told), (Some(right), changes), "{line}: {err}");
            assert_eq!(audited(&copy) - before, rows, "{line}: {err}");
        }
        changing += usize::from(changes);
        reading += usize::from(!changes);
    }
    assert!(changing > 20 && reading > 10, "{changing}, {reading}");
}

#[test]
fn all_that_was_asked_for_is_done_though_nobody_reads_what_is_said_of_it() {
    let site = Site::new();
    // More than is written at once.
    let names: Vec<String> = (0..300)
        .map(|it| format!("somebody-with-a-name-{it}"))
        .collect();
    let users: Vec<String> = names
        .iter()
        .map(|it| format!("{{\"username\": \"{it}\", \"email\": \"{it}@example.org\"}}"))
        .collect();
    site.run_with(&["user", "import", "-"], &users.join("\n"))
        .ok();
    let named = names.join("\n");
    let line = "minisass-auth user deactivate - > /dev/full";
    let said = run(&mut shell(&site, line), &named);
    assert_eq!(said.code, Some(1), "{}", said.err);
    let active: i64 = site
        .database()
        .get("SELECT count(*) FROM users WHERE is_active");
    assert_eq!(active, 0);
}

#[test]
fn a_dry_run_and_a_refusal_are_not_said_to_be_done() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for (line, code) in [
        ("minisass-auth user delete ada --dry-run > /dev/full", 1),
        ("minisass-auth user delete bo --yes > /dev/full", 1),
        ("minisass-auth user delete > /dev/full", 2),
    ] {
        let said = run(&mut shell(&site, line), "");
        assert_eq!(said.code, Some(code), "{line}: {}", said.err);
        assert!(!said.err.contains("it is done"), "{line}: {}", said.err);
    }
}
