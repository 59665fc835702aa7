//! `user list`: pages, filters, formats, and very many users.

use serde_json::Value;

use crate::server::Site;

/// Adds users behind the program's back, all at once: `user1`, `user2` … Every tenth is inactive,
/// every hundredth is staff.
fn fill(site: &Site, count: i64) {
    site.run(&["db", "migrate"]).ok();
    site.database().change(&format!(
        "BEGIN;
         INSERT INTO users (id, username, username_key, email, email_key, first_name, last_name,
                            password_hash, is_active, is_staff, created_at)
         WITH RECURSIVE numbers (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM numbers WHERE id < {count})
         SELECT id, 'user' || id, 'user' || id, 'user' || id || '@example.org', 'user' || id || '@example.org',
                'First', 'Last', NULL, id % 10 <> 0, id % 100 = 0, 1700000000 FROM numbers;
         INSERT INTO profiles (user_id, organisation_type, organisation_name, country, additional_fields)
         SELECT id, 'NGO', 'Rivers', 'ZA', '{{}}' FROM users;
         COMMIT"
    ));
}

/// Lists as JSON; the numbers that were listed, and what was said beside them.
fn list(site: &Site, arguments: &[&str]) -> (Vec<i64>, String) {
    let command = [&["user", "list", "--format", "json"], arguments].concat();
    let outcome = site.run(&command);
    let said = outcome.err.clone();
    let rows = outcome.json();
    let rows = rows.as_array().expect("an array").iter();
    let ids = rows
        .map(|it| it["id"].as_i64().expect("a number"))
        .collect();
    (ids, said)
}

#[test]
fn a_page_says_how_to_get_the_next_one() {
    let site = Site::new();
    fill(&site, 120);
    let (first, said) = list(&site, &[]);
    assert_eq!(first, (1..=50).collect::<Vec<_>>());
    assert!(said.contains("--after 50"), "{said}");
    let (second, said) = list(&site, &["--after", "50"]);
    assert_eq!(second, (51..=100).collect::<Vec<_>>());
    assert!(said.contains("--after 100"), "{said}");
    let (last, said) = list(&site, &["--after", "100"]);
    assert_eq!((last.len(), said.as_str()), (20, ""));
    assert_eq!(list(&site, &["--limit", "3"]).0, [1, 2, 3]);
    assert_eq!(list(&site, &["--limit", "0"]).0.len(), 120);
}

#[test]
fn filters_go_together() {
    let site = Site::new();
    fill(&site, 200);
    assert_eq!(list(&site, &["--inactive", "--limit", "3"]).0, [10, 20, 30]);
    assert_eq!(list(&site, &["--staff"]).0, [100, 200]);
    assert_eq!(list(&site, &["--search", "USER11"]).0.len(), 11);
    assert_eq!(list(&site, &["--search", "17@example"]).0, [17, 117]);
    assert_eq!(
        list(&site, &["--search", "user1", "--inactive", "--staff"]).0,
        [100]
    );
    // Signs that other engines would take for wildcards.
    assert!(list(&site, &["--search", "%"]).0.is_empty());
    assert!(list(&site, &["--search", "user_"]).0.is_empty());
}

#[test]
fn nobody_is_an_answer_and_is_said_beside_the_result() {
    let site = Site::with_database();
    for (format, empty) in [("table", ""), ("json", "[]\n"), ("csv", "")] {
        let outcome = site.run(&["user", "list", "--staff", "--format", format]);
        assert_eq!(outcome.err, "no users match\n");
        assert_eq!(outcome.ok(), empty);
    }
}

#[test]
fn whoever_has_nothing_yet_is_told_what_makes_some() {
    let site = Site::with_database();
    for (list, makes) in [
        ("user list", "`user create`"),
        ("mail list", "`mail test ADDRESS`"),
        ("session list", "`token issue`"),
        ("policy list", "`policy publish`"),
    ] {
        let said = site.run(&crate::server::words(list)).err;
        assert!(said.contains(makes), "{list}: {said}");
    }
}

