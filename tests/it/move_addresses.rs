//! Users whose name or address is missing, wrong or taken: they come over by choice, and by name.

use serde_json::{Value, json};

use crate::move_dump::{HASH, dump, import, person, summary};
use crate::server::{PASSWORD, Site};

const USERS: [(&str, &str, &str); 8] = [
    ("ada", "ada@example.org", HASH),
    ("blank", "", HASH),
    ("twin", "ADA@example.org", HASH),
    ("Ada", "other@example.org", HASH),
    ("uli", "uli@bücher.example", HASH),
    ("jorg", "jörg@example.org", HASH),
    ("user2", "user2@example.org", HASH),
    ("user\u{b2}", "square@example.org", HASH),
];

fn count(site: &Site) -> usize {
    let list = ["user", "list", "--limit", "0", "--format", "json"];
    let said = site.run(&list);
    said.json().as_array().map_or(0, Vec::len)
}

fn report_of(site: &Site, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(site.path(name)).expect("a report");
    let lines = text.lines();
    lines
        .map(|it| serde_json::from_str(it).expect("JSON Lines"))
        .collect()
}

#[test]
fn without_a_choice_nothing_is_written_and_the_flags_are_named() {
    let site = Site::with_database();
    // Many are in order, in batches before the wrong ones too.
    let mut rows: Vec<Value> = (1000..3500)
        .map(|it| person(it, &format!("n{it}"), &format!("n{it}@example.org"), "!"))
        .collect();
    rows.extend(serde_json::from_str::<Vec<Value>>(&dump(&USERS)).expect("rows"));
    let said = import(&site, Value::from(rows).to_string(), &[]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    for part in [
        "--on-blank-email skip or placeholder",
        "--on-duplicate skip or suffix",
        "auth.user 102: email: This field may not be blank. (user blank)",
        "auth.user 103: its address belongs to user 101 (user twin, ADA@example.org)",
        "auth.user 104: its user name belongs to user 101 (user Ada, other@example.org)",
        "auth.user 106: email: Enter a valid email address. (user jorg, jörg@example.org)",
        "user 107 (user user\u{b2}, square@example.org)",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    let summary = summary(&said);
    assert_eq!(
        (&summary["added"], &summary["failed"]),
        (&json!(0), &json!(5))
    );
    assert_eq!(summary["held_back"], 2503);
    let problems = summary["problems"].as_array().expect("problems");
    let named = problems.iter().find(|it| it["username"] == "twin");
    let named = named.expect("the twin");
    assert_eq!(named["place"], "auth.user 103");
    assert_eq!(named["reason"], "its address belongs to user 101");
    assert_eq!(count(&site), 0);
}

#[test]
fn who_cannot_come_over_is_left_out_by_choice_and_reported() {
    let site = Site::with_database();
    let report = site.path("report.jsonl").display().to_string();
    let skip = ["--on-blank-email", "skip", "--on-duplicate", "skip"];
    let skip = [&skip[..], &["--report", &report]].concat();
    let said = import(&site, dump(&USERS), &[&skip[..], &["--dry-run"]].concat());
    let expected = said.json();
    assert_eq!(
        (&expected["added"], &expected["skipped"]),
        (&json!(3), &json!(5))
    );
    assert_eq!(count(&site), 0);
    let refused = import(&site, dump(&USERS), &skip).refusal();
    assert!(refused.contains("report.jsonl exists already"), "{refused}");
    std::fs::remove_file(&report).expect("the first report");
    let said = import(&site, dump(&USERS), &skip);
    assert!(
        said.err.contains("(user twin, ADA@example.org)"),
        "{}",
        said.err
    );
    let summary = said.json();
    assert_eq!(
        (&summary["added"], &summary["skipped"]),
        (&json!(3), &json!(5))
    );
    let lines = report_of(&site, "report.jsonl");
    let who: Vec<_> = lines.iter().map(|it| &it["username"]).collect();
    assert_eq!(who, ["blank", "jorg", "twin", "Ada", "user\u{b2}"]);
    assert!(lines.iter().all(|it| it["outcome"] == "skipped"));
    assert_eq!(lines[2]["email"], "ADA@example.org");
    assert_eq!(count(&site), 3);
}

/// Choices for some do not let the others come over while somebody cannot.
#[test]
fn a_dump_comes_over_whole_or_not_at_all_whatever_was_chosen_for_some() {
    let site = Site::with_database();
    let bad = json!({"username": "bad", "email": "bad@example.org", "first_name": "x".repeat(400)});
    let mut rows: Vec<serde_json::Value> = serde_json::from_str(&dump(&USERS)).expect("rows");
    rows.push(json!({"model": "auth.user", "pk": 999, "fields": bad}));
    let text = serde_json::to_string(&rows).expect("a dump");
    let chosen = [
        "--on-blank-email",
        "placeholder",
        "--on-duplicate",
        "suffix",
    ];
    for more in [&["--dry-run"][..], &[]] {
        let said = import(&site, text.clone(), &[&chosen[..], more].concat());
        assert_eq!(said.code, Some(1), "{}", said.err);
        assert!(said.err.contains("1 user in "), "{}", said.err);
        let summary: serde_json::Value = serde_json::from_str(&said.out).expect("a summary");
        let counts = ["added", "failed", "held_back"].map(|it| summary[it].clone());
        assert_eq!(counts, [0, 1, 8].map(|it| json!(it)), "{more:?}");
        assert_eq!(summary["dry_run"], json!(!more.is_empty()));
    }
    assert_eq!(count(&site), 0);
    let help = site.run(&["user", "import", "--help"]).ok();
    assert!(
        help.contains("hold-back: Nobody of a dump is added"),
        "{help}"
    );
}

#[test]
fn who_cannot_come_over_as_they_are_come_over_otherwise_and_log_in_by_name() {
    let site = Site::new();
    let keep = [
        "--on-blank-email",
        "placeholder",
        "--on-duplicate",
        "suffix",
    ];
    let dry = import(&site, dump(&USERS), &[&keep[..], &["--dry-run"]].concat()).json();
    let report = site.path("report.jsonl").display().to_string();
    let with_report = [&keep[..], &["--report", &report]].concat();
    let summary = import(&site, dump(&USERS), &with_report).json();
    for (name, count) in [("added", 8), ("changed", 5), ("failed", 0), ("present", 0)] {
        assert_eq!((&summary[name], &dry[name]), (&json!(count), &json!(count)));
    }
    let lines = report_of(&site, "report.jsonl");
    assert_eq!(lines.len(), 5);
    let why = |name: &str| {
        let line = lines.iter().find(|it| it["username"] == name);
        line.expect(name)["reason"].as_str().map(str::to_owned)
    };
    let blank = "it has no address; user-102@no-address.invalid stands for one";
    assert_eq!(why("blank").as_deref(), Some(blank));
    let jorg = "mail cannot reach its address; user-106@no-address.invalid stands for one";
    assert_eq!(why("jorg").as_deref(), Some(jorg));
    let server = site.start(&[]);
    for (name, id, email) in [
        ("ada", 101, "ada@example.org"),
        ("blank", 102, "user-102@no-address.invalid"),
        ("twin", 103, "ADA@example.org.103.invalid"),
        ("Ada-104", 104, "other@example.org"),
        ("uli", 105, "uli@bücher.example"),
        ("jorg", 106, "user-106@no-address.invalid"),
        ("user2", 107, "user2@example.org"),
        ("user\u{b2}-108", 108, "square@example.org"),
    ] {
        let body = json!({"usernameForEmailRetrieval": name, "password": PASSWORD});
        let login = server.post("login", &body);
        assert_eq!(login.status, 200, "{name}: {login:?}");
        let login = login.json();
        assert_eq!(
            (&login["user_id"], &login["email"]),
            (&json!(id), &json!(email))
        );
    }
    // Nothing is mailed to an address that only stands for one, whoever asks for it.
    let mails = |site: &Site| -> i64 {
        let sql = "SELECT count(*) FROM outbox WHERE recipient LIKE '%.invalid'";
        site.database().get(sql)
    };
    for command in ["reset send ada blank", "user resend-activation blank"] {
        let said = site.run(&crate::server::words(command)).refusal();
        assert!(said.contains("blank"), "{command}: {said}");
    }
    let said = site.run(&["reset", "send", "twin"]).refusal();
    assert!(
        said.contains("user update twin --email ADDRESS") && said.contains("reset link twin"),
        "{said}"
    );
    for endpoint in ["request-reset", "resend-activation"] {
        let body = json!({"email": "user-102@no-address.invalid"});
        assert_eq!(server.post(endpoint, &body).status, 200, "{endpoint}");
    }
    assert_eq!(mails(&site), 0);
    site.run(&["reset", "link", "blank"]).ok();
    let set = ["user", "set-password", "blank", "--password-stdin"];
    let set = site.run_with(&set, "three unrelated words").ok();
    assert!(set.contains("mail does not reach them"), "{set}");
    // The address that two had belongs to the first of them.
    assert_eq!(server.login("ADA@example.org").json()["user_id"], 101);

    let again = import(&site, dump(&USERS), &keep).json();
    assert_eq!(
        (&again["added"], &again["present"]),
        (&json!(0), &json!(8)),
        "again"
    );
}

#[test]
fn lines_and_tables_have_the_same_choices_without_numbers_too() {
    let lines = "{\"username\": \"ada\", \"email\": \"ada@example.org\"}\n\
                 {\"username\": \"bo\", \"email\": null}\n\
                 {\"username\": \"ADA\", \"email\": \"x@example.org\"}\n\
                 {\"username\": \"Ada\", \"email\": \"y@example.org\"}\n\
                 {\"username\": \"cy\", \"email\": \"Ada@example.org\"}\n";
    let table = "username,email\nada,ada@example.org\nbo,\nADA,x@example.org\n\
                 Ada,y@example.org\ncy,Ada@example.org\n";
    for (kind, text) in [("jsonl", lines), ("csv", table)] {
        let site = Site::new();
        let import = ["--format", "json", "user", "import", "-", "--from", kind];
        let keep = [
            "--on-blank-email",
            "placeholder",
            "--on-duplicate",
            "suffix",
        ];
        let keep = [&import[..], &keep].concat();
        for (added, present) in [(5, 0), (0, 5)] {
            let summary = site.run_with(&keep, text).json();
            let is = (&summary["added"], &summary["present"]);
            assert_eq!(is, (&json!(added), &json!(present)), "{kind}: {summary}");
        }
        let found = site.run(&[
            "user", "show", "--format", "json", "ada", "ada-2", "ada-3", "cy",
        ]);
        let emails: Vec<String> = found
            .json()
            .as_array()
            .expect("users")
            .iter()
            .map(|it| it["email"].as_str().expect("an address").to_owned())
            .collect();
        let expected = [
            "ada@example.org",
            "x@example.org",
            "y@example.org",
            "Ada@example.org.2.invalid",
        ];
        assert_eq!(emails, expected, "{kind}");

        let site = Site::new();
        let said = site.run_with(&import, text);
        assert!(
            said.err.contains("--on-duplicate") && said.err.contains("--on-blank-email"),
            "{}",
            said.err
        );
        let skip = ["--on-blank-email", "skip", "--on-duplicate", "skip"];
        let summary = site.run_with(&[&import[..], &skip].concat(), text).json();
        assert_eq!(
            (&summary["added"], &summary["skipped"]),
            (&json!(1), &json!(4))
        );
    }
}

#[test]
fn who_is_here_already_keeps_what_they_have() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let said = import(&site, dump(&USERS[..1]), &[]);
    assert!(
        said.err
            .contains("auth.user 101: its user name belongs to user 1 "),
        "{}",
        said.err
    );
    let keep = ["--on-duplicate", "suffix"];
    assert_eq!(import(&site, dump(&USERS[..1]), &keep).json()["changed"], 1);
    let list = site.run(&["user", "list", "--format", "json"]).json();
    assert_eq!(list[0]["username"], "ada");
    assert_eq!(list[1]["username"], "ada-101");
    assert_eq!(list[1]["email"], "ada@example.org.101.invalid");
    // A number that is taken is no matter of spelling: a token would name somebody else.
    let rows = json!([person(101, "cy", "cy@example.org", "!")]).to_string();
    let said = import(&site, rows, &keep);
    assert!(
        said.err.contains("its number belongs to user 101"),
        "{}",
        said.err
    );
}

#[test]
fn white_space_around_names_and_addresses_is_cut() {
    let site = Site::new();
    let users = [(" ada ", "\tada@example.org \n", HASH)];
    import(&site, dump(&users), &[]).ok();
    let server = site.start(&[]);
    assert_eq!(server.login("ada@example.org").json()["username"], "ada");
}
