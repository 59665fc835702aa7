//! One's own account: looked at, changed, taken along, closed.

use serde_json::{Value, json};

use crate::app::{App, PASSWORD, operator};
use crate::client::{Answer, Request};
use crate::life::register;

pub fn send(app: &App, method: &str, path: &str, access: &str, body: Option<&Value>) -> Answer {
    let request = Request::new(method, path).bearer(access);
    app.send(match body {
        Some(body) => request.json(body),
        None => request,
    })
}

pub fn access(app: &App) -> String {
    app.login("ana").get("access_token")
}

#[test]
fn an_account_is_shown_and_changed_as_the_clients_expect() {
    let app = App::new().with_user("ana");
    let access = access(&app);
    let shown = send(&app, "GET", "user/update/", &access, None)
        .expect(200)
        .json();
    assert_eq!(
        shown,
        json!({
            "user_id": "1", "username": "ana", "email": "ana@example.org", "name": "", "surname": "",
            "organisation_type": "NGO", "organisation_name": "Kartoza", "country": "ZA",
            "is_expert": false, "upload_preference": "wifi",
        })
    );
    let change = json!({
        "username": "ana2", "email": "ana@example.org", "name": "Ana", "surname": "Li",
        "country": "PT", "upload_preference": "both", "is_expert": true, "is_staff": true, "user_id": "7",
    });
    let changed = send(&app, "POST", "user/update/", &access, Some(&change)).expect(200);
    assert_eq!(
        changed.json(),
        json!({
            "user_id": "1", "username": "ana2", "email": "ana@example.org", "name": "Ana", "surname": "Li",
            "organisation_type": "NGO", "organisation_name": "Kartoza", "country": "PT",
            "is_expert": false, "upload_preference": "both",
        })
    );
    assert_eq!(app.status(&access).json()["is_admin"], false);
}

#[test]
fn a_change_that_breaks_a_rule_changes_nothing_and_says_all_that_is_wrong() {
    let app = App::new().with_user("ana").with_user("bob");
    let access = access(&app);
    let change = json!({"email": "x", "name": "", "surname": "Li", "upload_preference": "dove"});
    let answer = send(&app, "POST", "user/update/", &access, Some(&change))
        .expect(400)
        .json();
    assert!(
        answer["email"].is_array() && answer["name"].is_array(),
        "{answer}"
    );
    for (field, value) in [
        ("username", "BOB"),
        ("email", "bob@example.org"),
        ("upload_preference", "dove"),
    ] {
        let mut change = json!({
            "email": "ana@example.org", "name": "Ana", "surname": "Li", "upload_preference": "wifi",
        });
        change[field] = value.into();
        let answer = send(&app, "POST", "user/update/", &access, Some(&change)).expect(400);
        assert!(answer.json()[field].is_array(), "{field}");
    }
    let shown = send(&app, "GET", "user/update/", &access, None).json();
    assert_eq!(
        (&shown["name"], &shown["username"]),
        (&json!(""), &json!("ana"))
    );
}

