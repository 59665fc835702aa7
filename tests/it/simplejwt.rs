//! token/verify and token/blacklist, as SimpleJWT has them.

use serde_json::json;

use crate::app::{App, HOUR};
use crate::client::Answer;
use crate::session::Opened;

fn verify(app: &App, token: &str) -> Answer {
    app.post("token/verify/", &json!({"token": token}))
}

fn blacklist(app: &App, refresh: &str) -> Answer {
    app.post("token/blacklist/", &json!({"refresh": refresh}))
}

#[track_caller]
fn refused(answer: Answer, detail: &str) {
    let answer = answer.expect(401);
    let expected = json!({"detail": detail, "code": "token_not_valid"});
    assert_eq!(answer.json(), expected);
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer realm=\"api\"")
    );
}

const INVALID: &str = "Token is invalid or expired";

#[test]
fn a_token_of_either_kind_is_verified_while_it_is_good() {
    let app = App::new().with_user("ana");
    let opened = Opened::by(&app, "ana");
    for token in [&opened.access, &opened.refresh] {
        assert_eq!(verify(&app, token).expect(200).json(), json!({}));
    }
    app.clock.advance(HOUR);
    refused(verify(&app, &opened.access), INVALID);
    verify(&app, &opened.refresh).expect(200);
    for token in ["x", "a.b.c", &format!("{}x", opened.refresh)] {
        refused(verify(&app, token), INVALID);
    }
    app.set_active("ana", false);
    refused(verify(&app, &opened.refresh), INVALID);
    let missing = app.post("token/verify/", &json!({})).expect(400);
    assert_eq!(missing.json()["token"], json!(["This field is required."]));
}

#[test]
fn a_refresh_token_that_was_rotated_away_is_verified_no_more() {
    let app = App::with(|setup| setup.rules.rotate_refresh = true).with_user("ana");
    let first = Opened::by(&app, "ana").refresh;
    let second = app.refresh(&first).expect(200).get("refresh");
    app.clock.advance(11);
    refused(verify(&app, &first), INVALID);
    verify(&app, &second).expect(200);
}

#[test]
fn blacklisting_a_refresh_token_ends_its_session_and_no_other() {
    let app = App::new().with_user("ana");
    let (opened, other) = (Opened::by(&app, "ana"), Opened::by(&app, "ana"));
    refused(blacklist(&app, &opened.access), "Token has wrong type");
    verify(&app, &opened.access).expect(200);
    assert_eq!(
        blacklist(&app, &opened.refresh).expect(200).json(),
        json!({})
    );
    for token in [&opened.access, &opened.refresh] {
        refused(verify(&app, token), INVALID);
    }
    app.status(&opened.access).expect(401);
    app.refresh(&opened.refresh).expect(401);
    refused(blacklist(&app, &opened.refresh), INVALID);
    app.status(&other.access).expect(200);
    app.post("token/blacklist/", &json!({"refresh": ""}))
        .expect(400);
}
