//! `user export` and `user import`: what goes out comes in again, and nothing that is wrong comes in.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::server::Site;

const IMPORT: [&str; 5] = ["--format", "json", "user", "import", "-"];

fn import(site: &Site, file: &str, more: &[&str]) -> (Value, Option<i32>, String) {
    let outcome = site.run_with(&[&IMPORT[..], more].concat(), file);
    let summary = serde_json::from_str(&outcome.out).unwrap_or_default();
    (summary, outcome.code, outcome.err)
}

fn counts(summary: &Value) -> [i64; 4] {
    ["added", "present", "failed", "held_back"].map(|it| summary[it].as_i64().expect("a count"))
}

fn user(name: &str) -> String {
    json!({"username": name, "email": format!("{name}@example.org")}).to_string()
}

fn names(site: &Site) -> Vec<String> {
    let list = ["user", "list", "--limit", "0", "--format", "json"];
    let all = site.run(&list).json();
    let users = all.as_array().expect("a list").iter();
    users
        .map(|it| it["username"].as_str().expect("a name").to_owned())
        .collect()
}

/// Users with everything that can be different about them.
fn populated() -> Site {
    let site = Site::with_database();
    site.run(&["policy", "publish", "1", "https://example.org/1"])
        .ok();
    site.run(&["policy", "publish", "2", "https://example.org/2"])
        .ok();
    site.add_user(
        "ada",
        &["--staff", "--first-name", "=1+1", "--country", "ZA"],
    );
    site.add_user("bo", &["--inactive", "--last-name", "'=1 \"and\", so\non"]);
    site.database().skip_users(4710);
    site.add_user(
        "cy",
        &["--organisation-name", "''-", "--organisation-type", "NGO"],
    );
    let database = site.database();
    database.change(
        "UPDATE users SET last_login_at = 1700000000, email_confirmed_at = 1600000000
         WHERE username = 'cy';
         UPDATE profiles SET is_expert = TRUE, upload_preference = 'both',
             additional_fields = '{\"z\":[1,null],\"a\":\"=b\"}' WHERE user_id = 1;
         INSERT INTO consents (user_id, policy_id, is_given, given_at, address)
         VALUES (1, 1, TRUE, 1500000000, '::1'), (1, 2, FALSE, 1500000001, NULL);
         INSERT INTO password_history (user_id, password_hash, created_at)
         SELECT 1, password_hash, 1400000000 + id FROM users WHERE id < 3 ORDER BY id;",
    );
    site
}

fn export(site: &Site, kind: &str) -> String {
    site.run(&["user", "export", "--with-hashes", "--as", kind])
        .ok()
}

#[test]
fn what_goes_out_comes_in_byte_by_byte_and_logs_in() {
    let from = populated();
    let lines = export(&from, "jsonl");
    assert_eq!(lines.lines().count(), 2 + 3);
    let to = Site::new();
    let (summary, code, err) = import(&to, &lines, &[]);
    assert_eq!((counts(&summary), code), ([3, 0, 0, 0], Some(0)), "{err}");
    assert_eq!(export(&to, "jsonl"), lines);
    let server = to.start(&[]);
    assert_eq!(server.login("ada@example.org").status, 200);
    assert_eq!(server.login("bo@example.org").status, 401, "still inactive");

    let (summary, code, _) = import(&to, &lines, &[]);
    assert_eq!((counts(&summary), code), ([0, 3, 0, 0], Some(0)), "again");
}

#[test]
fn csv_goes_round_too_once_the_policies_are_there() {
    let from = populated();
    let cells = export(&from, "csv");
    assert!(cells.contains(",'=1+1,"), "safe in a spreadsheet: {cells}");
    let to = Site::with_database();
    let (summary, code, err) = import(&to, &cells, &["--from", "csv"]);
    assert_eq!((counts(&summary), code), ([0, 0, 1, 2], Some(1)));
    assert!(
        err.contains("line 2: consents: version \"1\" is not published"),
        "{err}"
    );
    for version in ["1", "2"] {
        to.run(&["policy", "publish", version, "https://example.org/"])
            .ok();
    }
    let (summary, code, err) = import(&to, &cells, &["--from", "csv"]);
    assert_eq!((counts(&summary), code), ([3, 0, 0, 0], Some(0)), "{err}");
    assert_eq!(export(&to, "csv"), cells);
}

