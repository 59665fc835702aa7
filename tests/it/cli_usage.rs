//! Slips of the hand: one sentence that says what was meant, and where the help is.

use crate::old_keys::lend_master;
use crate::server::{PASSWORD, Site, run};

/// What is typed without an installation, and what the sentence must say.
const SLIPS: [(&str, &str); 56] = [
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
    ("help setting", "`help settings`"),
    ("help user crate", "`user create`"),
    ("setting", "`help settings`"),
    ("user update ada", "one of --username, --email"),
    ("user create", "--email <EMAIL>"),
    ("mail retry", "--failed"),
    ("user list --limt 3", "--limit"),
    ("user list ada", "\"ada\" is one too many"),
    ("user list --format xml", "table, json, csv"),
    ("token issue ada --ttl soon", "--ttl"),
    ("token inspect eyJhbGciOiJIUzI1NiJ9.e30.x", "standard input"),
    ("restore nightly.db", "`db restore` or `reset`"),
    ("list", "`user list`"),
    ("db dump all.db", "`db backup`"),
    ("audit show", "`audit list`"),
    ("config set listen x", "`config` has show, check"),
    ("reset ada", "`reset` has send, link"),
    ("minisass-auth user list", "no command `minisass-auth`"),
    ("serve --port 8000", "--listen 127.0.0.1:PORT"),
    ("serve --host 0.0.0.0", "--listen 127.0.0.1:PORT"),
    ("user list --json", "--format json"),
    ("user list -o json", "--format json"),
    (
        "user create --email a@example.org --password x",
        "--password-stdin",
    ),
    ("user update ada --password x", "see --password-stdin"),
    (
        "user update ada --username",
        "--username <USERNAME> needs a value\n",
    ),
    ("serve --listen", "--listen <VALUE> needs a value\n"),
    ("user list --limit many", "<LIMIT>: it is no number\n"),
    (
        "audit list --limit 99999999999999999999",
        "it is too large\n",
    ),
    ("mail list --limit -1", "no number here is below zero"),
    ("token issue ada --ttl -5m", "no number here is below zero"),
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
    lend_master(&site, &copy);
    assert!(
        copy.run(&["user", "show", "ada"])
            .ok()
            .contains("ada@example.org")
    );
    let trail = [
        "audit",
        "list",
        "--action",
        "db.restore",
        "--format",
        "json",
    ];
    let trail = copy.run(&trail).json();
    assert_eq!(trail[0]["detail"], "standard input");
    let set = ["user", "set-password", "-", "--password-stdin"];
    copy.run_with(&set, &format!("ada\n{PASSWORD}x")).ok();
}

#[test]
fn what_comes_through_standard_input_and_is_wrong_is_called_that() {
    let sound = Site::with_database();
    let backup = sound.path("backup.db");
    let backup_name = backup.to_str().expect("UTF-8");
    sound.run(&["db", "backup", backup_name]).ok();
    let damaged = std::fs::read(&backup).map(|mut it| {
        it[5000..9000].fill(0xff);
        it
    });
    let damaged = damaged.expect("a backup");
    let database = sound.data().join("auth.db");
    let live = std::fs::read(&database).expect("a database");
    for (bytes, why) in [
        (
            &b"nothing of the kind"[..],
            "standard input is no sound backup",
        ),
        (&damaged, "standard input is "),
        (&live, "standard input cannot be told from a copy"),
    ] {
        let site = Site::new();
        let file = site.path("input");
        std::fs::write(&file, bytes).expect("a file");
        let mut restore = site.command(&["db", "restore", "-"]);
        let file = std::fs::File::open(file).expect("a file");
        let output = restore.stdin(file).output().expect("its end");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(why) && !said.contains(".tmp"), "{said}");
    }
    let site = Site::with_database();
    for (command, input, why) in [
        (
            &["--config", "-", "user", "list"][..],
            "nonsense = 1",
            "standard input: there is no setting nonsense",
        ),
        (
            &["--config", "-", "user", "list"],
            "=",
            "standard input is not valid TOML",
        ),
        (&["--smtp-url-file", "-", "user", "list"], "x", "smtp_url"),
        (
            &[
                "--smtp-url",
                "smtp://mail.example.org",
                "--smtp-ca-file",
                "-",
                "user",
                "list",
            ],
            "-----BEGIN CERTIFICATE-----\nx\n",
            "smtp_ca_file",
        ),
        (&["user", "import", "-"], "x", "cannot read standard input"),
        (&["key", "import", "-"], "x", "the key is too weak"),
    ] {
        let said = site.run_with(command, input).refusal();
        assert!(said.contains(why) && !said.contains(" - "), "{said}");
    }
}

