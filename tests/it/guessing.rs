//! What is counted of guesses, under which names, and what nobody learns from it.

use std::sync::atomic::{AtomicBool, Ordering};

use minisass_auth::accounts::register::Registration;
use minisass_auth::crypto::Cost;
use serde_json::json;

use crate::app::{App, DAY, PASSWORD, operator};
use crate::client::{Answer, Request};
use crate::reset::{NEW, confirm, link};
use crate::server::until;

/// An application that believes what a client's address is said to be.
fn app(decide: impl FnOnce(&mut crate::app::Setup)) -> App {
    App::with(|setup| {
        setup.rules.throttle = true;
        setup.deployment.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
        decide(setup);
    })
}

/// Somebody whose user name does not tell their address.
fn app_with_a_victim() -> App {
    let app = app(|_| {});
    let account = Registration {
        username: "vic".to_owned(),
        email: "victim@example.org".to_owned(),
        password: Some(PASSWORD.to_owned()),
        ..Registration::default()
    };
    app.add(account, true, false);
    app
}

/// A login from one of many addresses.
fn from(app: &App, client: u32, path: &str, body: &serde_json::Value) -> Answer {
    let request = Request::new("POST", path).json(body);
    let address = std::net::Ipv4Addr::from(0x0a00_0000 + client);
    app.send(request.header("X-Forwarded-For", &address.to_string()))
}

fn login(app: &App, client: u32, name: &str, password: &str) -> Answer {
    let body = json!({"email": name, "password": password});
    from(app, client, "login/", &body)
}

fn token(app: &App, client: u32, name: &str, password: &str) -> Answer {
    let body = json!({"username": name, "password": password});
    from(app, client, "token/", &body)
}

#[test]
fn the_answers_to_guesses_tell_nobody_which_names_there_are() {
    let app = app_with_a_victim();
    // The address and the user name of one person, who is there or not.
    let answers = |address: &str, name: &str| -> Vec<_> {
        let wide = address.replace('v', "ｖ").replace('n', "ｎ");
        let upper = address.to_uppercase();
        let tries = [
            address, address, &upper, address, address, &wide, name, name, &upper,
        ];
        let both = tries.iter().map(|typed| {
            [
                login(&app, 1, typed, "wrong").comparable(),
                token(&app, 2, typed, "wrong").comparable(),
            ]
        });
        both.collect()
    };
    let known = answers("victim@example.org", "vic");
    assert_eq!(known, answers("nobody@example.org", "nob"));
    let refused = known.iter().flatten().filter(|it| it.0 == 429).count();
    assert!(refused > 0, "nothing was throttled");
}

#[test]
fn while_an_account_has_to_wait_another_of_its_names_is_refused_as_if_wrong() {
    let app = app_with_a_victim();
    for client in 0..5 {
        login(&app, client, "victim@example.org", "wrong").expect(401);
    }
    login(&app, 5, "victim@example.org", PASSWORD).expect(429);
    let before = app.hashes();
    let refused = login(&app, 6, "vic", PASSWORD).expect(401);
    assert_eq!(app.hashes() - before, 1, "as an unknown account costs");
    let wrong = login(&app, 7, "nobody", PASSWORD).expect(401);
    assert_eq!(refused.comparable(), wrong.comparable());
    app.clock.advance(1);
    login(&app, 8, "vic", PASSWORD).expect(200);
    // That has cleared all counters of the account, whatever name they stand under.
    login(&app, 9, "victim@example.org", PASSWORD).expect(200);
    assert_eq!(
        app.count("SELECT count(*) FROM login_attempts"),
        1,
        "nobody's is left"
    );
}

