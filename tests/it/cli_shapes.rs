//! What programs read: one shape for each thing, with types. The names are stable.

use serde_json::Value;

use crate::examples::{Examples, Prepared, of_every_command};
use crate::old_keys;
use crate::server::{Site, run, words};

const USER: &str = "id:n username:s email:s first_name:s last_name:s is_active:b is_staff:b \
                    created_at:s last_login_at:s?";
const PROFILE: &str = "user_id:n username:s organisation_type:s organisation_name:s country:s \
                       is_expert:b upload_preference:s is_complete:b additional_fields:o";
const SESSION: &str =
    "id:s user_id:n username:s kind:s created_at:s expires_at:s address:s? user_agent:s?";
const MAIL: &str = "id:n kind:s state:s username:s? recipient:s attempts:n created_at:s next_at:s? sent_at:s? error:s?";
const KEY: &str = "kid:s state:s";
const QUEUED: &str = "user_id:n username:s email:s state:s";
const TOKENS: &str = "access:s? refresh:s? session:s user_id:n session_expires_at:s";
const INSPECTED: &str = "is_good:b why_not:s? is_signed_by_us:b algorithm:s kid:s? token_type:s? \
                         user_id:n? session:s? issuer:s? token_id:s? issued_at:s? expires_at:s?";
const SUMMARY: &str = "dry_run:b added:n present:n failed:n held_back:n skipped:n changed:n \
                       without_password:n resets:n passed_over:o problems:a";
const SHOWN_MAIL: &str = "id:n kind:s state:s username:s? recipient:s attempts:n created_at:s next_at:s? sent_at:s? error:s? \
     user_id:n? link_expires_at:s? details:* file:s?";
const STATUS: &str = "file:s bytes:n log_bytes:n schema:n users:n live_sessions:n mails_queued:n \
                      mails_failed:n links_for_nobody:n last_backup_at:s? last_backup:s? \
                      server:s? synchronous_commit:s? connections:n?";
const COPY: &str = "file:s users:n bytes:n keys:s";
const REVOKED: &str = "sessions:n dry_run:b ended:a?";

/// A command, whether it prints `one` object or `many`, and the fields: s is a text, n a number, b a
/// truth value, o an object, a an array, * any; `?` may be null.
const SHAPES: [(&str, &str, &str); 50] = [
    (
        "user create --email di@example.org --no-password",
        "one",
        USER,
    ),
    ("user list", "many", USER),
    (
        "user set-password ada --password-stdin < password.txt",
        "one",
        USER,
    ),
    ("user import newcomers.jsonl", "one", SUMMARY),
    (
        "user import dump.json --from django --dry-run",
        "one",
        SUMMARY,
    ),
    ("user resend-activation gil", "many", QUEUED),
    ("user show ada", "one", USER),
    ("user show ada bo", "many", USER),
    ("user update ada --country ZA", "one", USER),
    ("user activate cy", "many", USER),
    ("user deactivate ada", "many", USER),
    ("user delete ada --yes", "many", USER),
    ("profile show ada", "one", PROFILE),
    ("profile show ada bo", "many", PROFILE),
    ("profile set ada --country ZA", "one", PROFILE),
    ("token issue ada --kind pair", "one", TOKENS),
    ("token issue ada", "one", TOKENS),
    ("token issue ada --kind refresh", "one", TOKENS),
    ("token inspect < token.txt", "one", INSPECTED),
    (
        "token revoke < token.txt",
        "one",
        "session:s user_id:n username:s",
    ),
    ("session list", "many", SESSION),
    ("session revoke --user ada", "one", REVOKED),
    ("session revoke --all --yes", "one", REVOKED),
    ("reset send ada", "many", QUEUED),
    ("reset link ada", "many", "user_id:n username:s link:s"),
    (
        "policy publish 2026-11 https://www.example.org/privacy",
        "one",
        "id:n version:s url:s published_at:s",
    ),
    ("policy list", "many", "id:n version:s url:s published_at:s"),
    (
        "audit list",
        "many",
        "id:n at:s actor:s address:s? action:s user_id:n? detail:*",
    ),
    (
        "audit verify",
        "one",
        "rows:n is_intact:b rows_gone_before:n",
    ),
    ("db check", "one", "is_sound:b"),
    ("db migrate", "one", "from:n to:n"),
    ("db status", "one", STATUS),
    ("db backup new.db", "one", COPY),
    ("db restore backup.db --data-dir restored", "one", COPY),
    ("db copy --to copy.db", "many", "table:s rows:n"),
    (
        "key list",
        "many",
        "kid:s algorithm:s signs:b is_imported:b is_weak:b bytes:n",
    ),
    ("key rotate", "one", KEY),
    ("key import secret-key", "one", KEY),
    ("key retire 20260101T000000Z-7c0f3a91 --yes", "one", KEY),
    ("key export", "one", "kid:s algorithm:s key:s"),
    ("mail list", "many", MAIL),
    ("mail show 7", "one", SHOWN_MAIL),
    ("mail show 7 7", "many", SHOWN_MAIL),
    ("mail retry 7", "many", MAIL),
    (
        "mail test ada@example.org",
        "one",
        "recipient:s state:s answer:s",
    ),
    ("mail templates --dir mails", "one", "dir:s templates:a"),
    ("config show", "many", "key:s value:* source:s"),
    ("config check", "one", "is_right:b"),
    ("doctor", "many", "check:s state:s finding:s advice:s"),
    (
        "doctor --calibrate --target 1ms",
        "many",
        "scrypt:s milliseconds:n memory_mib:n all_threads_mib:n is_proposed:b",
    ),
];

