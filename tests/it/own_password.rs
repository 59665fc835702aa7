//! A password that its owner changes.

use serde_json::json;

use crate::app::{App, PASSWORD};
use crate::client::Answer;
use crate::own::{access, send};
use crate::reset::NEW;

fn change_password(app: &App, access: &str, old: &str, new: &str) -> Answer {
    let body = json!({"old_password": old, "password": new, "confirm_password": new});
    send(app, "POST", "user/password/update/", access, Some(&body))
}

#[test]
fn a_password_change_ends_the_other_sessions_and_tells_by_mail() {
    let app = App::new().with_user("ana");
    let (own, other) = (access(&app), access(&app));
    let answer = change_password(&app, &own, PASSWORD, NEW).expect(200);
    assert_eq!(answer.json(), json!({"status": "OK"}));
    app.status(&own).expect(200);
    app.status(&other).expect(401);
    app.try_login("ana", PASSWORD).expect(401);
    app.try_login("ana", NEW).expect(200);
    let mail = app.mails().pop().expect("a notice");
    assert!(
        mail.contains("was changed") && !mail.contains(NEW),
        "{mail}"
    );
}

#[test]
fn what_is_wrong_with_a_password_change_is_said_as_the_django_service_says_it() {
    let app = App::new().with_user("ana");
    let access = access(&app);
    let body = json!({"old_password": "wrong", "password": NEW, "confirm_password": "other"});
    let answer = send(&app, "POST", "user/password/update/", &access, Some(&body)).expect(400);
    let answer = answer.json();
    assert_eq!(answer["old_password"], json!(["Wrong old password"]));
    assert_eq!(
        answer["confirm_password"],
        json!(["Confirmed password is not same as new password."])
    );
    let used =
        json!(["This password has been used before. Please choose a new and unique password."]);
    assert_eq!(
        change_password(&app, &access, PASSWORD, PASSWORD)
            .expect(400)
            .json()["password"],
        used
    );
    change_password(&app, &access, PASSWORD, NEW).expect(200);
    assert_eq!(
        change_password(&app, &access, NEW, PASSWORD)
            .expect(400)
            .json()["password"],
        used
    );
    change_password(&app, &access, NEW, "short").expect(400);
}

#[test]
fn so_many_earlier_passwords_are_refused_as_the_operator_says() {
    let app = App::with(|setup| setup.rules.password_history = 2).with_user("ana");
    let access = access(&app);
    let passwords = [
        "Str0ng@Pass1",
        "first-of-many",
        "second-of-many",
        "third-of-many",
    ];
    for pair in passwords.windows(2) {
        change_password(&app, &access, pair[0], pair[1]).expect(200);
    }
    change_password(&app, &access, passwords[3], passwords[1]).expect(400);
    change_password(&app, &access, passwords[3], passwords[0]).expect(200);
    assert_eq!(app.count("SELECT count(*) FROM password_history"), 2);
}

#[test]
fn guessing_the_old_password_is_counted_like_a_login() {
    let app = App::throttled().with_user("ana");
    let access = access(&app);
    for _ in 0..5 {
        change_password(&app, &access, "wrong", NEW).expect(400);
    }
    change_password(&app, &access, PASSWORD, NEW).expect(429);
    app.try_login("ana", PASSWORD).expect(401);
    app.status(&access).expect(200);
}
