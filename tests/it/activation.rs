//! Links that confirm an account or an address: what is done already is success, and who lost the mail
//! gets another one.

use serde_json::{Value, json};

use crate::app::{API, App, DAY, HOUR, PASSWORD, PUBLIC_URL, operator, web_url};
use crate::client::{Answer, Request};
use crate::life::{change_address, follow, newest_link, press, register, session, verified};
use crate::reset::{NEW, confirm, link, links};

fn resend(app: &App, email: &str) -> Answer {
    app.post("resend-activation/", &json!({ "email": email }))
}

/// The same link, asked for in each way in which it can be: (status, what is said).
#[track_caller]
fn each_way(app: &App, path: &str) -> Vec<(u16, String)> {
    let ways = [
        ("GET", "*/*"),
        ("GET", "text/html"),
        ("POST", "application/json"),
        ("POST", "text/html"),
    ];
    let ask = |(method, accept)| {
        let answer = app.send(Request::new(method, path).header("accept", accept));
        (answer.status, answer.text())
    };
    ways.map(ask).into()
}

#[track_caller]
fn assert_done(app: &App, path: &str) {
    let watcher = app.database();
    let before = watcher.version();
    for (status, said) in each_way(app, path) {
        assert_eq!(status, 200, "{said}");
        assert!(said.contains("already confirmed"), "{said}");
        assert!(!said.contains("<button"), "{said}");
    }
    assert_eq!(watcher.version(), before, "something was written");
}

#[track_caller]
fn assert_false(app: &App, path: &str) {
    for (status, said) in each_way(app, path) {
        assert_eq!(status, 400, "{said}");
    }
}

/// Where the newest mail to an address leads.
#[track_caller]
fn newest_link_to(app: &App, email: &str) -> String {
    let mails = app.mails();
    let to = format!("To: {email}");
    let mail = mails.iter().rfind(|it| it.contains(&to)).expect("a mail");
    let base = format!("{PUBLIC_URL}{API}");
    links(mail)[0].strip_prefix(&base).expect("ours").to_owned()
}

fn mails_to_confirm(app: &App) -> i64 {
    app.count("SELECT count(*) FROM outbox WHERE kind = 'activation' AND recipient <> ''")
}

#[test]
fn the_link_of_a_confirmed_account_says_so_for_as_long_as_there_is_the_account() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let link = newest_link(&app);
    press(&app, &link).expect(200);
    assert_done(&app, &link);
    app.clock.advance(100 * DAY);
    while !app
        .wait(app.operator.purge_some(app.clock.now()))
        .expect("a purge")
    {}
    assert_eq!(app.count("SELECT count(*) FROM outbox"), 0);
    assert_done(&app, &link);
    app.wait(
        app.operator
            .delete_user(minisass_auth::domain::UserId(1), &operator()),
    )
    .expect("an end");
    assert_false(&app, &link);
    assert_eq!(app.count("SELECT count(*) FROM links"), 0);
}

#[test]
fn clicks_at_the_same_moment_all_succeed_and_confirm_once() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let link = newest_link(&app);
    std::thread::scope(|scope| {
        let click = || press(&app, &link).status;
        let clicks: Vec<_> = (0..8).map(|_| scope.spawn(click)).collect();
        for click in clicks {
            assert_eq!(click.join().expect("an answer"), 200);
        }
    });
    let confirmed = "SELECT count(*) FROM audit WHERE action = 'user.confirm'";
    assert_eq!(app.count(confirmed), 1);
}

#[test]
fn links_of_accounts_that_nobody_confirms_are_forgotten() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    app.mails();
    app.clock.advance(100 * DAY);
    while !app
        .wait(app.operator.purge_some(app.clock.now()))
        .expect("a purge")
    {}
    assert_eq!(app.count("SELECT count(*) FROM links"), 0);
}

#[test]
fn whoever_asks_for_another_link_takes_none_from_its_owner() {
    for pressed_first in [0, 2] {
        let app = verified();
        register(&app, "ana", &json!({})).expect(201);
        let mut links = vec![newest_link(&app)];
        for _ in 0..2 {
            resend(&app, "ana@example.org").expect(200);
            links.push(newest_link(&app));
        }
        for link in &links {
            app.get(link).expect(200);
        }
        press(&app, &links[pressed_first]).expect(200);
        app.login("ana");
        for link in &links {
            assert_done(&app, link);
        }
    }
}

