//! Logging in: one answer to everything that is wrong.

use serde_json::{Value, json};

use minisass_auth::accounts::register::Registration;
use minisass_auth::crypto::Cost;

use crate::app::{App, DAY, HOUR, PASSWORD};
use crate::client::Request;
use crate::tokens::claims;

fn app_with_an_inactive_user() -> App {
    let app = App::new().with_user("ana").with_user("ina");
    app.set_active("ina", false);
    app
}

#[test]
fn a_login_answers_as_the_clients_expect() {
    let app = App::new();
    let ana = app.add_user("ana");
    let answer = app.login("ana").json();
    let (access, refresh) = (&answer["access_token"], &answer["refresh_token"]);
    assert_eq!(
        answer,
        json!({
            "username": "ana", "email": "ana@example.org", "is_authenticated": true,
            "user_id": ana.id.0, "is_admin": false, "is_profile_updated": true,
            "is_agreed_to_privacy_policy": true, "accepted_privacy_policy_version": null,
            "access_token": access, "refresh_token": refresh,
        })
    );
}

#[test]
fn every_refused_login_looks_alike() {
    let app = app_with_an_inactive_user();
    let bodies = [
        json!({"email": "ana@example.org", "password": "wrong"}),
        json!({"email": "nobody@example.org", "password": "wrong"}),
        json!({"email": "ina@example.org", "password": PASSWORD}),
        json!({"email": "ina@example.org", "password": "wrong"}),
        json!({"email": "ana@example.org"}),
        json!({"password": PASSWORD}),
        json!({}),
        json!({"email": null, "password": null}),
        json!({"email": ["ana@example.org"], "password": PASSWORD}),
        json!({"email": "ana@example.org", "password": {"a": 1}}),
        json!({"email": "ana@example.org", "password": 5}),
        json!({"email": "", "password": ""}),
        json!({"email": "ana@example.org", "password": "a\0b"}),
        json!({"email": "x".repeat(5000), "password": "x".repeat(5000)}),
        json!({"email": "' OR 1=1 --", "password": "' OR 1=1 --"}),
        json!({"email": format!(" {}", "\u{200b}"), "password": PASSWORD}),
    ];
    let first = app.post("login/", &bodies[0]).expect(401);
    assert_eq!(first.json(), json!({"error": "Invalid credentials"}));
    assert_eq!(first.header("www-authenticate"), None);
    for body in &bodies {
        let answer = app.post("login/", body);
        assert_eq!(answer.comparable(), first.comparable(), "{body}");
    }
}

#[test]
fn every_refused_token_request_looks_alike() {
    let app = app_with_an_inactive_user();
    let attempt = |name: &str, password: &str| {
        let body = json!({"username": name, "password": password});
        app.post("token/", &body).expect(401).comparable()
    };
    let wrong = attempt("ana", "wrong");
    assert_eq!(attempt("nobody", "wrong"), wrong);
    assert_eq!(attempt("ina", PASSWORD), wrong);
    assert_eq!(attempt("ina@example.org", PASSWORD), wrong);
    assert!(
        wrong
            .2
            .contains("No active account found with the given credentials")
    );
}

#[test]
fn a_person_is_found_by_every_name_they_have() {
    let app = App::new();
    let account = |name: &str, email: &str| Registration {
        username: name.to_owned(),
        email: email.to_owned(),
        password: Some(PASSWORD.to_owned()),
        ..Registration::default()
    };
    let user = app.add(account("Žofie", "Zofie.K@bücher.example"), true, false);
    let names = [
        "Žofie",
        "žofie",
        "ŽOFIE",
        "Z\u{30c}ofie",
        "Zofie.K@bücher.example",
        "zofie.k@BÜCHER.example",
        "zofie.k@xn--bcher-kva.example",
        " Žofie ",
    ];
    let fields = |name: &str| {
        [
            json!({"email": name, "password": PASSWORD}),
            json!({"usernameForEmailRetrieval": name, "password": PASSWORD}),
            json!({"email": "  ", "usernameForEmailRetrieval": name, "password": PASSWORD}),
            json!({"email": null, "usernameForEmailRetrieval": name, "password": PASSWORD}),
        ]
    };
    for name in names {
        for body in fields(name) {
            let answer = app.post("login/", &body).expect(200).json();
            assert_eq!(answer["user_id"], user.id.0, "{name}");
        }
        let body = json!({"username": name, "password": PASSWORD});
        app.post("token/", &body).expect(200);
    }
}

#[test]
fn an_address_that_is_none_is_wrong_whatever_the_user_name_is() {
    let app = App::new().with_user("ana");
    let refusal = json!({"error": "Invalid credentials"});
    for email in [
        json!(5),
        json!([]),
        json!({}),
        json!(true),
        json!("x".repeat(255)),
    ] {
        let body =
            json!({"email": email, "usernameForEmailRetrieval": "ana", "password": PASSWORD});
        assert_eq!(
            app.post("login/", &body).expect(401).json(),
            refusal,
            "{email}"
        );
    }
    let long = format!(
        "email={}&usernameForEmailRetrieval=ana&password={PASSWORD}",
        "x".repeat(255)
    );
    let form = Request::new("POST", "login/").body("application/x-www-form-urlencoded", long);
    assert_eq!(app.send(form).expect(401).json(), refusal);
}

