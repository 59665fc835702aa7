//! Tokens of the service before this one: each stands for itself, and what is handed out for it ends
//! with it.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::app::{App, DAY, HOUR, START, operator};
use crate::client::Request;
use crate::own::send;
use crate::reset::{NEW, confirm, link};
use crate::tokens::claims;

pub const SECRET: &str = "7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty";
const MINUTE: i64 = 60;

/// With ana, who is 1, and bob, who is 2. Both came from there long ago.
fn app() -> App {
    let app = App::new().with_user("ana").with_user("bob");
    let moved = "UPDATE users SET takes_imported_tokens = TRUE, created_at = 0";
    app.database().change(moved);
    app.wait(app.operator.import_key(SECRET, false, &operator()))
        .expect("a key");
    app.restart(|_| {})
}

/// As SimpleJWT writes it. `number` makes it another one.
pub fn token(kind: &str, user: i64, number: u32, issued_at: i64, lasts: i64) -> String {
    let claims = json!({
        "token_type": kind, "exp": issued_at + lasts, "iat": issued_at,
        "jti": format!("{number:032x}"), "user_id": user.to_string(),
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), &claims, &key).expect("a token")
}

fn number(claim: &str, token: &str) -> i64 {
    claims(token)[claim].as_i64().expect("a number")
}

#[test]
fn what_is_handed_out_for_an_imported_token_ends_when_that_token_does() {
    let app = app();
    let long = token("refresh", 1, 1, START, 30 * DAY);
    let longer = app.refresh(&long).expect(200).get("access");
    let short = token("access", 1, 2, START, 5 * MINUTE);
    let handed = app.status(&short).expect(200);
    let (access, refresh) = (handed.get("access_token"), handed.get("refresh_token"));
    for token in [&access, &refresh] {
        assert_eq!(number("exp", token), START + 5 * MINUTE);
    }
    let renewed = app.refresh(&refresh).expect(200).get("access");
    assert_eq!(number("exp", &renewed), START + 5 * MINUTE);
    app.clock.advance(5 * MINUTE);
    for token in [&short, &access, &renewed] {
        app.status(token).expect(401);
    }
    app.refresh(&refresh).expect(401);
    app.status(&longer).expect(200);
    app.refresh(&long).expect(200);
}

#[test]
fn no_imported_token_outlives_the_longest_session_since_it_was_issued() {
    let app = app();
    // SimpleJWT copies the time of the refresh token into each access token that it gets.
    let late = token("access", 1, 1, START - 89 * DAY, 89 * DAY + HOUR);
    app.status(&late).expect(200);
    for (kind, number_of) in [("access", 2), ("refresh", 3)] {
        let endless = token(kind, 1, number_of, START - 60 * DAY, 36_500 * DAY);
        let handed = match kind {
            "access" => app.status(&endless).expect(200).get("refresh_token"),
            _ => app.refresh(&endless).expect(200).get("access"),
        };
        assert!(number("exp", &handed) <= START + 30 * DAY);
        let older = token(kind, 1, 9, START - 90 * DAY, 36_500 * DAY);
        app.status(&older).expect(401);
        app.refresh(&older).expect(401);
    }
    app.clock.advance(30 * DAY);
    app.status(&token("access", 1, 2, START - 60 * DAY, 36_500 * DAY))
        .expect(401);
    app.refresh(&token("refresh", 1, 3, START - 60 * DAY, 36_500 * DAY))
        .expect(401);
}

/// What ends the imported tokens of ana.
type End = fn(&App, &str);

const ENDS: [(&str, End); 6] = [
    ("a logout", |app, access| {
        app.logout(access).expect(200);
    }),
    ("a logout with what was handed out", |app, access| {
        let handed = app.status(access).expect(200).get("access_token");
        app.logout(&handed).expect(200);
    }),
    ("a blacklisting", |app, _| {
        let refresh = token("refresh", 1, 77, START, DAY);
        app.post("token/blacklist/", &json!({"refresh": refresh}))
            .expect(200);
    }),
    ("a new password", |app, access| {
        let change = json!({
            "old_password": crate::app::PASSWORD, "password": NEW, "confirm_password": NEW,
        });
        send(app, "POST", "user/password/update/", access, Some(&change)).expect(200);
    }),
    ("a reset", |app, _| {
        confirm(app, &link(app, "ana@example.org"), NEW).expect(200);
    }),
    ("a deactivation", |app, _| {
        app.set_active("ana", false);
        app.set_active("ana", true);
    }),
];