#[test]
fn an_earlier_link_of_another_address_is_void() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let link = newest_link(&app);
    let ana = app.wait(app.operator.user("ana")).expect("an account");
    let change = minisass_auth::store::users::UserChange {
        email: Some(minisass_auth::domain::Email::parse("other@example.org").expect("an address")),
        ..Default::default()
    };
    app.wait(app.operator.update_user(&ana, change, &operator()))
        .expect("a change");
    assert_false(&app, &link);
}

#[test]
fn a_link_that_is_too_old_is_refused_until_another_one_has_confirmed_the_account() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let link = newest_link(&app);
    app.clock.advance(8 * DAY);
    assert_false(&app, &link);
    app.try_login("ana", PASSWORD).expect(401);
    resend(&app, "ana@example.org").expect(200);
    press(&app, &newest_link(&app)).expect(200);
    app.login("ana");
    assert_done(&app, &link);
}

#[test]
fn an_account_that_a_reset_confirmed_is_confirmed_for_its_first_link_too() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let first = newest_link(&app);
    let reset = link(&app, "ana@example.org");
    confirm(&app, &reset, NEW).expect(200);
    assert_done(&app, &first);
    // A reset link is another matter: it never works twice.
    confirm(&app, &reset, NEW).expect(401);
    app.get(&format!("verify-password-reset/{}/{}/", reset.0, reset.1))
        .expect(401);
}

#[test]
fn nothing_is_said_of_a_deactivated_account() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let link = newest_link(&app);
    press(&app, &link).expect(200);
    app.set_active("ana", false);
    assert_false(&app, &link);
    resend(&app, "ana@example.org").expect(200);
    assert_eq!(mails_to_confirm(&app), 1);
}

#[test]
fn a_done_link_says_nothing_to_who_does_not_have_it() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let link = newest_link(&app);
    press(&app, &link).expect(200);
    register(&app, "bob", &json!({})).expect(201);
    let bobs = newest_link(&app);
    let parts = |link: &str| {
        let mut parts = link
            .trim_end_matches('/')
            .split('/')
            .skip(1)
            .map(str::to_owned);
        (parts.next().expect("a uid"), parts.next().expect("a token"))
    };
    let ((ana, token), (bob, other)) = (parts(&link), parts(&bobs));
    for (uid, token) in [(&ana, &other), (&bob, &token), (&ana, &"A".repeat(43))] {
        assert_false(&app, &format!("activate/{uid}/{token}/"));
    }
    assert_false(&app, &format!("confirm-address/{ana}/{token}/"));
}

#[test]
fn a_new_address_that_is_confirmed_already_is_success_until_there_is_another_one() {
    let app = App::new().with_user("ana");
    let access = session(&app, "ana");
    change_address(&app, &access, "first@example.org").expect(200);
    let replaced = newest_link_to(&app, "first@example.org");
    change_address(&app, &access, "new@example.org").expect(200);
    let link = newest_link_to(&app, "new@example.org");
    assert_false(&app, &replaced);
    press(&app, &link).expect(200);
    assert_done(&app, &link);
    assert_false(&app, &replaced);
    app.clock.advance(100 * DAY);
    while !app
        .wait(app.operator.purge_some(app.clock.now()))
        .expect("a purge")
    {}
    assert_done(&app, &link);
    let access = app
        .try_login("new@example.org", PASSWORD)
        .expect(200)
        .get("access_token");
    change_address(&app, &access, "third@example.org").expect(200);
    press(&app, &newest_link_to(&app, "third@example.org")).expect(200);
    assert_false(&app, &link);
    assert_eq!(
        app.count("SELECT count(*) FROM links WHERE is_kept AND email IS NOT NULL"),
        1
    );
}

#[test]
fn with_a_front_end_the_button_leads_there_again_and_the_link_points_to_it() {
    let app = App::with(|setup| {
        setup.deployment.frontend_url = Some(web_url("https://front.test/app"));
    });
    register(&app, "ana", &json!({})).expect(201);
    let link = newest_link(&app);
    for _ in 0..2 {
        let there = press(&app, &link).expect(302);
        let there = there.header("location").map(str::to_owned);
        assert_eq!(
            there.as_deref(),
            Some("https://front.test/app/?activation_complete=true")
        );
    }
    let page = follow(&app, &link).expect(200).text();
    assert!(page.contains("already confirmed"), "{page}");
    let links = links(&page);
    assert!(
        links
            .iter()
            .any(|it| it.starts_with("https://front.test/app/")),
        "{page}"
    );
}