#[test]
fn the_address_wins_over_the_user_name() {
    let app = App::new().with_user("ana").with_user("bob");
    let both = json!({"email": "ana@example.org", "usernameForEmailRetrieval": "bob", "password": PASSWORD});
    assert_eq!(app.post("login/", &both).expect(200).get("username"), "ana");
}

#[test]
fn a_password_is_the_same_composed_and_decomposed() {
    let app = App::new();
    let account = Registration {
        username: "ana".to_owned(),
        email: "ana@example.org".to_owned(),
        password: Some("pâssé-composé".to_owned()),
        ..Registration::default()
    };
    app.add(account, true, false);
    app.try_login("ana", "pâssé-composé").expect(200);
    app.try_login("ana", "pa\u{302}sse\u{301}-compose\u{301}")
        .expect(200);
    app.try_login("ana", "passe-compose").expect(401);
}

#[test]
fn the_kind_of_client_decides_how_long_a_session_lasts() {
    let app = App::new().with_user("ana");
    let credentials = json!({"email": "ana", "username": "ana", "password": PASSWORD});
    let all = [
        ("login/", "refresh_token", 30),
        ("login/?app=web", "refresh_token", 30),
        ("login/?app=MOBILE", "refresh_token", 30),
        ("login/?app=%ff", "refresh_token", 30),
        ("login/?app=mobile", "refresh_token", 90),
        ("login?x=1&app=mobile", "refresh_token", 90),
        ("token/", "refresh", 1),
        ("token/?app=mobile", "refresh", 1),
    ];
    for (path, name, days) in all {
        let answer = app.post(path, &credentials).expect(200);
        let claims = claims(&answer.get(name));
        let lasts = claims["exp"].as_i64().expect("exp") - app.clock.now().0;
        assert_eq!(lasts, days * DAY, "{path}");
        let access = if name == "refresh" {
            "access"
        } else {
            "access_token"
        };
        let claims = crate::tokens::claims(&answer.get(access));
        assert_eq!(
            claims["exp"].as_i64().expect("exp") - app.clock.now().0,
            HOUR
        );
        let cookie = answer.header("set-cookie").map(str::to_owned);
        assert_eq!(cookie.is_some(), name == "refresh_token");
        if let Some(cookie) = cookie {
            assert!(
                cookie.contains(&format!("Max-Age={}", days * DAY)),
                "{cookie}"
            );
        }
    }
}

#[test]
fn a_hash_of_another_cost_is_made_anew_at_a_good_login_only() {
    let app = App::new().with_user("ana");
    let hash = |app: &App| -> String { app.database().get("SELECT password_hash FROM users") };
    let old = hash(&app);
    assert!(old.starts_with("$scrypt$ln=4,r=1,p=1$"), "{old}");
    app.login("ana");
    assert_eq!(hash(&app), old);

    let app = app.restart(|setup| setup.cost = Cost { ln: 5, r: 2, p: 1 });
    app.try_login("ana", "wrong").expect(401);
    assert_eq!(hash(&app), old);
    app.login("ana");
    let new = hash(&app);
    assert!(new.starts_with("$scrypt$ln=5,r=2,p=1$"), "{new}");
    app.login("ana");
    assert_eq!(hash(&app), new);
}

#[test]
fn a_hash_that_costs_too_much_or_makes_no_sense_lets_nobody_in() {
    let app = App::new().with_user("ana");
    for hash in [
        "$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "",
        "plain",
        "$scrypt$",
        "!",
    ] {
        let sql = format!("UPDATE users SET password_hash = '{hash}'");
        app.database().change(&sql);
        for password in [PASSWORD, "", hash] {
            app.try_login("ana", password).expect(401);
        }
    }
    app.database()
        .change("UPDATE users SET password_hash = NULL");
    for password in [json!(PASSWORD), json!(""), Value::Null] {
        app.post("login/", &json!({"email": "ana", "password": password}))
            .expect(401);
    }
}

#[test]
fn two_people_with_one_password_have_different_hashes() {
    let app = App::new().with_user("ana").with_user("bob");
    assert_eq!(
        app.count("SELECT count(DISTINCT password_hash) FROM users"),
        2
    );
}

#[test]
fn a_password_that_broke_todays_rules_asks_for_an_update() {
    let app = App::new().with_user("ana");
    assert_eq!(app.login("ana").json()["is_profile_updated"], true);
    let app = app.restart(|setup| setup.rules.password.min_length = 20);
    assert_eq!(app.login("ana").json()["is_profile_updated"], false);
    let app = app.restart(|_| {});
    app.database().change("UPDATE profiles SET country = ''");
    let session = app.login("ana");
    assert_eq!(session.json()["is_profile_updated"], false);
    let status = app.status(&session.get("access_token")).expect(200);
    assert_eq!(status.json()["is_profile_updated"], false);
}

#[test]
fn a_login_never_takes_a_session_from_the_request() {
    let app = App::new().with_user("ana");
    let first = app.login("ana").cookie().expect("a cookie");
    let body = json!({"email": "ana", "password": PASSWORD});
    let request = Request::new("POST", "login/").json(&body);
    let request = request.header("Cookie", &format!("minisass_session={first}"));
    let second = app.send(request).expect(200).cookie().expect("a cookie");
    assert_ne!(first, second);
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 2);
}
