//! Whose the tokens of the service before this one are: nobody's who did not come from there.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::imported_tokens::{SECRET, token};
use crate::old_keys;
use crate::server::{Outcome, Server, Site, until};

const DAY: i64 = 86_400;

/// What Django made of the password that the tests use.
const HASH: &str = "pbkdf2_sha256$1000$seasalt1$cLucG1E6LN7WMAxQh2nsvJHFKNs4TaWorFmC3IVE5LU=";

/// A user of Django, who has been there since 2024.
pub fn user(number: i64, name: &str) -> Value {
    json!({"model": "auth.user", "pk": number, "fields": {
        "username": name, "email": format!("{name}@example.org"), "password": HASH,
        "first_name": "", "last_name": "", "is_active": true, "is_staff": false,
        "is_superuser": false, "date_joined": "2024-01-01T00:00:00Z", "last_login": null,
    }})
}

/// Imports a dump of Django with these rows.
pub fn import(site: &Site, rows: &[Value]) -> Outcome {
    let dump = site.path("rows.json");
    std::fs::write(&dump, json!(rows).to_string()).expect("a dump");
    let dump = dump.display().to_string();
    site.run(&["user", "import", "--from", "django", &dump])
}

/// A place where 1 and 2 came from Django, whose key is here too.
fn site() -> Site {
    let site = Site::new();
    assert_eq!(
        import(&site, &[user(1, "one"), user(2, "two")]).code,
        Some(0)
    );
    site.run_with(&["key", "import", "-"], SECRET).ok();
    site
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.expect("a time after 1970").as_secs()).expect("a near time")
}

fn renew(server: &Server, refresh: &str) -> u16 {
    let body = json!({"refresh": refresh});
    server.post("token/refresh", &body).status
}

fn why_not(site: &Site, token: &str) -> String {
    let inspect = ["--format", "json", "token", "inspect"];
    let report = site.run_with(&inspect, token).json();
    report["why_not"].to_string()
}

#[test]
fn a_token_of_the_service_before_opens_no_account_that_was_made_here() {
    let site = site();
    site.add_user("invited", &[]);
    let server = site.start(&[]);
    assert_eq!(server.register("newcomer"), 201);
    let number =
        |name: &str| site.run(&["user", "show", name, "--format", "json"]).json()["id"].clone();
    assert_eq!(
        (number("invited"), number("newcomer")),
        (json!(3), json!(4))
    );
    for user in [3, 4] {
        // Of somebody who was deleted there, and of somebody who has registered there since.
        for (number, issued_at) in [(1, now() - 3 * DAY), (2, now()), (3, now() + 60)] {
            let refresh = token("refresh", user, number, issued_at, 30 * DAY);
            assert_eq!(renew(&server, &refresh), 401, "{user}, {number}");
            let access = token("access", user, number, issued_at, 30 * DAY);
            assert_eq!(server.status_of(&access), 401, "{user}, {number}");
            let why = why_not(&site, &refresh);
            assert!(why.contains("did not come from"), "{why}");
        }
    }
    for user in [1, 2] {
        let number = u32::try_from(user).expect("a small number");
        let refresh = token("refresh", user, number, now() - 3 * DAY, 30 * DAY);
        assert_eq!(renew(&server, &refresh), 200, "{user}");
    }
}

#[test]
fn a_token_from_before_its_user_was_made_there_is_somebody_elses() {
    let site = site();
    let mut late = user(9, "late");
    late["fields"]["date_joined"] = json!("2025-06-01T00:00:00Z");
    assert_eq!(import(&site, &[late]).code, Some(0));
    let joined = 1_748_736_000;
    let server = site.start(&["--mobile-session-ttl", "3650d"]);
    let before = token("refresh", 9, 1, joined - 1, 3650 * DAY);
    assert_eq!(renew(&server, &before), 401);
    let why = why_not(&site, &before);
    assert!(why.contains("made after it"), "{why}");
    let since = token("refresh", 9, 2, joined, 3650 * DAY);
    assert_eq!(renew(&server, &since), 200);
}

#[test]
fn what_another_file_brings_has_no_imported_tokens() {
    let site = site();
    let lines = site.run(&["user", "export", "--with-hashes"]).ok();
    let other = Site::new();
    other.run_with(&["user", "import", "-"], &lines).ok();
    other.run_with(&["key", "import", "-"], SECRET).ok();
    let server = other.start(&[]);
    assert_eq!(server.login("one@example.org").status, 200);
    let refresh = token("refresh", 1, 1, now() - DAY, 30 * DAY);
    assert_eq!(
        renew(&server, &refresh),
        401,
        "like sessions, they stay behind"
    );
}

#[test]
fn an_upgrade_tells_who_came_from_the_service_before_by_the_audit_trail() {
    let site = site();
    site.add_user("here", &[]);
    let before = "DROP INDEX sessions_by_rotation; DROP INDEX audit_starts;
                  DROP INDEX sessions_imported; DROP TABLE keys;
                  ALTER TABLE users DROP COLUMN takes_imported_tokens;
                  DELETE FROM refinery_schema_history WHERE version >= 13;
                  INSERT INTO sessions (id, user_id, kind, created_at, expires_at, rotated_at)
                  SELECT randomblob(16), id, 'imported', 0, 4000000000, 0 FROM users;";
    site.database().change(before);
    old_keys::put(&site, &old_keys::FILES);
    site.run(&["db", "migrate"]).ok();
    let taking = "SELECT group_concat(id ORDER BY id) FROM users WHERE takes_imported_tokens";
    let opened = "SELECT group_concat(user_id ORDER BY user_id) FROM sessions
                  WHERE kind = 'imported'";
    for query in [taking, opened] {
        let ids: String = site.database().get(query);
        assert_eq!(ids, "1,2", "{query}");
    }
}

/// A row for a token that SimpleJWT has issued, and one that says that it is blacklisted.
fn blacklisted(token: &str, owner: &Value) -> [Value; 2] {
    let claims = crate::tokens::claims(token);
    let issued = json!({"model": "token_blacklist.outstandingtoken", "pk": 7, "fields": {
        "user": owner, "jti": claims["jti"], "token": token,
        "created_at": "2026-01-01T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z",
    }});
    let ended = json!({"model": "token_blacklist.blacklistedtoken", "pk": 1, "fields": {
        "token": 7, "blacklisted_at": "2026-01-02T00:00:00Z",
    }});
    [issued, ended]
}

#[test]
fn a_blacklisted_token_ends_whoever_the_dump_says_it_is_of() {
    for owner in [json!(2), json!(["two"]), json!(null), json!(99), json!("2")] {
        let site = site();
        let server = site.start(&[]);
        let refresh = token("refresh", 2, 1, now() - DAY, 30 * DAY);
        let other = token("refresh", 2, 2, now() - DAY, 30 * DAY);
        until("the server to know the key", || {
            (renew(&server, &refresh) == 200).then_some(())
        });
        assert_eq!(renew(&server, &other), 200);
        let access = server
            .post("token/refresh", &json!({"refresh": refresh}))
            .text("access");
        let said = import(&site, &blacklisted(&refresh, &owner));
        assert_eq!(said.code, Some(0), "{owner}: {}", said.err);
        assert!(said.err.contains("1 blacklisted token is"), "{}", said.err);
        assert_eq!(renew(&server, &refresh), 401, "{owner}");
        assert_eq!(
            server.status_of(&access),
            401,
            "{owner}: what was handed out for it"
        );
        assert_eq!(
            renew(&server, &other),
            200,
            "{owner}: another one of the user"
        );
    }
}