#[test]
fn whatever_ends_one_imported_token_ends_all_of_its_user_that_were_issued_before() {
    for (what, end) in ENDS {
        let app = app();
        let own = token("access", 1, 1, START, HOUR);
        let (thiefs, unused) = (
            token("refresh", 1, 2, START, DAY),
            token("refresh", 1, 3, START, DAY),
        );
        let handed = app.refresh(&thiefs).expect(200).get("access");
        let bobs = token("access", 2, 4, START, HOUR);
        app.status(&bobs).expect(200);
        end(&app, &own);
        for access in [&own, &handed] {
            assert_eq!(app.status(access).status, 401, "{what}");
        }
        for refresh in [&thiefs, &unused] {
            assert_eq!(app.refresh(refresh).status, 401, "{what}");
        }
        app.status(&bobs).expect(200);
        app.clock.advance(1);
        let since = token("access", 1, 5, START + 1, HOUR);
        assert_eq!(
            app.status(&since).status,
            200,
            "{what}: it was issued since"
        );
    }
}

#[test]
fn a_logout_of_another_session_leaves_imported_tokens_alone() {
    let app = app();
    let imported = token("access", 1, 1, START, HOUR);
    app.status(&imported).expect(200);
    let ours = app.login("ana").get("access_token");
    app.logout(&ours).expect(200);
    app.status(&imported).expect(200);
    let ours = app.login("ana").get("access_token");
    app.logout(&imported).expect(200);
    app.status(&ours).expect(200);
}

/// Changes with every write.
fn written(app: &App) -> (i64, i64) {
    let audited = app.count("SELECT coalesce(max(id), 0) FROM audit");
    (audited, app.count("SELECT count(*) FROM sessions"))
}

#[test]
fn only_the_first_use_of_an_imported_token_is_written_and_no_use_of_a_bad_one() {
    let app = app();
    let good = token("access", 1, 1, START, HOUR);
    app.status(&good).expect(200);
    let before = written(&app);
    let expired = token("access", 1, 2, START - HOUR, HOUR);
    let nobodys = token("access", 99, 3, START, HOUR);
    for _ in 0..3 {
        app.status(&good).expect(200);
        app.status(&expired).expect(401);
        app.status(&nobodys).expect(401);
    }
    assert_eq!(written(&app), before);
    app.logout(&good).expect(200);
    let before = written(&app);
    app.status(&good).expect(401);
    assert_eq!(written(&app), before);
}

#[test]
fn a_user_has_so_many_sessions_of_imported_tokens_at_most_and_they_are_forgotten() {
    let app = app();
    let login = app.login("ana").get("access_token");
    for number in 0..60 {
        let issued_at = START - HOUR + i64::from(number);
        app.status(&token("access", 1, number, issued_at, 2 * HOUR))
            .expect(200);
    }
    let live = "SELECT count(*) FROM sessions WHERE kind = 'imported' AND ended_at IS NULL";
    assert_eq!(app.count(live), 50);
    app.status(&token("access", 1, 0, START - HOUR, 2 * HOUR))
        .expect(401);
    app.status(&token("access", 1, 59, START - HOUR + 59, 2 * HOUR))
        .expect(200);
    app.status(&login).expect(200);
    app.clock.advance(60 * DAY);
    app.wait(app.operator.purge_some(app.clock.now()))
        .expect("a purge");
    assert_eq!(
        app.count("SELECT count(*) FROM sessions WHERE kind = 'imported'"),
        0
    );
}

#[test]
fn an_imported_token_is_of_its_user_and_of_its_kind() {
    let app = app();
    let refresh = token("refresh", 1, 1, START, DAY);
    app.status(&refresh).expect(401);
    app.refresh(&token("access", 1, 1, START, DAY)).expect(401);
    assert_eq!(
        app.refresh(&refresh).expect(200).json()["refresh"],
        Value::Null
    );
    // Of two with one number, which no honest service issues, the second is not the first.
    app.refresh(&token("refresh", 2, 1, START, DAY)).expect(401);
    let report = app
        .wait(app.operator.inspect_token(&refresh))
        .expect("a report");
    assert!(report.is_good, "{:?}", report.faults);
    let request = Request::new("POST", "logout/").bearer(&app.refresh(&refresh).get("access"));
    app.send(request).expect(200);
    let report = app
        .wait(app.operator.inspect_token(&refresh))
        .expect("a report");
    assert!(!report.is_good);
    let nobody = app.wait(app.operator.session_of_token(&refresh, &operator()));
    assert!(nobody.is_err());
}
