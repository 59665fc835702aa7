//! What programs read: one shape for each thing, with types. The names are stable.

use serde_json::Value;

use crate::examples::Prepared;

const USER: &str = "id:n username:s email:s first_name:s last_name:s is_active:b is_staff:b \
                    created_at:s last_login_at:s?";
const PROFILE: &str = "user_id:n username:s organisation_type:s organisation_name:s country:s \
                       is_expert:b upload_preference:s is_complete:b additional_fields:o";
const SESSION: &str =
    "id:s user_id:n username:s kind:s created_at:s expires_at:s address:s? user_agent:s?";
const MAIL: &str = "id:n kind:s state:s username:s? recipient:s attempts:n created_at:s next_at:s? sent_at:s? error:s?";
const KEY: &str = "kid:s state:s";
const REVOKED: &str = "sessions:n dry_run:b ended:a?";

/// A command, whether it prints `one` object or `many`, and the fields: s is a text, n a number, b a
/// truth value, o an object, a an array, * any; `?` may be null.
const SHAPES: [(&str, &str, &str); 33] = [
    (
        "user create --email di@example.org --no-password",
        "one",
        USER,
    ),
    ("user list", "many", USER),
    ("user show ada", "one", USER),
    ("user show ada bo", "many", USER),
    ("user update ada --country ZA", "one", USER),
    ("user activate cy", "many", USER),
    ("user deactivate ada", "many", USER),
    ("user delete ada --yes", "many", USER),
    ("profile show ada", "one", PROFILE),
    ("profile show ada bo", "many", PROFILE),
    ("profile set ada --country ZA", "one", PROFILE),
    (
        "token issue ada --kind pair",
        "one",
        "access:s refresh:s session:s user_id:n session_expires_at:s",
    ),
    ("session list", "many", SESSION),
    ("session revoke --user ada", "one", REVOKED),
    ("session revoke --all --yes", "one", REVOKED),
    (
        "reset send ada",
        "many",
        "user_id:n username:s email:s state:s",
    ),
    ("reset link ada", "many", "user_id:n username:s link:s"),
    (
        "policy publish 2026-11 https://www.example.org/privacy",
        "one",
        "id:n version:s url:s published_at:s",
    ),
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
    ("db backup new.db", "one", "file:s users:n bytes:n keys:s"),
    (
        "key list",
        "many",
        "kid:s algorithm:s signs:b is_imported:b is_weak:b bytes:n",
    ),
    ("key rotate", "one", KEY),
    ("key import secret-key", "one", KEY),
    ("key export", "one", "kid:s algorithm:s key:s"),
    ("mail list", "many", MAIL),
    ("mail retry 7", "many", MAIL),
    ("mail templates --dir mails", "one", "dir:s templates:a"),
    ("config show", "many", "key:s value:* source:s"),
    ("config check", "one", "is_right:b"),
    ("doctor", "many", "check:s state:s finding:s advice:s"),
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

#[test]
fn every_result_has_one_shape_with_types() {
    let prepared = Prepared::new();
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