#[test]
fn a_policy_moves_along_though_its_address_would_not_be_taken_today() {
    let site = Site::new();
    let url = r"https://example.org/a\b";
    site.run(&["policy", "publish", "1", url]).refusal();
    let policy = json!({"version": "1", "url": url, "published_at": "2020-01-01T00:00:00Z"});
    let file = format!("{}\n{}\n", json!({"policy": policy}), user("ada"));
    let (_, code, err) = import(&site, &file, &[]);
    assert_eq!(code, Some(0), "{err}");
    let policies = site.run(&["policy", "list", "--format", "json"]).json();
    assert_eq!(policies[0]["url"], url);
}

#[test]
fn hashes_stay_here_unless_they_are_asked_for_and_a_file_is_private() {
    let site = populated();
    let whole = export(&site, "jsonl");
    assert_eq!(whole.matches("$scrypt$").count(), 3 + 2);
    for kind in ["jsonl", "csv"] {
        let out = site.run(&["user", "export", "--as", kind]).ok();
        assert!(
            !out.contains("scrypt") && !out.contains("password"),
            "{out}"
        );
        let name = format!("users.{kind}");
        let file = site.path(&name);
        std::fs::write(&file, "older").expect("an older file");
        let file_name = file.display().to_string();
        let export = ["user", "export", &file_name, "--as", kind, "--with-hashes"];
        let said = site.run(&export).refusal();
        assert!(said.contains("--force"), "{said}");
        assert_eq!(std::fs::read(&file).expect("the file"), b"older");
        site.run(&[&export[..], &["--force"]].concat()).ok();
        let written = std::fs::read_to_string(&file).expect("the file");
        assert_eq!(written, self::export(&site, kind));
        let mode = file.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!site.path(&format!("{name}.part")).exists());
    }
}

#[test]
fn a_file_whose_name_says_that_it_is_a_table_is_one() {
    let from = populated();
    for (name, kind) in [("users.CSV", "csv"), ("users.json", "jsonl")] {
        let file = from.path(name).display().to_string();
        from.run(&["user", "export", "--with-hashes", &file]).ok();
        let written = std::fs::read_to_string(&file).expect("the file");
        assert_eq!(written, export(&from, kind), "{name}");
    }
    for (name, kind) in [("packed.csv.gz", "csv"), ("packed.GZ", "jsonl")] {
        let file = from.path(name).display().to_string();
        let said = from.run(&["user", "export", "--with-hashes", &file]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        let packed = std::fs::File::open(&file).expect("the file");
        let mut written = String::new();
        let mut unpacked = GzDecoder::new(packed);
        unpacked.read_to_string(&mut written).expect("a whole file");
        assert_eq!(written, export(&from, kind), "{name}");
        from.run(&["user", "import", &file]).ok();
    }
    let to = Site::new();
    let file = to.path("newcomers.csv");
    std::fs::write(&file, "username,email\nada,ada@example.org\n").expect("a file");
    let file = file.display().to_string();
    to.run(&["user", "import", &file]).ok();
    // Its content is not guessed at.
    let said = to.run(&["user", "import", &file, "--from", "jsonl"]);
    assert!(said.refusal().contains("line 1 is no JSON"));
}

#[test]
fn an_export_does_not_pass_over_columns_that_were_asked_for() {
    let site = Site::with_database();
    for flags in [&["--columns", "email"][..], &["--wide"]] {
        let said = site.run(&[&["user", "export", "users.csv"], flags].concat());
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(
            said.err.contains("--columns and --wide are for tables"),
            "{}",
            said.err
        );
    }
}

#[test]
fn a_dry_run_finds_all_that_is_wrong_and_changes_nothing() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let many = (0..1500).map(|it| user(&format!("user{it}")));
    let mut lines: Vec<String> = many.collect();
    lines.push(user("USER7"));
    lines.push(user("user8"));
    let (summary, code, err) = import(
        &site,
        &lines.join("\n"),
        &["--dry-run", "--on-error", "skip"],
    );
    assert_eq!(
        (counts(&summary), code),
        ([1500, 2, 0, 0], Some(0)),
        "{err}"
    );
    lines.push(json!({"username": "user9", "email": "other@example.org"}).to_string());
    let (summary, code, err) = import(&site, &lines.join("\n"), &["--dry-run"]);
    assert_eq!((counts(&summary), code), ([1000, 2, 1, 500], Some(1)));
    assert!(
        err.contains("line 1503: its number, user name or address stands earlier"),
        "{err}"
    );
    assert_eq!(names(&site), ["ada"]);
    let rows = |sql: &str| site.database().get::<i64>(sql);
    assert_eq!(
        rows("SELECT count(*) FROM audit WHERE action = 'user.import'"),
        0
    );
    assert_eq!(site.database().last_user(), 1);
}