#[test]
fn a_hundred_guesses_over_all_names_switch_the_password_off() {
    let app = app_with_a_victim();
    for client in 0..50 {
        login(&app, client, "victim@example.org", "wrong").expect(401);
        app.clock.advance(900);
        token(&app, client, "VIC", "wrong").expect(401);
        app.clock.advance(900);
    }
    login(&app, 60, "vic", PASSWORD).expect(401);
    token(&app, 61, "victim@example.org", PASSWORD).expect(401);
    let link = link(&app, "victim@example.org");
    confirm(&app, &link, NEW).expect(200);
    login(&app, 62, "vic", NEW).expect(200);
}

#[test]
fn a_name_that_was_guessed_at_is_forgotten_and_a_password_that_was_switched_off_stays_so() {
    let app = app_with_a_victim();
    let names = ["vic", "nobody"];
    for client in 0..100 {
        for name in names {
            login(&app, client, name, "wrong").expect(401);
        }
        app.clock.advance(900);
    }
    let counters = "SELECT count(*) FROM login_attempts";
    assert_eq!(app.count(counters), 3, "two names and an account");
    app.clock.advance(31 * DAY);
    assert!(
        app.wait(app.operator.purge_some(app.clock.now()))
            .expect("a purge")
    );
    assert_eq!(app.count(counters), 1, "the account's");
    // Whoever asks which of the two there is learns nothing from that.
    let [one, other] = names.map(|name| {
        let asked = (0..7).map(|client| login(&app, client, name, PASSWORD));
        asked.map(|it| it.comparable()).collect::<Vec<_>>()
    });
    assert_eq!(one, other);
    assert_eq!(one[0].0, 401);
    let vic = app.wait(app.operator.user("vic")).expect("an account").id;
    let caller = operator();
    let gone = app.operator.delete_user(vic, &caller);
    assert!(app.wait(gone).expect("a deletion"));
    app.clock.advance(31 * DAY);
    assert!(
        app.wait(app.operator.purge_some(app.clock.now()))
            .expect("a purge")
    );
    assert_eq!(app.count(counters), 0, "nobody is left to count for");
}

/// Says so when it is dropped, also by a test that fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Keeps all hashing threads busy with strangers while `doing` runs.
fn in_a_storm(app: &App, doing: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for stranger in 0..6 {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut client = 1_000_000 * (stranger + 1);
                while !is_over.load(Ordering::SeqCst) {
                    client += 1;
                    login(app, client, &format!("stranger{client}"), "wrong");
                }
            });
        }
        let _over = Over(&is_over);
        doing();
    });
}

/// With no place to wait, and hashes that take long enough to meet.
fn narrow() -> App {
    let narrow = app(|setup| {
        setup.hash_queue = 0;
        setup.cost = Cost { ln: 13, r: 8, p: 1 };
    });
    narrow.with_user("ana")
}

#[test]
fn what_found_no_place_to_be_hashed_is_no_guess() {
    let app = narrow();
    in_a_storm(&app, || {
        let mut in_a_row = 0;
        let mut client = 0;
        until("eight refusals in a row", || {
            client += 1;
            let answer = login(&app, client, "ana", PASSWORD);
            match answer.status {
                503 => in_a_row += 1,
                200 => in_a_row = 0,
                other => panic!("{other}: {}", answer.text()),
            }
            (in_a_row == 8).then_some(())
        });
    });
    login(&app, 0, "ana", PASSWORD).expect(200);
}

#[test]
fn a_right_login_is_let_in_though_its_new_hash_finds_no_place() {
    let app = narrow().restart(|setup| {
        setup.rules.throttle = false;
        setup.hash_queue = 0;
        setup.cost = Cost { ln: 13, r: 9, p: 1 };
    });
    let hash = || -> String { app.database().get("SELECT password_hash FROM users") };
    let old = hash();
    in_a_storm(&app, || {
        until("a login that keeps its hash", || {
            let answer = app.try_login("ana", PASSWORD);
            let is_kept = hash() == old;
            let sql = format!("UPDATE users SET password_hash = '{old}'");
            app.database().change(&sql);
            (answer.status == 200 && is_kept).then_some(())
        });
    });
    app.login("ana");
    assert_ne!(hash(), old, "the next one made it anew");
}
