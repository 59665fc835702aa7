//! Slips of the hand: one sentence that says what was meant, and where the help is.

use crate::server::{PASSWORD, Site, run};

/// What is typed without an installation, and what the sentence must say.
const SLIPS: [(&str, &str); 34] = [
    ("user add", "`user create`"),
    ("user new", "`user create`"),
    ("user remove ada", "`user delete`"),
    ("user rm ada", "`user delete`"),
    ("user ls", "`user list`"),
    ("user edit ada", "`user update`"),
    ("user passwd ada", "`user set-password`"),
    ("user enable ada", "`user activate`"),
    ("user disable ada", "`user deactivate`"),
    ("user craete", "`user create`"),
    ("users list", "`user`"),
    ("sessions", "`session`"),
    ("tokens list", "`token`"),
    ("login", "`token issue`"),
    ("logout", "`token revoke` or `session revoke`"),
    ("backup nightly.db", "`db backup`"),
    ("migrate", "`db migrate`"),
    ("runserver", "`serve`"),
    ("createsuperuser", "`user create`"),
    ("settings", "`config`"),
    ("logs", "`audit`"),
    ("token delete", "`token revoke`"),
    ("key new", "`key rotate`"),
    ("mail resend 1", "`mail retry`"),
    ("help users", "`user`"),
    ("user update ada", "one of --username, --email"),
    ("user create", "--email <EMAIL>"),
    ("mail retry", "--failed"),
    ("user list --limt 3", "--limit"),
    ("user list ada", "\"ada\" is one too many"),
    ("user list --format xml", "table, json, csv"),
    ("token issue ada --ttl soon", "--ttl"),
    ("token inspect eyJhbGciOiJIUzI1NiJ9.e30.x", "standard input"),
    (
        "user create --email a@example.org --no-password --password-stdin",
        "exclude each other",
    ),
];

#[test]
fn wrong_usage_is_one_sentence_with_the_right_hint() {
    let site = Site::new();
    for (typed, hint) in SLIPS {
        let said = run(site.bare().args(typed.split(' ')), "");
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{typed}");
        assert!(said.err.contains(hint), "{typed}: {}", said.err);
        let mut lines = said.err.lines();
        let sentence = lines.next().unwrap_or_default();
        assert!(
            sentence.starts_with("minisass-auth: "),
            "{typed}: {sentence}"
        );
        assert!(sentence.len() < 240, "{typed}: {sentence}");
        let help = lines.next().unwrap_or_default();
        assert!(
            help.contains("--help` shows how it is used"),
            "{typed}: {help}"
        );
        assert_eq!(lines.next(), None, "{typed}");
        assert!(!said.err.contains("eyJ"), "a token is not repeated");
    }
    assert!(!site.path("minisass-data").exists(), "nothing was made");
}

#[test]
fn what_was_typed_does_nothing_to_the_terminal() {
    let site = Site::new();
    for arguments in [
        &["us\u{1b}[2Jer"][..],
        &["user", "list", "--format", "\u{202e}json"],
        &["user", "list", "\u{9b}2J"],
        &["user", "list", "--\u{1b}]0;x\u{7}"],
    ] {
        let said = run(site.bare().args(arguments), "");
        assert_eq!(said.code, Some(2));
        assert!(
            !said.err.contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{7}']),
            "{:?}",
            said.err
        );
    }
}

#[test]
fn nobody_is_told_to_type_what_was_typed() {
    let site = Site::new();
    let named =
        |name: &str| format!("{{\"username\": {name:?}, \"email\": \"x{name}@example.org\"}}");
    site.run_with(&["user", "import", "-"], &named("4711")).ok();
    let said = site.run(&["user", "show", "4711"]).refusal();
    assert!(
        said.contains("did you mean 1, whose user name is 4711?"),
        "{said}"
    );
}

#[test]
fn a_dash_is_standard_input() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let token = site.run(&["token", "issue", "ada"]).ok();
    let report = site.run_with(&["--format", "json", "token", "inspect", "-"], &token);
    assert_eq!(report.json()["is_good"], true);
    site.run_with(&["token", "revoke", "-"], &token).ok();
    for command in [
        "user show",
        "session list",
        "profile show",
        "reset send",
        "reset link",
    ] {
        let command: Vec<&str> = command.split(' ').chain(["-"]).collect();
        site.run_with(&command, "ada\n").ok();
    }
    let backup = site.path("backup.db");
    let backup = backup.to_str().expect("UTF-8");
    site.run(&["db", "backup", backup]).ok();
    let copy = Site::new();
    let mut restore = copy.command(&["db", "restore", "-"]);
    let file = std::fs::File::open(backup).expect("the backup");
    let done = restore.stdin(file).output().expect("its end");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(
        copy.run(&["user", "show", "ada"])
            .ok()
            .contains("ada@example.org")
    );
    let set = ["user", "set-password", "ada", "--password-stdin"];
    copy.run_with(&set, &format!("{PASSWORD}x")).ok();
}
