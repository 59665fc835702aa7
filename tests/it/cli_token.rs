//! `token issue`: tokens that obey the rules of any others.

use serde_json::json;

use crate::server::Site;

#[test]
fn the_token_stands_alone_and_works() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let outcome = site.run(&["token", "issue", "ada"]);
    assert_eq!(outcome.err, "");
    let out = outcome.ok();
    let token = out.strip_suffix('\n').expect("one line");
    assert!(!token.contains(char::is_whitespace), "{out}");
    assert_eq!(token.split('.').count(), 3);
    let status = server.get("/authentication/api/check-auth-status/", token);
    assert_eq!(
        (status.status, status.text("username").as_str()),
        (200, "ada")
    );

    site.run(&["user", "deactivate", "ada"]).ok();
    assert_eq!(server.status_of(token), 401);
}

#[test]
fn each_kind_is_what_it_says() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let issue = |kind: &str| {
        site.run(&["token", "issue", "ada@example.org", "--kind", kind])
            .ok()
    };
    let refresh = |token: &str| server.post("refresh", &json!({"refresh": token}));
    let access = issue("access");
    assert_eq!(server.status_of(access.trim()), 200);
    assert_eq!(refresh(access.trim()).status, 401);
    let alone = issue("refresh");
    assert_eq!(server.status_of(alone.trim()), 401);
    let renewed = refresh(alone.trim());
    assert_eq!(renewed.status, 200);
    assert_eq!(server.status_of(&renewed.text("access")), 200);
    let pair = issue("pair");
    let (access, alone) = pair.trim().split_once('\n').expect("two lines");
    assert_eq!(server.status_of(access), 200);
    assert_eq!(refresh(alone).status, 200);
}

#[test]
fn programs_get_an_object() {
    let site = Site::new();
    let user = site.add_user("ada", &[]);
    let issue = ["token", "issue", "ada", "--format", "json"];
    let access = site.run(&issue).json();
    assert_eq!(access["user_id"], user["id"]);
    assert!(access["access"].is_string() && access["refresh"].is_null());
    assert_eq!(access["session"].as_str().map(str::len), Some(32));
    let pair = site.run(&[&issue[..], &["--kind", "pair"]].concat()).json();
    assert!(pair["access"].is_string() && pair["refresh"].is_string());
}

#[test]
fn a_token_ends_when_it_was_told_to() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let now = jiff::Timestamp::now().as_second();
    for (kind, ttl, seconds) in [("access", "12h", 43_200), ("refresh", "2d", 172_800)] {
        let issue = [
            "token", "issue", "ada", "--format", "json", "--kind", kind, "--ttl", ttl,
        ];
        let issued = site.run(&issue).json();
        let token = issued[kind].as_str().expect("a token");
        let end = claims(token)["exp"].as_i64().expect("an end");
        assert!(
            (seconds..seconds + 60).contains(&(end - now)),
            "{ttl}: {}",
            end - now
        );
    }
}

/// Settings under which no session is longer.
fn sessions_of(ttl: &str) -> [&str; 6] {
    let [people, phones] = ["--session-ttl", "--mobile-session-ttl"];
    [people, ttl, phones, ttl, "--token-session-ttl", ttl]
}

#[test]
fn what_is_usual_fits_into_a_session_that_is_shorter() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for kind in ["access", "refresh"] {
        let issue = ["token", "issue", "ada", "--kind", kind];
        let token = site.run(&[&issue[..], &sessions_of("3m")].concat()).ok();
        let claims = claims(&token);
        let lasts = claims["exp"].as_i64().zip(claims["iat"].as_i64());
        assert!(lasts.is_some_and(|it| it.0 - it.1 <= 180), "{claims}");
    }
}

fn claims(token: &str) -> serde_json::Value {
    use base64::Engine;
    let claims = token.split('.').nth(1).expect("claims");
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims);
    serde_json::from_slice(&claims.expect("base64")).expect("JSON")
}

#[test]
fn a_hundred_years_an_inactive_user_and_a_stranger_are_refused() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.add_user("bo", &["--inactive"]);
    for ttl in ["36500d", "91d"] {
        let said = site.run(&["token", "issue", "ada", "--ttl", ttl]).refusal();
        assert!(
            said.contains("90 days") && said.contains("session_ttl"),
            "{said}"
        );
    }
    let long = ["token", "issue", "ada", "--ttl", "2d"];
    let said = site
        .run(&[&long[..], &sessions_of("12h")].concat())
        .refusal();
    assert!(said.contains("12 hours at most"), "{said}");
    let said = site.run(&["token", "issue", "bo"]).refusal();
    assert!(said.contains("user activate bo"), "{said}");
    let said = site.run(&["token", "issue", "nobody"]).refusal();
    assert!(said.contains("no user"), "{said}");
    let sessions: i64 = site.database().get("SELECT count(*) FROM sessions");
    assert_eq!(sessions, 0);
}
