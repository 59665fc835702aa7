//! Refresh tokens: good until the end, or good once.

use serde_json::json;

use crate::app::{App, HOUR, START};
use crate::session::Opened;
use crate::tokens::claims;

#[test]
fn without_rotation_a_refresh_token_works_until_the_end() {
    let app = App::new().with_user("ana");
    let opened = Opened::by(&app, "ana");
    for path in ["token/refresh/", "token/refresh", "refresh/", "refresh"] {
        app.clock.advance(HOUR);
        let answer = app
            .post(path, &json!({"refresh": opened.refresh}))
            .expect(200);
        assert_eq!(answer.get("access"), answer.get("access_token"));
        assert!(answer.json().get("refresh").is_none());
        app.status(&answer.get("access")).expect(200);
    }
}

#[test]
fn a_session_has_one_refresh_token_at_a_time_whoever_asks_and_when() {
    let app = rotating();
    let opened = Opened::by(&app, "ana");
    let handed_out = |access: &str| app.status(access).expect(200).get("refresh_token");
    assert_eq!(handed_out(&opened.access), opened.refresh);
    app.clock.advance(60);
    assert_eq!(handed_out(&opened.access), opened.refresh);
    assert_eq!(claims(&opened.refresh)["iat"], START);
    let next = app.refresh(&opened.refresh).expect(200).get("refresh");
    assert_eq!(claims(&next)["iat"], START + 60);
    app.clock.advance(60);
    assert_eq!(handed_out(&opened.access), next);
    let other = Opened::by(&app, "ana");
    assert_ne!(handed_out(&other.access), next);
}

fn rotating() -> App {
    App::with(|setup| setup.rules.rotate_refresh = true).with_user("ana")
}

#[test]
fn with_rotation_a_refresh_token_works_once_and_a_lost_answer_can_be_asked_for_again() {
    let app = rotating();
    let first = Opened::by(&app, "ana").refresh;
    let second = app.refresh(&first).expect(200).get("refresh");
    assert_ne!(claims(&first)["jti"], claims(&second)["jti"]);
    assert_eq!(claims(&first)["exp"], claims(&second)["exp"]);
    app.clock.advance(10);
    let repeated = app.refresh(&first).expect(200).get("refresh");
    assert_eq!(claims(&repeated)["jti"], claims(&second)["jti"]);
    let third = app.refresh(&repeated).expect(200).get("refresh");
    app.refresh(&third).expect(200);
}

#[test]
fn a_refresh_token_that_comes_back_too_late_ends_its_session() {
    let late = |wait: i64, generations: usize| {
        let app = rotating();
        let other = Opened::by(&app, "ana");
        let opened = Opened::by(&app, "ana");
        let mut newest = opened.refresh.clone();
        for _ in 0..generations {
            newest = app.refresh(&newest).expect(200).get("refresh");
        }
        app.clock.advance(wait);
        app.refresh(&opened.refresh).expect(401);
        app.refresh(&newest).expect(401);
        app.status(&opened.access).expect(401);
        app.status(&other.access).expect(200);
    };
    late(11, 1);
    late(0, 2);
    late(HOUR / 2, 3);
}

#[test]
fn a_token_that_was_exchanged_is_not_called_good() {
    let app = rotating();
    let first = Opened::by(&app, "ana").refresh;
    let is_good = |token: &str| {
        let report = app
            .wait(app.operator.inspect_token(token))
            .expect("a token");
        assert_eq!(report.is_good, report.faults.is_empty());
        report.is_good
    };
    assert!(is_good(&first));
    let second = app.refresh(&first).expect(200).get("refresh");
    assert!(is_good(&first), "its answer may have been lost");
    app.clock.advance(HOUR);
    assert!(!is_good(&first) && is_good(&second));
    app.post("token/verify/", &json!({"token": first}))
        .expect(401);
}

#[test]
fn with_rotation_the_status_hands_out_the_token_that_is_due() {
    let app = rotating();
    let opened = Opened::by(&app, "ana");
    let second = app.refresh(&opened.refresh).expect(200).get("refresh");
    app.clock.advance(60);
    let due = app.status(&opened.access).expect(200).get("refresh_token");
    assert_eq!(claims(&due)["jti"], claims(&second)["jti"]);
    app.refresh(&due).expect(200);
}
