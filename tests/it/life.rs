//! The life of an account in mails: confirmed, invited, moved to a new address.

use minisass_auth::accounts::register::{OperatorChoice, Registration};
use serde_json::{Value, json};

use crate::app::{API, App, PASSWORD, PUBLIC_URL, operator};
use crate::client::{Answer, Request};
use crate::reset::{NEW, confirm, link, links};

/// Registers somebody by the API.
pub fn register(app: &App, name: &str, more: &Value) -> Answer {
    let mut account = json!({
        "username": name, "email": format!("{name}@example.org"), "password": PASSWORD,
        "organizationName": "Kartoza", "organizationType": "NGO", "country": "ZA",
    });
    if let (Some(account), Some(more)) = (account.as_object_mut(), more.as_object()) {
        account.extend(more.clone());
    }
    app.post("register/", &account)
}

/// Where the newest mail leads, as a path below the API.
#[track_caller]
pub fn newest_link(app: &App) -> String {
    let mail = app.mails().pop().expect("a mail");
    let link = links(&mail).remove(0);
    let base = format!("{PUBLIC_URL}{API}");
    link.strip_prefix(&base).expect("our own link").to_owned()
}

pub fn verified() -> App {
    App::with(|setup| setup.rules.require_verified_email = true)
}

pub fn follow(app: &App, path: &str) -> Answer {
    app.send(Request::new("GET", path).header("accept", "text/html"))
}

pub fn press(app: &App, path: &str) -> Answer {
    app.send(Request::new("POST", path).header("accept", "text/html"))
}

pub fn session(app: &App, name: &str) -> String {
    app.login(name).get("access_token")
}

pub fn change_address(app: &App, access: &str, email: &str) -> Answer {
    let change =
        json!({"email": email, "name": "Ana", "surname": "Li", "upload_preference": "wifi"});
    let request = Request::new("POST", "user/update/").bearer(access);
    app.send(request.json(&change))
}

#[test]
fn who_registers_gets_a_mail_and_may_log_in_at_once_by_default() {
    let app = App::new();
    register(&app, "ana", &json!({})).expect(201);
    app.login("ana");
    assert!(newest_link(&app).starts_with("activate/"));
}

#[test]
fn with_verified_addresses_nobody_logs_in_before_the_button_was_pressed() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    app.try_login("ana", PASSWORD).expect(401);
    let link = newest_link(&app);
    for _ in 0..3 {
        let page = follow(&app, &link).expect(200).text();
        assert!(page.contains("<form method=\"post\""), "{page}");
    }
    app.try_login("ana", PASSWORD).expect(401);
    let page = press(&app, &link).expect(200).text();
    assert!(page.contains("Account confirmed"), "{page}");
    app.login("ana");
}

#[test]
fn a_bad_activation_link_changes_nothing() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let link = newest_link(&app);
    let uid = link.split('/').nth(1).expect("a uid");
    for token in ["x", "0", "%20", "null", &"A".repeat(43), "../../login"] {
        let answer = app.post(&format!("activate/{uid}/{token}/"), &json!({}));
        assert!((400..500).contains(&answer.status), "{token}");
    }
    let answer = app.post(
        &format!("activate/MQ{}/", &link["activate/".len()..]),
        &json!({}),
    );
    assert!(answer.status >= 400);
    assert_eq!(
        app.count("SELECT count(*) FROM users WHERE awaits_confirmation"),
        1
    );
    press(&app, &link).expect(200);
}

#[test]
fn a_deactivated_user_is_not_let_in_by_an_old_link() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let link = newest_link(&app);
    app.set_active("ana", false);
    press(&app, &link).expect(400);
    app.try_login("ana", PASSWORD).expect(401);
}

#[test]
fn a_reset_of_an_unconfirmed_account_confirms_it_and_ends_the_old_password() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let link = link(&app, "ana@example.org");
    confirm(&app, &link, NEW).expect(200);
    app.try_login("ana", PASSWORD).expect(401);
    app.try_login("ana", NEW).expect(200);
}

