//! The command line changes, invites and deletes users, and publishes policies.

use serde_json::json;

use crate::server::{PASSWORD, Site, words};

#[test]
fn a_user_is_changed_by_name_and_only_as_told() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.add_user("bo", &[]);
    let update = [
        "user",
        "update",
        "ada",
        "--first-name",
        "Ada",
        "--staff",
        "true",
        "--country",
        "ZA",
        "--expert",
        "true",
        "--format",
        "json",
    ];
    let changed = site.run(&update).json();
    assert_eq!(
        (&changed["first_name"], &changed["is_staff"]),
        (&json!("Ada"), &json!(true))
    );
    assert_eq!(changed["email"], "ada@example.org");
    let said = site
        .run(&["user", "update", "ada", "--username", "BO"])
        .refusal();
    assert!(said.contains("another user has this user name"), "{said}");
    let said = site
        .run(&["user", "update", "ada", "--email", "x"])
        .refusal();
    assert!(said.contains("valid email"), "{said}");
    site.run(&["user", "update", "nobody", "--staff", "true"])
        .refusal();
}

#[test]
fn a_password_is_set_by_the_rules_and_ends_every_session() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    let token = site.run(&["token", "issue", "ada"]).ok();
    assert_eq!(server.status_of(token.trim()), 200);
    let set = ["user", "set-password", "ada", "--password-stdin"];
    let said = site.run_with(&set, "password").refusal();
    assert!(said.contains("too common"), "{said}");
    let said = site.run_with(&set, PASSWORD).refusal();
    assert!(said.contains("used before"), "{said}");
    assert_eq!(server.status_of(token.trim()), 200);
    site.run_with(&set, "another good one").ok();
    assert_eq!(server.status_of(token.trim()), 401);
}

#[test]
fn nobody_is_deleted_without_a_yes() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let said = site.run(&["user", "delete", "ada"]).refusal();
    assert!(said.contains("--yes"), "{said}");
    let would = site.run(&["user", "delete", "ada", "--dry-run"]).ok();
    assert_eq!(would, "dry run: ada: would be deleted\n");
    site.run(&["user", "show", "ada"]).ok();
    site.run(&["user", "delete", "ada", "--yes"]).ok();
    site.run(&["user", "show", "ada"]).refusal();
}

#[test]
fn a_link_is_printed_for_whom_mail_does_not_reach() {
    let site = Site::new();
    let create = words("user create --username ada --email ada@example.org --no-password");
    let link = site.run(&[&create[..], &["--print-link"]].concat()).ok();
    assert!(link.starts_with("http://127.0.0.1:8000/authentication/api/verify-password-reset/"));
    assert_eq!(link.lines().count(), 1);
    let mails = "SELECT count(*) FROM outbox";
    let count = |sql: &str| site.database().get::<i64>(sql);
    assert_eq!(count(mails), 0);
    let again = site
        .run(&["reset", "link", "ada", "--format", "json"])
        .json();
    assert!(again[0]["link"].as_str().expect("a link") != link.trim());
    assert_eq!(
        count("SELECT count(*) FROM audit WHERE action = 'link.print'"),
        2
    );
    site.run(&[
        "user",
        "create",
        "--email",
        "bo@example.org",
        "--no-password",
    ])
    .ok();
    assert_eq!(count(mails), 1);
}

#[test]
fn a_policy_is_published_once() {
    let site = Site::with_database();
    let none = site.run(&["policy", "list"]);
    assert!(none.err.contains("no privacy policy"), "{none:?}");
    let publish = [
        "policy",
        "publish",
        "2026-11",
        "https://example.org/privacy",
    ];
    site.run(&publish).ok();
    let said = site.run(&publish).refusal();
    assert!(said.contains("published before"), "{said}");
    site.run(&["policy", "publish", "2", "example.org"])
        .refusal();
    let listed = site.run(&["policy", "list", "--format", "json"]).json();
    assert_eq!(listed[0]["version"], "2026-11");
}