#[test]
fn a_bad_line_is_named_and_holds_its_batch_back_until_it_is_skipped() {
    let site = Site::with_database();
    let bad = [
        ("{\"username\": \"a\"", "its JSON breaks off"),
        (
            r#"{"username": "b", "email": ""}"#,
            "email: This field may not be blank.",
        ),
        (
            r#"{"username": "c", "email": "c@example.org", "pasword_hash": ""}"#,
            "unknown field",
        ),
        (
            r#"{"username": "d", "email": "d@example.org", "password": "x"}"#,
            "plain passwords are not imported",
        ),
        (
            r#"{"username": "e", "email": "e@example.org", "password_hash": "md5$a$b"}"#,
            "this kind (md5) is unknown or costs too much",
        ),
        (
            r#"{"id": 9007199254740992, "username": "f", "email": "f@example.org"}"#,
            "id: 9007199254740992 is not between",
        ),
        (
            r#"{"username": "g", "email": "g@example.org", "created_at": "yesterday"}"#,
            "is no time",
        ),
        (
            r#"{"username": "h", "email": "h@example.org", "upload_preference": "fax"}"#,
            "not a valid choice",
        ),
    ];
    let mut lines: Vec<String> = bad.iter().map(|it| it.0.to_owned()).collect();
    lines.push(user("good"));
    let (summary, code, err) = import(&site, &lines.join("\n"), &[]);
    assert_eq!((counts(&summary), code), ([0, 0, 8, 1], Some(1)));
    for (number, (_, why)) in bad.iter().enumerate() {
        let place = format!("line {}: ", number + 1);
        let said = err.lines().find(|it| it.starts_with(&place));
        assert!(
            said.is_some_and(|it| it.contains(why)),
            "{place}{why}: {err}"
        );
    }
    assert!(
        err.lines()
            .last()
            .is_some_and(|it| it.starts_with("minisass-auth: 8 users in")),
        "{err}"
    );
    assert!(names(&site).is_empty());
    let (summary, code, _) = import(&site, &lines.join("\n"), &["--on-error", "skip"]);
    assert_eq!((counts(&summary), code), ([1, 0, 8, 0], Some(1)));
    assert_eq!(names(&site), ["good"]);
}

#[test]
fn a_clash_names_its_line_and_its_owner() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let clashes = [
        json!({"id": 1, "username": "bo", "email": "bo@example.org"}),
        json!({"username": "ADA", "email": "bo@example.org"}),
        json!({"username": "bo", "email": "Ada@Example.org"}),
        json!({"id": 2, "username": "ada", "email": "ada@example.org"}),
    ];
    let mut lines: Vec<String> = clashes.iter().map(Value::to_string).collect();
    lines.push(user("cy"));
    let (summary, code, err) = import(&site, &lines.join("\n"), &[]);
    assert_eq!((counts(&summary), code), ([0, 0, 4, 1], Some(1)));
    let whose = ["number", "user name", "address", "user name"];
    for (number, with) in whose.iter().enumerate() {
        let said = format!("line {}: its {with} belongs to user 1", number + 1);
        assert!(err.contains(&said), "{said}: {err}");
    }
    assert_eq!(names(&site), ["ada"]);
    let (summary, _, _) = import(&site, &lines.join("\n"), &["--on-error", "skip"]);
    assert_eq!(counts(&summary), [1, 0, 4, 0]);
    assert_eq!(names(&site), ["ada", "cy"]);
}

#[test]
fn people_log_in_while_thousands_move_in() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let lines: Vec<String> = (0..4000).map(|it| user(&format!("user{it}"))).collect();
    let (server, moving) = (&server, &AtomicBool::new(true));
    std::thread::scope(|scope| {
        let logins = scope.spawn(move || {
            let mut count = 0;
            while moving.load(Ordering::Relaxed) || count == 0 {
                assert_eq!(server.login("ada@example.org").status, 200);
                count += 1;
            }
            count
        });
        let (summary, code, err) = import(&site, &lines.join("\n"), &[]);
        moving.store(false, Ordering::Relaxed);
        assert_eq!(
            (counts(&summary), code),
            ([4000, 0, 0, 0], Some(0)),
            "{err}"
        );
        assert!(logins.join().expect("logins") > 1);
    });
    assert_eq!(
        server.login("user3999@example.org").status,
        401,
        "no password yet"
    );
    let audited = "SELECT count(*) FROM audit WHERE action = 'user.import'";
    assert_eq!(site.database().get::<i64>(audited), 4);
}