/// The commands that print no result, or one in a format of its own, or ask a server for it.
const OTHERS: [&str; 7] = [
    "healthcheck",
    "serve",
    "user export",
    "openapi",
    "completions",
    "man",
    "help",
];

fn assert_row(command: &str, row: &Value, fields: &str) {
    let row = row.as_object().expect("an object");
    let expected: Vec<(&str, &str)> = fields
        .split_whitespace()
        .filter_map(|it| it.split_once(':'))
        .collect();
    let names: Vec<&str> = row.keys().map(String::as_str).collect();
    let expected_names: Vec<&str> = expected.iter().map(|it| it.0).collect();
    assert_eq!(names, expected_names, "{command}");
    for (name, kind) in expected {
        let value = &row[name];
        let is_right = match kind.trim_end_matches('?') {
            "s" => value.is_string(),
            "n" => value.is_i64(),
            "b" => value.is_boolean(),
            "o" => value.is_object(),
            "a" => value.is_array(),
            _ => true,
        };
        let is_none = kind.ends_with('?') && value.is_null();
        assert!(is_right || is_none, "{command}: {name} is {value}");
    }
}

/// An installation in which each command of the table has something to print.
fn prepared() -> Prepared {
    let site = Site::new();
    old_keys::put(&site, &old_keys::FILES);
    for name in ["ada", "bo", "cy"] {
        site.add_user(name, &[]);
    }
    let url = "https://www.example.org/privacy";
    site.run(&["policy", "publish", "2026-10", url]).ok();
    Prepared::over(site)
}

#[test]
fn every_command_is_in_the_table() {
    let is_listed = |command: &str| {
        let line = format!("{command} ");
        SHAPES
            .iter()
            .any(|it| format!("{} ", it.0).starts_with(&line))
    };
    for Examples { command, .. } in of_every_command() {
        let is_other = OTHERS.contains(&&*command);
        assert!(is_listed(&command) != is_other, "{command}");
    }
}

#[test]
fn every_result_has_one_shape_with_types() {
    let prepared = prepared();
    for (command, count, fields) in SHAPES {
        let said = prepared.run(&format!(
            "minisass-auth --format json {command} || [ $? = 1 ]"
        ));
        let found: Value = serde_json::from_str(&said.out)
            .unwrap_or_else(|err| panic!("{command}: {err}: {}{}", said.out, said.err));
        match count {
            "one" => assert_row(command, &found, fields),
            _ => {
                let rows = found.as_array().expect("an array");
                assert!(!rows.is_empty(), "{command}");
                rows.iter().for_each(|row| assert_row(command, row, fields));
            }
        }
        let csv = format!("minisass-auth --format csv {command} || [ $? = 1 ]");
        let csv = prepared.run(&csv).out;
        let names = fields
            .split_whitespace()
            .filter_map(|it| it.split_once(':'));
        // A cell has no place for lists; users are named beside the summary.
        let names = names.filter(|it| fields != SUMMARY || !["a", "o"].contains(&it.1));
        let head: Vec<&str> = names.map(|it| it.0).collect();
        assert_eq!(csv.lines().next(), Some(&*head.join(",")), "{command}");
    }
}

/// The columns that the help of a command names.
fn columns_in_help(command: &str) -> Vec<String> {
    let site = Site::new();
    let help = run(site.bare().args(words(command)).arg("--help"), "").ok();
    let told = help.split("in this order, of: ").nth(1).expect("columns");
    let mut columns = Vec::new();
    for word in told.split_whitespace() {
        columns.push(word.trim_end_matches(',').to_owned());
        if !word.ends_with(',') {
            break;
        }
    }
    columns
}

#[test]
fn the_help_of_a_table_names_the_columns_that_it_has() {
    let prepared = prepared();
    for (command, more) in [
        ("user list", "--wide"),
        ("user show", "ada"),
        ("profile show", "ada"),
        ("policy list", ""),
        ("session list", ""),
        ("audit list", ""),
        ("key list", ""),
        ("mail list", ""),
        ("mail show", "7 --body"),
        ("config show", ""),
        ("doctor", ""),
    ] {
        let line = format!("minisass-auth --format json {command} {more} || [ $? = 1 ]");
        let found: Value = serde_json::from_str(&prepared.run(&line).out).expect("JSON");
        let row = found.get(0).unwrap_or(&found);
        let names = row.as_object().expect("an object").keys();
        let names: Vec<String> = names.cloned().collect();
        assert_eq!(columns_in_help(command), names, "{command}");
    }
}

#[test]
fn a_link_is_a_field_of_the_user_whom_it_is_for() {
    let prepared = Prepared::new();
    let create =
        "minisass-auth --format json user create --email di@example.org --no-password --print-link";
    let user = prepared.run(create).json();
    assert_row(create, &user, &format!("{USER} link:s"));
}

#[test]
fn the_values_of_settings_have_types() {
    let prepared = Prepared::new();
    let rows = prepared
        .run("minisass-auth --format json config show")
        .json();
    let value = |key: &str| {
        let mut rows = rows.as_array().expect("rows").iter();
        rows.find(|it| it["key"] == key).expect("a row")["value"].clone()
    };
    assert_eq!(value("hash_queue"), 64);
    assert_eq!(value("listen_mode"), "0660");
    assert_eq!(value("throttle"), true);
    assert_eq!(value("access_ttl"), "60m");
    assert_eq!(value("frontend_url"), Value::Null);
    assert!(value("hash_threads").is_number());
    let table = prepared.run("minisass-auth config show").ok();
    assert!(
        table.contains("│ throttle ") && table.contains("│ true "),
        "{table}"
    );
}
