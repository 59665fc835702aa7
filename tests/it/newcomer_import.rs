//! What somebody meets who imports the wrong file, or the right one once more.

use serde_json::json;

use crate::move_dump::{HASH, dump, import, summary};
use crate::server::Site;

const SECRET: &str = "7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty";

#[test]
fn no_kind_of_import_shows_what_stands_in_a_file_of_another_kind() {
    let site = Site::with_database();
    let file = site.path("secret-key");
    let file = file.to_str().expect("UTF-8");
    for text in [
        SECRET.to_owned(),
        format!("{SECRET}\n"),
        format!("\n{SECRET}\n{SECRET}"),
    ] {
        std::fs::write(file, &text).expect("a file");
        for kind in ["django", "jsonl", "csv"] {
            let said = site.run(&["user", "import", "--from", kind, file]);
            assert_eq!(said.code, Some(1), "{kind}: {text:?}");
            let (err, out) = (&said.err, &said.out);
            assert!(
                !err.contains("7w$") && !out.contains("7w$"),
                "{kind}: {err}{out}"
            );
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_has_no_table_of_zeros() {
    let site = Site::with_database();
    for kind in ["django", "jsonl", "csv"] {
        let said = site.run_with(&["user", "import", "--from", kind, "-"], SECRET);
        assert_eq!(said.out, "", "{kind}");
        said.refusal();
    }
}

#[test]
fn who_is_there_already_is_counted_as_present_and_not_spoken_of() {
    let site = Site::new();
    let users = dump(&[
        ("4711", "digits@example.org", HASH),
        ("eve@example.org", "mallory@example.org", HASH),
        ("blank", "", HASH),
        ("none", "none@example.org", "!"),
    ]);
    let again = ["--on-blank-email", "placeholder"];
    let first = import(&site, &users, &again);
    let counted = summary(&first);
    assert_eq!(counted["added"], 4, "{}", first.err);
    assert_eq!(
        (&counted["changed"], &counted["without_password"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        counted["problems"].as_array().map(Vec::len),
        Some(4),
        "{counted}"
    );
    let dry = [&again[..], &["--dry-run"]].concat();
    for more in [&again[..], &dry] {
        let second = import(&site, &users, more);
        let counted = summary(&second);
        assert_eq!(
            (&counted["added"], &counted["present"]),
            (&json!(0), &json!(4))
        );
        assert_eq!(
            (&counted["changed"], &counted["without_password"]),
            (&json!(0), &json!(0))
        );
        assert_eq!(counted["problems"], json!([]));
        let said = second
            .err
            .replace("this was a dry run; nothing was changed\n", "");
        assert_eq!(said, "", "{more:?}");
    }
}

/// A file, the flags with which it is read, and a word of why it is refused.
const REFUSED: [(&str, &[&str], &str); 8] = [
    ("root:x:0:0:root:/root:/bin/bash\n", &[], "no JSON"),
    ("[{\"model\": \"auth.user\"}]", &[], "--from django"),
    (
        "root:x:0:0:root:/root:/bin/bash\n",
        &["--from", "csv"],
        "names no column that is known",
    ),
    (
        "root:x:0:0:root:/root:/bin/bash\n",
        &["--from", "django"],
        "JSON",
    ),
    (
        "{\"username\": \"ada\", \"email\": \"none\"}",
        &[],
        "1 user",
    ),
    (
        "{\"username\": \"ada\", \"email\": \"none\"}",
        &["--on-error", "skip"],
        "1 user",
    ),
    (
        "username,email\nada,ada@example.org\nbo,\n",
        &["--from", "csv"],
        "1 user",
    ),
    (
        "[{\"model\": \"auth.user\", \"pk\": 1, \"fields\": {\"username\": \"ada\", \"email\": \"\", \"password\": \"!\"}}]",
        &["--from", "django"],
        "1 user",
    ),
];

#[test]
fn whoever_is_refused_row_by_row_finds_no_database_made() {
    for (text, flags, why) in REFUSED {
        for piped in [true, false] {
            let site = Site::new();
            let file = site.path("file");
            std::fs::write(&file, text).expect("a file");
            let file = if piped {
                "-"
            } else {
                file.to_str().expect("UTF-8")
            };
            let report = site.path("report");
            let report = ["--report", report.to_str().expect("UTF-8")];
            let import = [&["user", "import", file], flags, &report].concat();
            let said = site.run_with(&import, text);
            assert_eq!(said.code, Some(1), "{}", said.err);
            assert!(said.err.contains(why), "{}", said.err);
            assert!(!said.err.contains("dry run"), "{}", said.err);
            assert!(!site.data().exists(), "{text}: {}", said.err);
            let entries = std::fs::read_dir(site.path("")).expect("a folder");
            let names = entries.map(|it| it.expect("an entry").file_name());
            let drafts = names.filter(|it| it.to_string_lossy().contains("tmp"));
            assert_eq!(drafts.count(), 0, "{text}");
        }
    }
}

#[test]
fn whoever_is_refused_in_part_finds_those_who_came() {
    let good = "{\"username\": \"ada\", \"email\": \"ada@example.org\"}\n";
    let bad = "{\"username\": \"bo\", \"email\": \"none\"}\n";
    let site = Site::new();
    let skip = [
        "user",
        "import",
        "-",
        "--on-error",
        "skip",
        "--format",
        "json",
    ];
    let said = site.run_with(&skip, &format!("{bad}{good}{bad}"));
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("a new database was made"), "{}", said.err);
    let counted: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    let of = |name: &str| counted[name].clone();
    assert_eq!(
        (of("added"), of("failed"), of("dry_run")),
        (json!(1), json!(2), json!(false))
    );
    assert_eq!(
        said.err.matches("bo").count(),
        2,
        "said once of each: {}",
        said.err
    );
}

#[test]
fn an_import_into_a_new_place_brings_everybody_once() {
    let users: Vec<(String, String)> = (1..=30_000)
        .map(|it| (format!("user{it}"), format!("user{it}@example.org")))
        .collect();
    let site = Site::new();
    let lines = users
        .iter()
        .map(|(name, email)| format!("{{\"username\": \"{name}\", \"email\": \"{email}\"}}\n"));
    let said = site.run_with(
        &["user", "import", "-", "--format", "json"],
        &lines.collect::<String>(),
    );
    assert_eq!(summary(&said)["added"], users.len(), "{}", said.err);
    let here: i64 = site.database().get("SELECT count(*) FROM users");
    assert_eq!(here, 30_000);
}

/// A hash wherever there is a column for something else, alone and in a list.
fn misplaced(columns: &[&str]) -> Vec<String> {
    let list = format!("[{HASH:?}, {{\"password_hash\": 5, {HASH:?}: {HASH:?}}}]");
    let each = columns.iter().flat_map(|column| {
        [
            format!("{{\"username\": \"ada\", \"email\": \"no\", \"{column}\": {HASH:?}}}"),
            format!("{{\"username\": \"ada\", \"email\": \"no\", \"{column}\": {list}}}"),
            format!(
                "{{\"username\": \"ada\", \"email\": \"no\", \"{column}\": {{\"a\": {HASH:?}}}}}"
            ),
        ]
    });
    each.collect()
}

#[test]
fn no_hash_is_shown_of_a_file_that_does_not_fit() {
    let columns = [
        "id",
        "username",
        "email",
        "is_active",
        "is_staff",
        "awaits_confirmation",
        "created_at",
        "last_login_at",
        "email_confirmed_at",
        "is_expert",
        "upload_preference",
        "consents",
        "password_hash",
        "password_history",
        "password",
        "additional_fields",
        "country",
    ];
    let django = [
        "username",
        "email",
        "password",
        "is_active",
        "is_staff",
        "date_joined",
        "last_login",
    ];
    let tables = columns
        .iter()
        .map(|it| format!("username,email,{it},country\nada,no,{HASH:?},{HASH:?}\n"));
    let tables =
        tables.map(|it| it.replace("username,email,username", "first_name,email,username"));
    let tables = tables.map(|it| it.replace("username,email,email", "username,first_name,email"));
    let tables = tables.map(|it| it.replace("country,country", "country,last_name"));
    let dumps = misplaced(&django);
    let dumps = dumps
        .iter()
        .map(|it| format!("[{{\"model\": \"auth.user\", \"pk\": 1, \"fields\": {it}}}]"));
    let files = (misplaced(&columns).into_iter().map(|it| ("jsonl", it)))
        .chain(tables.map(|it| ("csv", it)))
        .chain(dumps.map(|it| ("django", it)));
    let site = Site::with_database();
    let secret = HASH.rsplit('$').next().expect("a hash");
    for (number, (kind, text)) in files.enumerate() {
        let report = site.path(&format!("report{number}"));
        let report = report.to_str().expect("UTF-8");
        let import = [
            "user", "import", "--from", kind, "--format", "json", "--report", report, "-",
        ];
        let said = site.run_with(&import, &text);
        assert_eq!(said.code, Some(1), "{text}");
        let report = std::fs::read_to_string(report).unwrap_or_default();
        for shown in [&said.err, &said.out, &report] {
            assert!(!shown.contains(secret), "{kind}: {text}: {shown}");
        }
    }
}