#[test]
fn sessions_are_listed_and_ended_one_by_one() {
    let app = App::new().with_user("ana").with_user("bob");
    let (own, other) = (access(&app), access(&app));
    let bobs = app.login("bob").get("access_token");
    let listed = send(&app, "GET", "user/sessions/", &own, None)
        .expect(200)
        .json();
    let listed = listed.as_array().expect("a list");
    assert_eq!(listed.len(), 2);
    let id = |current: bool| {
        let found = listed.iter().find(|it| it["is_current"] == current);
        found.expect("a session")["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let path = format!("user/sessions/{}/", id(false));
    send(&app, "DELETE", &path, &bobs, None).expect(404);
    app.status(&other).expect(200);
    send(&app, "DELETE", &path, &own, None).expect(200);
    app.status(&other).expect(401);
    send(&app, "DELETE", &path, &own, None).expect(404);
    send(&app, "DELETE", "user/sessions/x/", &own, None).expect(404);
    send(
        &app,
        "DELETE",
        &format!("user/sessions/{}/", id(true)),
        &own,
        None,
    )
    .expect(200);
    app.status(&own).expect(401);
}

#[test]
fn an_export_has_all_that_is_kept_and_no_secret() {
    let app = App::new();
    register(&app, "ana", &json!({"river": "uMngeni"})).expect(201);
    let access = access(&app);
    let answer = send(&app, "GET", "user/export/", &access, None).expect(200);
    let text = answer.text();
    assert!(
        !text.contains("$scrypt$") && !text.contains("eyJ"),
        "{text}"
    );
    let data = answer.json();
    assert_eq!(data["email"], "ana@example.org");
    assert_eq!(data["additional_fields"], json!({"river": "uMngeni"}));
    assert_eq!(data["sessions"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_account_is_closed_with_its_password_and_leaves_nothing_but_its_number() {
    let app = App::new().with_user("ana");
    let access = access(&app);
    let close = |password: &str| {
        let body = json!({ "password": password });
        send(&app, "POST", "user/delete/", &access, Some(&body))
    };
    close("wrong").expect(400);
    app.status(&access).expect(200);
    close(PASSWORD).expect(200);
    app.status(&access).expect(401);
    app.try_login("ana", PASSWORD).expect(401);
    for table in ["users", "profiles", "sessions", "links", "password_history"] {
        assert_eq!(
            app.count(&format!("SELECT count(*) FROM {table}")),
            0,
            "{table}"
        );
    }
    let again = app.add_user("ana");
    assert_eq!(again.id.0, 2, "a number is never given twice");
    app.status(&access).expect(401);
}

#[test]
fn only_the_account_itself_and_staff_look_an_account_up() {
    let app = App::new().with_user("ana").with_user("bob");
    let ana = access(&app);
    let bob = app.login("bob").get("access_token");
    let ask = |path: &str, access: &str| send(&app, "GET", path, access, None);
    let own = ask("check-registration-status/ANA@example.org/", &ana)
        .expect(200)
        .json();
    assert_eq!(
        own,
        json!({"email": "ana@example.org", "is_registration_completed": true})
    );
    let own = ask("retrieve-email-by-username/ana/", &ana)
        .expect(200)
        .json();
    assert_eq!(own, json!({"email": "ana@example.org"}));
    for path in [
        "check-registration-status/ana@example.org/",
        "check-registration-status/nobody@example.org/",
        "retrieve-email-by-username/ana/",
        "retrieve-email-by-username/nobody/",
    ] {
        app.get(path).expect(401);
        ask(path, &bob).expect(403);
    }
    let user = app.wait(app.operator.user("bob")).expect("bob");
    let staff = minisass_auth::store::users::UserChange {
        is_staff: Some(true),
        ..Default::default()
    };
    app.wait(app.operator.update_user(&user, staff, &operator()))
        .expect("staff");
    ask("retrieve-email-by-username/ana/", &bob).expect(200);
    ask("check-registration-status/nobody@example.org/", &bob).expect(404);
}

#[test]
fn the_privacy_policy_is_asked_for_until_its_latest_version_is_agreed_to() {
    let app = App::new().with_user("ana");
    let ana = access(&app);
    let check = || app.send(Request::new("GET", "/privacy-policy/check/").bearer(&ana));
    let consent = |agree: bool| {
        let request = Request::new("POST", "/privacy-policy/consent/").bearer(&ana);
        app.send(request.json(&json!({ "agree": agree })))
    };
    check().expect(404);
    consent(true).expect(404);
    let publish = |version: &str| {
        let url = format!("https://example.org/{version}");
        app.wait(app.operator.publish_policy(version, &url, &operator()))
            .expect("a policy")
    };
    publish("v1");
    let agreed = || app.status(&ana).json()["is_agreed_to_privacy_policy"] == true;
    assert!(!agreed());
    assert_eq!(
        app.login("ana").get("accepted_privacy_policy_version"),
        "v1"
    );
    let noted = consent(true).expect(201).json();
    assert_eq!(
        (&noted["consent_given"], &noted["ip_address"]),
        (&json!(true), &json!("127.0.0.1"))
    );
    assert!(agreed());
    assert_eq!(
        check().expect(200).json()["is_agreed_to_privacy_policy"],
        true
    );
    publish("v2");
    assert!(!agreed());
    consent(false).expect(201);
    assert!(!agreed());
    register(&app, "bob", &json!({"agree": true})).expect(201);
    assert_eq!(app.login("bob").json()["is_agreed_to_privacy_policy"], true);
}

#[test]
fn of_many_who_ask_at_once_for_new_addresses_of_one_account_five_are_heard() {
    let app = App::with(|setup| setup.rules.throttle = true).with_user("ana");
    let access = access(&app);
    let ask = |number: usize| {
        let change = json!({
            "email": format!("new{number}@example.org"), "name": "Ana", "surname": "Li",
            "upload_preference": "wifi",
        });
        send(&app, "POST", "user/update/", &access, Some(&change)).status
    };
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..20).map(|it| scope.spawn(move || ask(it))).collect();
        let heard = asked.into_iter().map(|it| it.join().expect("an answer"));
        heard.collect()
    });
    let of = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((of(200), of(429)), (5, 15), "{statuses:?}");
}