#[test]
fn the_page_of_a_link_says_which_address_it_is_about_and_no_name() {
    let app = App::new();
    register(&app, "free-money", &json!({"email": "victim@example.org"})).expect(201);
    let link = newest_link(&app);
    for _ in ["to be confirmed", "confirmed"] {
        for (_, said) in each_way(&app, &link) {
            if said.contains("<!doctype html>") {
                assert!(said.contains("v…@example.org"), "{said}");
            }
            assert!(
                !said.contains("victim@") && !said.contains("free-money"),
                "{said}"
            );
        }
    }
}

#[test]
fn the_page_of_a_new_address_says_which_it_is_and_not_who_wants_it() {
    let app = App::new().with_user("free-money");
    change_address(&app, &session(&app, "free-money"), "victim@example.org").expect(200);
    let link = newest_link_to(&app, "victim@example.org");
    let page = follow(&app, &link).expect(200).text();
    assert!(page.contains("Address: <b><bdi>v…@example.org"), "{page}");
    assert!(
        !page.contains("free-money") && !page.contains("victim@"),
        "{page}"
    );
}

#[test]
fn the_policy_of_a_page_admits_the_front_end_that_its_button_leads_to() {
    for (front, source) in [
        (None, "'self'"),
        (Some("https://front.test/app"), "'self' https://front.test"),
        (
            Some("http://Front.test:3000"),
            "'self' http://front.test:3000",
        ),
        // Such a list has no way to name one.
        (Some("http://[::1]:3000"), "'self' http:"),
    ] {
        let app = App::with(|setup| setup.deployment.frontend_url = front.map(web_url));
        register(&app, "ana", &json!({})).expect(201);
        let page = follow(&app, &newest_link(&app)).expect(200);
        let policy = page.header("content-security-policy").expect("a policy");
        let form_action = policy
            .split("; ")
            .find_map(|it| it.strip_prefix("form-action "));
        assert_eq!(form_action, Some(source), "{policy}");
    }
}

#[test]
fn known_confirmed_and_unknown_addresses_get_one_answer_and_one_amount_of_work() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    register(&app, "bob", &json!({})).expect(201);
    press(&app, &newest_link(&app)).expect(200);
    let rows = || app.count("SELECT (SELECT max(id) FROM links) + (SELECT max(id) FROM outbox)");
    let mut answers = Vec::new();
    for email in [
        "ana@example.org",
        "bob@example.org",
        "nobody@example.org",
        " ANA@example.org\t",
    ] {
        let before = rows();
        let answer = resend(&app, email).expect(200);
        assert_eq!(rows() - before, 2, "a link and a mail for {email}");
        answers.push(answer.json());
    }
    assert!(
        answers
            .iter()
            .all(|it| *it == json!({"message": "Activation email sent"}))
    );
    assert_eq!(mails_to_confirm(&app), 4);
    let decoys = app.count("SELECT count FROM counts WHERE name = 'links for nobody'");
    assert_eq!(decoys, 2);
    let audited =
        "SELECT count(*) FROM audit WHERE action = 'mail.queue' AND detail = 'activation'";
    assert_eq!(app.count(audited), 2, "decoys are counted, not listed");
}

#[test]
fn an_account_gets_five_activation_mails_an_hour_whoever_asks() {
    let app = App::throttled();
    register(&app, "ana", &json!({})).expect(201);
    for _ in 0..9 {
        resend(&app, "ana@example.org").expect(200);
    }
    assert_eq!(mails_to_confirm(&app), 5);
    app.clock.advance(HOUR + 1);
    resend(&app, "ana@example.org").expect(200);
    assert_eq!(mails_to_confirm(&app), 6);
}

#[test]
fn a_client_that_asks_without_end_is_throttled() {
    let app = App::throttled();
    let mut statuses = (0..130).map(|_| resend(&app, "x@example.org").status);
    assert!(statuses.any(|it| it == 429));
}