#[test]
fn who_is_invited_chooses_a_password() {
    let app = App::new();
    let account = Registration {
        username: "ana".to_owned(),
        email: "ana@example.org".to_owned(),
        ..Registration::default()
    };
    let choice = OperatorChoice {
        active: true,
        staff: false,
        by_mail: true,
    };
    let caller = operator();
    let invited = app.operator.create_user(account, choice, &caller);
    app.wait(invited).expect("an account");
    let link = newest_link(&app);
    app.try_login("ana", PASSWORD).expect(401);
    let page = follow(&app, &link).expect(200).text();
    assert!(page.contains("name=\"newPassword\""), "{page}");
    let path = link.replace("verify-", "update-");
    app.post(&path, &json!({"newPassword": PASSWORD}))
        .expect(200);
    app.login("ana");
    app.post(&path, &json!({"newPassword": NEW})).expect(401);
}

#[test]
fn a_new_address_counts_when_its_owner_says_so_and_the_old_one_is_told() {
    let app = App::new().with_user("ana");
    let access = session(&app, "ana");
    let answer = change_address(&app, &access, "new@example.org")
        .expect(200)
        .json();
    assert_eq!(answer["email"], "ana@example.org");
    assert_eq!(answer["new_email"], "new@example.org");
    let mails = app.mails();
    let to = |address: &str| {
        mails
            .iter()
            .find(|it| it.contains(&format!("To: {address}")))
    };
    let notice = to("ana@example.org").expect("a notice");
    assert!(
        notice.contains("new@example.org") && links(notice).is_empty(),
        "{notice}"
    );
    let path = links(to("new@example.org").expect("a link")).remove(0);
    let path = path
        .strip_prefix(&format!("{PUBLIC_URL}{API}"))
        .expect("ours");
    follow(&app, path).expect(200);
    assert_eq!(app.status(&access).get("email"), "ana@example.org");
    press(&app, path).expect(200);
    assert_eq!(app.status(&access).get("email"), "new@example.org");
    app.try_login("new@example.org", PASSWORD).expect(200);
    app.try_login("ana@example.org", PASSWORD).expect(401);
}

#[test]
fn an_address_that_was_taken_meanwhile_is_not_taken_away() {
    let app = App::new().with_user("ana");
    let access = session(&app, "ana");
    change_address(&app, &access, "new@example.org").expect(200);
    let mails = app.mails();
    let mail = mails.iter().find(|it| it.contains("To: new@example.org"));
    let link = links(mail.expect("a link")).remove(0);
    let path = link
        .strip_prefix(&format!("{PUBLIC_URL}{API}"))
        .expect("ours");
    register(&app, "bo", &json!({"email": "new@example.org"})).expect(201);
    let answer = app.post(path, &json!({})).expect(400);
    assert_eq!(answer.json()["error"], "This email is already registered.");
    change_address(&app, &access, "NEW@example.org").expect(400);
    assert_eq!(app.status(&access).get("email"), "ana@example.org");
}

#[test]
fn a_link_is_good_for_its_own_purpose_only() {
    let app = verified().with_user("bob");
    register(&app, "ana", &json!({})).expect(201);
    let activation = newest_link(&app);
    let reset = link(&app, "bob@example.org");
    let (uid, token) = activation
        .strip_prefix("activate/")
        .and_then(|it| it.trim_end_matches('/').split_once('/'))
        .expect("a link");
    let body = json!({"newPassword": NEW});
    for (page, status) in [("update-password-reset", 401), ("confirm-address", 400)] {
        app.post(&format!("{page}/{uid}/{token}/"), &body)
            .expect(status);
    }
    for page in ["activate", "confirm-address"] {
        app.post(&format!("{page}/{}/{}/", reset.0, reset.1), &body)
            .expect(400);
    }
    app.status(token).expect(401);
    app.refresh(token).expect(401);
    app.post(&activation, &json!({})).expect(200);
    confirm(&app, &reset, NEW).expect(200);
}

#[test]
fn a_password_change_voids_every_link() {
    let app = App::new().with_user("ana");
    let reset = link(&app, "ana@example.org");
    let access = session(&app, "ana");
    change_address(&app, &access, "new@example.org").expect(200);
    let change = json!({"old_password": PASSWORD, "password": NEW, "confirm_password": NEW});
    let request = Request::new("POST", "user/password/update/").bearer(&access);
    app.send(request.json(&change)).expect(200);
    confirm(&app, &reset, "Y3t@Another").expect(401);
    assert_eq!(
        app.count("SELECT count(*) FROM links WHERE used_at IS NULL"),
        0
    );
}
