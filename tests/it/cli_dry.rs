//! `--dry-run`: the command does all it would do, finds all it would find, and leaves nothing behind.

use crate::database::Database;
use crate::server::{PASSWORD, Site};

fn state(site: &Site) -> Vec<String> {
    let tables = [
        "users", "profiles", "sessions", "links", "outbox", "policies", "audit",
    ];
    let database = site.database();
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 = database.get(&sql);
        format!("{table}: {count}")
    };
    let mut state: Vec<String> = tables.map(count).to_vec();
    state.extend(database.rows::<String>(match &database {
        Database::File(_) => "SELECT name || seq FROM sqlite_sequence ORDER BY 1",
        Database::Server(_) => {
            "SELECT concat(sequencename, last_value) FROM pg_sequences ORDER BY 1"
        }
    }));
    state.push(site.run(&["user", "export", "--with-hashes"]).ok());
    state.push(site.run(&["session", "list", "--all"]).ok());
    state
}

#[test]
fn it_says_what_would_happen_and_nothing_does() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.add_user("bo", &["--inactive"]);
    let token = site.run(&["token", "issue", "ada"]).ok();
    let before = state(&site);
    let commands: [(&[&str], &str, &str); 10] = [
        (
            &[
                "user",
                "create",
                "--email",
                "cy@example.org",
                "--password-stdin",
            ],
            "cy@example.org",
            PASSWORD,
        ),
        (
            &[
                "user",
                "create",
                "--email",
                "cy@example.org",
                "--no-password",
                "--print-link",
            ],
            "cy@example.org",
            "",
        ),
        (
            &["user", "update", "ada", "--first-name", "Grace"],
            "Grace",
            "",
        ),
        (
            &["user", "set-password", "ada", "--password-stdin"],
            "ada has a new password",
            "another good one",
        ),
        (
            &["user", "deactivate", "-"],
            "ada@example.org) is logged out",
            "ada\n",
        ),
        (
            &["user", "activate", "bo"],
            "bo@example.org) may log in",
            "",
        ),
        (
            &["user", "delete", "ada", "bo"],
            "ada, bo: would be deleted",
            "",
        ),
        (&["profile", "set", "ada", "--country", "ZA"], "ZA", ""),
        (&["reset", "send", "ada"], "queued to ada@example.org", ""),
        (
            &["policy", "publish", "1", "https://example.org/1"],
            "https://example.org/1",
            "",
        ),
    ];
    for (command, said, input) in commands {
        let outcome = site.run_with(&[command, &["--dry-run"]].concat(), input);
        assert_eq!(outcome.code, Some(0), "{command:?}: {}", outcome.err);
        assert!(outcome.out.contains(said), "{command:?}: {}", outcome.out);
        assert!(
            outcome
                .err
                .ends_with("this was a dry run; nothing was changed\n"),
            "{}",
            outcome.err
        );
    }
    site.run_with(&["token", "revoke", "--dry-run"], &token)
        .ok();
    site.run(&["session", "revoke", "--user", "ada", "--dry-run"])
        .ok();
    assert_eq!(state(&site), before);
}

#[test]
fn what_would_be_refused_is_refused() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.add_user("bo", &[]);
    let refused = |command: &[&str]| site.run(&[command, &["--dry-run"]].concat()).refusal();
    let said = refused(&["user", "update", "ada", "--email", "bo@example.org"]);
    assert!(said.contains("another user has this address"), "{said}");
    let said = refused(&["policy", "publish", "", "https://example.org/1"]);
    assert!(said.contains("version"), "{said}");
    assert_eq!(
        site.run(&["user", "list", "--dry-run"]).code,
        Some(2),
        "it changes nothing anyway"
    );
}

#[test]
fn the_first_start_after_a_restore_may_be_a_dry_one() {
    let site = Site::with_database();
    site.add_user("ada", &[]);
    let backup = site.path("backup.db");
    let shown = backup.display().to_string();
    site.run(&["db", "backup", &shown]).ok();
    // As one of a version that had its keys in files.
    Database::at(&backup).change("DELETE FROM keys");
    let other = Site::new();
    other.run(&["db", "restore", &shown]).ok();
    other.run(&["user", "deactivate", "ada", "--dry-run"]).ok();
    let server = other.start(&[]);
    assert_eq!(server.login("ada@example.org").status, 200);
}