#[test]
fn what_is_no_address_is_refused_in_json_and_on_the_page() {
    let app = App::new();
    for (body, rule) in [
        (json!({}), "This field is required."),
        (json!({"email": ""}), "This field may not be blank."),
        (json!({"email": null}), "This field may not be null."),
        (json!({"email": "x"}), "Enter a valid email address."),
        (json!({"email": 7}), "Not a valid string."),
    ] {
        let refused = app.post("resend-activation", &body).expect(400).json();
        assert_eq!(refused, json!({"email": [rule], "error": rule}), "{body}");
    }
    let form = Request::new("POST", "resend-activation/").header("accept", "text/html");
    let form = |email| {
        form.clone()
            .body("application/x-www-form-urlencoded", email)
    };
    let page = app.send(form("email=x")).expect(400).text();
    assert!(page.contains("Enter a valid email address."), "{page}");
    assert!(
        page.contains("action=\"&#x2f;authentication&#x2f;api&#x2f;resend-activation&#x2f;\""),
        "{page}"
    );
    let page = app.send(form("email=x%40example.org")).expect(200).text();
    assert!(page.contains("Look into your mail"), "{page}");
}

#[test]
fn the_page_of_a_false_link_has_another_one_sent() {
    let app = verified();
    register(&app, "ana", &json!({})).expect(201);
    let link = newest_link(&app);
    app.clock.advance(8 * DAY);
    for page in [
        follow(&app, &link),
        press(&app, &link),
        follow(&app, "activate/MQ/x/"),
    ] {
        let page = page.expect(400).text();
        assert!(
            page.contains("name=\"email\"") && page.contains("resend-activation"),
            "{page}"
        );
    }
}

#[test]
fn options_names_the_endpoint() {
    let app = App::new();
    let answer = app
        .send(Request::new("OPTIONS", "resend-activation/"))
        .expect(200);
    assert_eq!(answer.get("name"), "Resend Activation");
    let renders: Vec<Value> =
        serde_json::from_value(answer.json()["renders"].clone()).expect("a list");
    assert!(renders.contains(&json!("text/html")), "{renders:?}");
}

/// Adds somebody who has registered, and whose address is not confirmed.
fn await_confirmation(site: &crate::server::Site, name: &str) {
    let email = format!("{name}@example.org");
    let user =
        json!({"username": name, "email": email, "is_active": false, "awaits_confirmation": true});
    site.run_with(&["user", "import", "-"], &user.to_string())
        .ok();
}

#[test]
fn operators_send_it_again_but_not_to_who_is_confirmed() {
    let site = crate::server::Site::new();
    await_confirmation(&site, "cy");
    await_confirmation(&site, "di");
    let queued = site.run(&["user", "resend-activation", "cy"]).ok();
    assert_eq!(queued, "activation mail for cy queued to cy@example.org\n");
    let json = site
        .run(&["user", "resend-activation", "cy", "--format", "json"])
        .json();
    assert_eq!(json[0]["state"], "queued");
    let mails = || {
        let count = "SELECT count(*) FROM outbox WHERE kind = 'activation'";
        site.database().get::<i64>(count)
    };
    assert_eq!(mails(), 2);
    let confirm = "UPDATE users SET email_confirmed_at = 1 WHERE username = 'di'";
    site.database().change(confirm);
    let refused = site
        .run(&["user", "resend-activation", "cy", "di"])
        .refusal();
    assert!(refused.contains("di is confirmed already"), "{refused}");
    site.run(&["user", "deactivate", "cy"]).ok();
    let refused = site.run(&["user", "resend-activation", "cy"]).refusal();
    assert!(refused.contains("inactive"), "{refused}");
    site.run(&["user", "resend-activation", "nobody"]).refusal();
    assert_eq!(mails(), 2, "all of them or none");
    site.run(&["user", "activate", "cy"]).ok();
    let refused = site.run(&["user", "resend-activation", "cy"]).refusal();
    assert!(refused.contains("cy is active already"), "{refused}");
    site.add_user("ed", &[]);
    let refused = site.run(&["user", "resend-activation", "ed"]).refusal();
    assert!(refused.contains("has nothing to confirm"), "{refused}");
    await_confirmation(&site, "fi");
    site.run(&["user", "resend-activation", "fi", "--dry-run"])
        .ok();
    assert_eq!(mails(), 2);
    let audit = site.run(&["audit", "list", "--format", "json"]).json();
    let audit = audit.as_array().expect("rows");
    let queued = |it: &&Value| it["action"] == "mail.queue" && it["detail"] == "activation";
    assert_eq!(audit.iter().filter(queued).count(), 2);
}
