//! Commands on a database of PostgreSQL, where they do something of their own.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::process::Command;

use serde_json::Value;

use crate::server::Site;

/// What `doctor` says of this.
fn finding(site: &Site, check: &str) -> Option<(String, String)> {
    let outcome = site.run(&["doctor", "--format", "json"]);
    let findings: Value = serde_json::from_str(&outcome.out).expect("findings");
    let all = findings.as_array().expect("findings");
    let found = all.iter().find(|it| it["check"] == check)?;
    let text = |name: &str| found[name].as_str().expect("a text").to_owned();
    Some((text("state"), text("finding")))
}

#[test]
fn doctor_and_the_state_look_at_the_server_of_the_database() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    site.add_user("ada", &[]);
    let status = site.run(&["db", "status", "--format", "json"]).json();
    let server = status["server"].as_str().expect("a server");
    assert!(server.starts_with("PostgreSQL 1"), "{server}");
    assert_eq!(status["synchronous_commit"], "on");
    assert!(status["bytes"].as_u64() > Some(1 << 20), "{status}");

    assert_eq!(finding(&site, "log"), None, "that is the server's own");
    let (state, said) = finding(&site, "server_clock").expect("a finding");
    assert_eq!(state, "ok", "{said}");
    // The cluster of the tests does not wait for its disk, and is used as its owner.
    let (state, said) = finding(&site, "server").expect("a finding");
    assert_eq!(state, "failed", "{said}");
    let (state, said) = finding(&site, "server_role").expect("a finding");
    assert_eq!((&*state, &*said), ("warning", "postgres is a superuser"));
}

#[test]
fn doctor_finds_tables_that_the_role_may_not_write() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    site.add_user("ada", &[]);
    site.postgres().batch(
        "CREATE ROLE reader_of_tests LOGIN;
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_of_tests;
         GRANT INSERT, UPDATE, DELETE ON users TO reader_of_tests",
    );
    let mut doctor = site.command(&["doctor", "--format", "csv"]);
    let url = site.postgres().url();
    doctor.env(
        "MINISASS_AUTH_DATABASE",
        url.replace("postgres@", "reader_of_tests@"),
    );
    let output = doctor.output().expect("doctor");
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().find(|it| it.starts_with("server_role,"));
    let line = line.expect("a finding");
    assert!(
        line.contains("failed,reader_of_tests may not read and write"),
        "{line}"
    );
    site.postgres()
        .batch("DROP OWNED BY reader_of_tests; DROP ROLE reader_of_tests");
}

#[test]
fn a_backup_goes_back_into_postgresql() {
    let (Some(from), Some(to)) = (Site::on_postgres(), Site::on_postgres()) else {
        return;
    };
    for name in ["ada", "bo"] {
        from.add_user(name, &[]);
    }
    let backup = from.path("backup.db");
    let backup = backup.to_str().expect("a path");
    from.run(&["db", "backup", backup]).ok();
    // The keys come along, and need the master key.
    let (old, new) = (from.data().join("keys"), to.data());
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&new)
        .expect("a folder");
    let copied = Command::new("cp").arg("-a").arg(old).arg(new).status();
    assert!(copied.expect("cp").success());
    let restored = to
        .run(&["db", "restore", backup, "--format", "json"])
        .json();
    assert_eq!(restored["users"], 2);
    assert!(restored["bytes"].as_u64() > Some(0), "{restored}");
    let listed = |site: &Site| site.run(&["user", "list", "--format", "json"]).ok();
    assert_eq!(listed(&from), listed(&to));
    to.run(&["audit", "verify"]).ok();
    to.run(&["db", "check"]).ok();
    let again = to.run(&["db", "restore", backup]).refusal();
    assert!(again.contains("users"), "{again}");
}
