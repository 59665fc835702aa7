//! Users whose hashes are not read: they are named, and come in by a reset.

use serde_json::{Value, json};

use crate::move_dump::{HASH, dump, import, person, summary};
use crate::server::{Site, side_by_side};

/// Of the password of the tests, as Django's unsalted and weak hashers write it.
const KINDS: [(&str, &str); 9] = [
    ("md5$salt$126fd96cceb5327bcd77c966f21e40d5", "md5"),
    ("sha1$salt$a6a7ed8f1e9cc65bbb3ab4a006392803ab25accc", "sha1"),
    ("9920e3dbbd6687dc95e1a44615798090", "unsalted_md5"),
    ("md5$$9920e3dbbd6687dc95e1a44615798090", "unsalted_md5"),
    (
        "sha1$$556e3902aa941fe1d1e4911bdc5d9d7173b72c4a",
        "unsalted_sha1",
    ),
    ("crypt$$abJnggxhB/yWI", "crypt"),
    ("$P$BabcdefghijklmnopqrstuvwxyzABCD", "unknown"),
    ("!kqWJ0nRKxYlWpRXrAnnZ9pEWGYwi0xVQ2l7mVNvN", "no password"),
    ("", "no password"),
];

fn people() -> Vec<(String, String, &'static str)> {
    let person = |(number, (hash, _)): (usize, &(&'static str, &str))| {
        (
            format!("user{number}"),
            format!("user{number}@example.org"),
            *hash,
        )
    };
    KINDS.iter().enumerate().map(person).collect()
}

#[test]
fn they_are_named_with_the_kind_of_their_hash_and_nothing_of_it() {
    let people = people();
    let mut users: Vec<_> = people.iter().map(|it| (&*it.0, &*it.1, it.2)).collect();
    users.push(("good", "good@example.org", HASH));
    let said = import(&Site::new(), dump(&users), &[]);
    for (number, (hash, kind)) in KINDS.iter().enumerate() {
        let place = format!("auth.user {}: ", 101 + number);
        let line = said.err.lines().find(|it| it.starts_with(&place));
        let line = line.unwrap_or_else(|| panic!("{place}: {}", said.err));
        assert!(line.contains(kind), "{kind}: {line}");
        assert!(
            line.contains(&format!("user{number}@example.org")),
            "{line}"
        );
        assert!(
            hash.len() < 20 || !said.err.contains(&hash[hash.len() - 12..]),
            "{line}"
        );
    }
    assert!(!said.err.contains("good@"), "{}", said.err);
    let summary = said.json();
    assert_eq!(
        (&summary["added"], &summary["without_password"]),
        (&json!(10), &json!(9))
    );
    assert_eq!(summary["resets"], 0);
}

#[test]
fn a_reset_mail_goes_to_each_of_them_who_may_log_in() {
    let site = Site::new();
    let mut rows: Vec<Value> = (1..)
        .zip(people())
        .map(|(pk, (name, email, hash))| person(pk, &name, &email, hash))
        .collect();
    rows.push(person(50, "good", "good@example.org", HASH));
    rows.push(person(51, "blank", "", KINDS[0].0));
    rows.push(person(52, "twin", "User0@example.org", KINDS[0].0));
    let mut inactive = person(53, "out", "out@example.org", KINDS[0].0);
    inactive["fields"]["is_active"] = json!(false);
    rows.push(inactive);
    let text = Value::from(rows).to_string();
    let how = [
        "--send-reset",
        "--on-blank-email",
        "placeholder",
        "--on-duplicate",
        "suffix",
    ];
    let said = import(&site, &text, &how);
    let mails = || {
        site.run(&["mail", "list", "--limit", "0", "--format", "json"])
            .json()
    };
    let to = |mails: &Value| -> Vec<String> {
        let mut to: Vec<_> = mails
            .as_array()
            .expect("mails")
            .iter()
            .map(|it| it["recipient"].as_str().expect("an address").to_owned())
            .collect();
        to.sort();
        to
    };
    assert_eq!(said.json()["resets"], 9);
    let expected: Vec<_> = (0..9).map(|it| format!("user{it}@example.org")).collect();
    assert_eq!(to(&mails()), expected, "nobody else, and nobody twice");

    let set = ["user", "set-password", "user0", "--password-stdin"];
    site.run_with(&set, crate::server::PASSWORD).ok();
    let again = || {
        let summary = import(&site, &text, &how).json();
        (summary["present"].clone(), summary["resets"].clone())
    };
    assert_eq!(
        again(),
        (json!(13), json!(0)),
        "they have a link that works"
    );
    site.database()
        .change("UPDATE links SET expires_at = created_at");
    assert_eq!(again(), (json!(13), json!(8)));
}

#[test]
fn a_dry_run_and_a_refused_import_send_nothing() {
    let site = Site::with_database();
    let users = [("ada", "ada@example.org", "!"), ("bo", "", "!")];
    let said = import(&site, dump(&users), &["--send-reset"]);
    assert_eq!(summary(&said)["resets"], 0, "{}", said.err);
    let dry = ["--send-reset", "--dry-run", "--on-blank-email", "skip"];
    assert_eq!(import(&site, dump(&users), &dry).json()["resets"], 1);
    let mails = site.run(&["mail", "list", "--format", "json"]).json();
    assert_eq!(mails, json!([]));
}

#[test]
fn a_reset_mail_goes_to_everybody_of_a_table_that_has_no_hashes() {
    let lines = [
        (
            "csv",
            "username,email,password_hash\nada,ada@example.org,\nbo,bo@example.org,\n",
        ),
        (
            "jsonl",
            "{\"username\":\"ada\",\"email\":\"ada@example.org\"}\n{\"username\":\"bo\",\"email\":\"bo@example.org\"}\n",
        ),
    ];
    for (kind, text) in lines {
        let site = Site::with_database();
        let command = [
            "user",
            "import",
            "-",
            "--from",
            kind,
            "--send-reset",
            "--format",
            "json",
        ];
        let outcome = site.run_with(&command, text);
        assert_eq!(outcome.err, "", "it is so of everybody");
        let summary = outcome.json();
        assert_eq!(
            (&summary["without_password"], &summary["resets"]),
            (&json!(2), &json!(2)),
            "{kind}"
        );
        let count = || {
            let mails = site.run(&["mail", "list", "--format", "json"]).json();
            mails.as_array().expect("an array").len()
        };
        assert_eq!(count(), 2, "{kind}");
        // Whoever has such a mail gets no second one, which would end the link in the first.
        for more in [&[][..], &["--dry-run"]] {
            let again = site.run_with(&[&command[..], more].concat(), text);
            assert_eq!(again.json()["resets"], 0, "{kind} {more:?}");
        }
        assert_eq!(count(), 2, "{kind}");
    }
}

#[test]
fn imports_beside_each_other_mail_nobody_twice() {
    let site = Site::with_database();
    let rows = (0..60).map(|it| format!("user{it},user{it}@example.org\n"));
    let text = format!("username,email\n{}", rows.collect::<String>());
    side_by_side(0..3, |_| {
        let import = ["user", "import", "-", "--from", "csv", "--send-reset"];
        site.run_with(&import, &text).ok();
    });
    let list = ["mail", "list", "--limit", "0", "--format", "json"];
    let mails = site.run(&list).json();
    assert_eq!(mails.as_array().map(Vec::len), Some(60));
}

#[test]
fn a_dry_run_counts_the_resets_that_would_be_sent() {
    let site = Site::with_database();
    let text = "username,email,is_active\nada,ada@example.org,true\nbo,bo@example.org,false\n";
    let command = [
        "user",
        "import",
        "-",
        "--from",
        "csv",
        "--send-reset",
        "--format",
        "json",
    ];
    for more in [&["--dry-run"][..], &[]] {
        let summary = site.run_with(&[&command[..], more].concat(), text).json();
        assert_eq!(
            (&summary["added"], &summary["resets"]),
            (&json!(2), &json!(1)),
            "{more:?}"
        );
    }
}
