//! `audit …`: the trail is complete, and what is done to it shows.

use crate::server::Site;

/// A trail of a few rows.
fn site() -> Site {
    let site = Site::new();
    for name in ["ada", "bo"] {
        site.add_user(name, &[]);
        site.run(&["token", "issue", name]).ok();
    }
    site
}

fn list(site: &Site, more: &[&str]) -> Vec<serde_json::Value> {
    let list = [&["audit", "list", "--format", "json"], more].concat();
    site.run(&list).json().as_array().expect("a list").clone()
}

#[test]
fn the_trail_is_listed_by_user_action_and_number() {
    let site = site();
    let all = list(&site, &["--limit", "0"]);
    let actions: Vec<_> = all
        .iter()
        .map(|it| it["action"].as_str().expect("an action"))
        .collect();
    let expected = ["user.create", "session.open", "user.create", "session.open"];
    assert_eq!(actions, expected);
    assert!(
        all[0]["actor"]
            .as_str()
            .is_some_and(|it| it.starts_with("cli:uid="))
    );
    let ids = |rows: Vec<serde_json::Value>| -> Vec<i64> {
        rows.iter().filter_map(|it| it["id"].as_i64()).collect()
    };
    assert_eq!(ids(list(&site, &["--limit", "2"])), [3, 4]);
    assert_eq!(ids(list(&site, &["--after", "1", "--limit", "2"])), [2, 3]);
    assert_eq!(ids(list(&site, &["--user", "bo"])), [3, 4]);
    assert_eq!(ids(list(&site, &["--action", "session.open"])), [2, 4]);
    let none = site.run(&["audit", "list", "--action", "nothing"]);
    assert!(none.err.contains("no rows match"));
}

#[test]
fn a_row_that_was_changed_removed_or_slipped_in_is_found() {
    let tampering = [
        ("UPDATE audit SET detail = 'mobile' WHERE id = 2", "row 2"),
        ("UPDATE audit SET user_id = NULL WHERE id = 3", "row 3"),
        ("UPDATE audit SET digest = NULL WHERE id = 4", "row 4"),
        ("DELETE FROM audit WHERE id = 1", "row 1"),
        ("DELETE FROM audit WHERE id = 4", "row 4"),
        (
            "INSERT INTO audit (id, at, actor, action) VALUES (99, 1, 'http', 'user.create')",
            "row 5",
        ),
    ];
    for (sql, found) in tampering {
        let site = site();
        let intact = site.run(&["audit", "verify", "--format", "json"]).json();
        assert_eq!(intact["rows"], 4);
        site.database().change(sql);
        let said = site.run(&["audit", "verify"]).refusal();
        assert!(said.contains(found), "{sql}: {said}");
        // What is written later does not cover it up.
        site.run(&["token", "issue", "ada"]).ok();
        let said = site.run(&["audit", "verify"]).refusal();
        assert!(said.contains(found), "{sql}: {said}");
    }
}

#[test]
fn a_trail_from_before_the_chain_is_chained_when_it_is_first_opened() {
    let site = site();
    site.database().change("UPDATE audit SET digest = NULL");
    site.run(&["token", "issue", "ada"]).ok();
    let intact = site.run(&["audit", "verify", "--format", "json"]).json();
    assert_eq!(intact["rows"], 5);
}

#[test]
fn a_changed_user_is_noted_by_the_names_of_what_changed() {
    let site = Site::new();
    site.add_user("ada", &["--country", "ZA"]);
    let detail = |change: &[&str]| {
        site.run(&[&["user", "update", "ada"], change].concat())
            .ok();
        let rows = site.run(&["audit", "list", "--format", "json"]).json();
        let row = rows.as_array().and_then(|it| it.last()).expect("a row");
        assert_eq!(row["action"], "user.update");
        row["detail"].clone()
    };
    assert_eq!(detail(&["--staff", "true"]), "staff=true");
    assert_eq!(
        detail(&["--staff", "false", "--country", "KE"]),
        "staff=false, country"
    );
    assert_eq!(
        detail(&["--first-name", "Ada", "--expert", "true"]),
        "first_name, is_expert"
    );
    assert_eq!(detail(&["--email", "new@example.org"]), "email");
    assert_eq!(
        detail(&["--country", "KE"]),
        serde_json::Value::Null,
        "it is so already"
    );
    assert_eq!(detail(&["--username", "ada"]), serde_json::Value::Null);
}

#[test]
fn a_migration_is_noted() {
    let site = Site::with_database();
    let rows = || site.run(&["audit", "list", "--format", "json"]).json();
    assert_eq!(rows()[0]["action"], "db.migrate");
    assert!(
        rows()[0]["detail"]
            .as_str()
            .is_some_and(|it| it.starts_with("schema 0 to "))
    );
    site.run(&["db", "migrate"]).ok();
    assert_eq!(
        rows().as_array().map(Vec::len),
        Some(1),
        "there was nothing to do"
    );
}