#[test]
fn the_three_formats_tell_the_same() {
    let site = Site::new();
    fill(&site, 3);
    let columns =
        "id,username,email,first_name,last_name,is_active,is_staff,created_at,last_login_at";
    let csv = site.run(&["user", "list", "--format", "csv"]).ok();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some(columns));
    let first = "1,user1,user1@example.org,First,Last,true,false,2023-11-14T22:13:20Z,";
    assert_eq!(lines.next(), Some(first));
    let json = site.run(&["user", "list", "--format", "json"]).json();
    let keys: Vec<&str> = json[0]
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys.join(","), columns);
    assert_eq!(
        (&json[0]["is_active"], &json[0]["last_login_at"]),
        (&Value::Bool(true), &Value::Null)
    );
    let table = site.run(&["user", "list"]).ok();
    let widths: std::collections::HashSet<usize> =
        table.lines().map(|it| it.chars().count()).collect();
    assert_eq!(widths.len(), 1, "{table}");
    assert!(
        table.contains("LAST LOGIN") && table.contains("│ user3 "),
        "{table}"
    );
}

#[test]
fn twenty_thousand_users_are_listed_whole_in_little_memory() {
    let site = Site::new();
    fill(&site, 20_000);
    for format in ["json", "csv", "table"] {
        // More than a pipe holds, so that the program still runs when its memory is read.
        let few = peak_of(&site, format, "2000");
        let all = peak_of(&site, format, "0");
        assert_eq!(all.0, 20_000, "{format}");
        // Reading them all at once would take more than 10 MB more.
        assert!(
            all.1 < few.1 + 6_000,
            "{format}: {} kB, {} kB",
            few.1,
            all.1
        );
    }
}

/// How many users were listed, and the most memory that took, in kB.
fn peak_of(site: &Site, format: &str, limit: &str) -> (usize, u64) {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let mut command = site.command(&["user", "list", "--format", format, "--limit", limit]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program");
    let status = format!("/proc/{}/status", child.id());
    let out = BufReader::new(child.stdout.take().expect("standard output"));
    let (mut users, mut peak) = (0, 0);
    for (number, line) in out.lines().enumerate() {
        users += usize::from(line.expect("a line").contains("@example.org"));
        if number % 100 == 0 {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let high = text.lines().find_map(|it| it.strip_prefix("VmHWM:"));
            let high = high.and_then(|it| it.trim().trim_end_matches(" kB").parse().ok());
            peak = high.unwrap_or(0).max(peak);
        }
    }
    assert!(child.wait().expect("its end").success());
    (users, peak)
}

#[test]
fn a_list_that_ends_at_its_limit_says_how_to_go_on() {
    let site = Site::new();
    for name in ["ada", "bo"] {
        site.add_user(name, &[]);
        site.run(&["reset", "send", name]).ok();
    }
    let said = |list: &[&str]| site.run(list).err;
    for (list, more) in [
        (
            ["user", "list"],
            "1 user listed; for the next ones add --after 1\n",
        ),
        (
            ["mail", "list"],
            "only the last 1 mail is listed; --limit 0 lists them all; what waits is listed by --state queued\n",
        ),
        (
            ["audit", "list"],
            "only the last 1 row is listed; --limit 0 lists them all\n",
        ),
    ] {
        assert_eq!(said(&[&list[..], &["--limit", "1"]].concat()), more);
        assert_eq!(said(&list), "");
        // All there are.
        let rows = site.run(&[&list[..], &["--format", "csv"]].concat()).ok();
        let all = (rows.lines().count() - 1).to_string();
        assert_eq!(said(&[&list[..], &["--limit", &all]].concat()), "");
    }
}

#[test]
fn the_mails_that_are_listed_are_the_last_ones() {
    let site = Site::new();
    for name in ["ada", "bo", "cy"] {
        site.add_user(name, &[]);
        site.run(&["reset", "send", name]).ok();
    }
    let list = |more: &[&str]| {
        let outcome = site.run(&[&["mail", "list", "--format", "json"], more].concat());
        let rows = outcome.json();
        let rows = rows.as_array().expect("an array").iter();
        rows.filter_map(|it| it["id"].as_i64()).collect::<Vec<_>>()
    };
    let all = list(&[]);
    assert_eq!(all.len(), 3);
    assert_eq!(list(&["--limit", "2"]), all[1..]);
    assert_eq!(list(&["--limit", "2", "--state", "queued"]), all[1..]);
    // From the start it goes page by page.
    assert_eq!(list(&["--limit", "2", "--after", "0"]), all[..2]);
    let after = all[1].to_string();
    assert_eq!(list(&["--limit", "2", "--after", &after]), all[2..]);
}