#[test]
fn a_dash_is_standard_input_for_one_name_for_numbers_and_for_files() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.run(&["reset", "send", "ada"]).ok();
    site.run(&["key", "rotate"]).ok();
    let keys = site.run(&["key", "list", "--format", "json"]).json();
    let old = format!("{}\n", keys[0]["kid"].as_str().expect("a name"));
    let url = "smtp://u:p@127.0.0.1:25?tls=none\n";
    for (command, input) in [
        ("user update - --country ZA", "\n ada \nbo\n"),
        ("profile set - --country ZA", "ada\n"),
        ("token issue -", "ada\n"),
        ("audit list --user -", "ada\n"),
        ("mail show -", "1\n"),
        ("mail retry - --dry-run", "1\n"),
        ("key export -", &*old),
        ("key retire - --yes", &*old),
        ("config check --config -", "hash_queue = 7\n"),
        ("user list --config -", "hash_queue = 7\n"),
        ("mail list --smtp-url-file -", url),
        ("doctor --smtp-url-file -", url),
        (
            "doctor --config -",
            "smtp_url = \"smtp://u:p@127.0.0.1:25?tls=none\"\n",
        ),
    ] {
        let said = site.run_with(&crate::server::words(command), input);
        assert!(
            !said.err.contains("cannot be read"),
            "{command}: {}",
            said.err
        );
        assert!(
            !said.out.contains("cannot be read"),
            "{command}: {}",
            said.out
        );
        assert!(
            said.code == Some(0) || command.starts_with("doctor"),
            "{command}: {}{}",
            said.out,
            said.err
        );
    }
    let shown = site.run_with(
        &crate::server::words("config show --format json --config -"),
        "hash_queue = 7\n",
    );
    let shown = shown.json();
    let mut rows = shown.as_array().expect("rows").iter();
    let queue = rows.find(|it| it["key"] == "hash_queue").expect("a row");
    assert_eq!(
        (&queue["value"], &queue["source"]),
        (&7.into(), &"file".into())
    );
    let wrong = site.run_with(&["config", "check", "--config", "-"], "hash_queue = \n");
    assert!(
        wrong
            .refusal()
            .contains("standard input is not valid TOML in line 1")
    );
    let said = site.run_with(&["mail", "show", "-"], "seven\n").refusal();
    assert!(said.contains("\"seven\" is no number"), "{said}");
    let said = site.run_with(&["user", "update", "-", "--country", "ZA"], "");
    assert!(said.refusal().contains("standard input names nothing"));
}

#[test]
fn where_a_file_is_needed_a_dash_is_refused_and_makes_none() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let said = site.run(&["db", "backup", "-"]).refusal();
    assert!(said.contains("name one, such as backup.db"), "{said}");
    let said = site.run_with(&["user", "import", "-", "--report", "-"], "");
    assert!(said.refusal().contains("name a file for the report"));
    assert!(!site.path("-").exists());
}

#[test]
fn whoever_asks_for_a_format_gets_it_or_is_told_why_not() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for (command, told) in [
        ("user list --format yaml", "say --format json"),
        ("openapi --format csv", "json, yaml"),
        ("--format csv openapi", "--format json or yaml"),
        ("user export --format csv", "--as csv"),
    ] {
        let said = site.run(&crate::server::words(command));
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{command}");
        assert!(said.err.contains(told), "{command}: {}", said.err);
    }
    for command in ["openapi --format json", "--format json openapi", "openapi"] {
        site.run(&crate::server::words(command)).json();
    }
    for command in ["openapi --format yaml", "--format yaml openapi"] {
        let text = site.run(&crate::server::words(command)).ok();
        assert!(text.starts_with("openapi:"), "{command}");
    }
    let list = run(site.bare().args(["user", "list", "--help"]), "").ok();
    assert!(!list.contains("yaml"), "{list}");
    let openapi = run(site.bare().args(["openapi", "--help"]), "").ok();
    assert!(
        openapi.contains("yaml") && !openapi.contains("csv"),
        "{openapi}"
    );
}
