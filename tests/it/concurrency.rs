//! What must hold when many ask for the same thing at the same moment.

use std::collections::HashSet;
use std::sync::Barrier;

use minisass_auth::crypto::Cost;
use serde_json::json;

use crate::app::{App, PASSWORD};
use crate::client::{Answer, Request};
use crate::register::form;
use crate::reset::{confirm, link};
use crate::tokens::claims;

/// All of them at once.
fn at_once(count: usize, ask: impl Fn(usize) -> Answer + Sync) -> Vec<Answer> {
    let barrier = Barrier::new(count);
    let (barrier, ask) = (&barrier, &ask);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|place| {
                scope.spawn(move || {
                    barrier.wait();
                    ask(place)
                })
            })
            .collect();
        let answers = threads.into_iter().map(|it| it.join().expect("an answer"));
        answers.collect()
    })
}

fn how_many(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|it| it.status == status).count()
}

#[test]
fn of_fifty_who_take_one_name_one_gets_it() {
    let app = App::new();
    for field in ["username", "email"] {
        let answers = at_once(50, |place| {
            let mut form = form(&format!("{field}{place}"));
            form[field] = json!(format!("same-{field}@example.org"));
            if field == "username" {
                form[field] = json!("same");
            }
            app.post("register/", &form)
        });
        assert_eq!(how_many(&answers, 201), 1);
        assert_eq!(how_many(&answers, 400), 49);
    }
    assert_eq!(
        app.count("SELECT count(*) FROM users WHERE username_key = 'same'"),
        1
    );
    assert_eq!(app.count("SELECT count(*) FROM users"), 2);
    assert_eq!(app.count("SELECT count(*) FROM profiles"), 2);
}

#[test]
fn fifty_different_people_register_at_once() {
    let app = App::new();
    let answers = at_once(50, |place| {
        app.post("register/", &form(&format!("user{place}x")))
    });
    assert_eq!(how_many(&answers, 201), 50);
    let ids: HashSet<_> = answers.iter().map(|it| it.json()["id"].as_i64()).collect();
    assert_eq!(ids.len(), 50);
}

#[test]
fn of_fifty_uses_of_a_link_one_wins() {
    let app = App::new().with_user("ana");
    let link = link(&app, "ana@example.org");
    let password = |place: usize| format!("An0ther@Pass-{place}");
    let answers = at_once(50, |place| confirm(&app, &link, &password(place)));
    assert_eq!(how_many(&answers, 200), 1);
    assert_eq!(how_many(&answers, 401), 49);
    let winner = answers
        .iter()
        .position(|it| it.status == 200)
        .expect("a winner");
    app.try_login("ana", &password(winner)).expect(200);
    app.try_login("ana", &password((winner + 1) % 50))
        .expect(401);
    app.try_login("ana", PASSWORD).expect(401);
}

#[test]
fn of_three_hundred_parallel_guesses_few_are_looked_at() {
    let app = App::with(|setup| {
        setup.rules.throttle = true;
        setup.deployment.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    });
    let app = app.with_user("ana");
    let guess = |place: usize| {
        let password = format!("guess-{place}");
        let body = json!({"email": "ana", "password": password});
        let request = Request::new("POST", "login/").json(&body);
        let address = format!("10.0.{}.{}", place / 250, place % 250);
        app.send(request.header("X-Forwarded-For", &address))
    };
    let answers = at_once(300, guess);
    assert_eq!(how_many(&answers, 401), 5);
    assert_eq!(how_many(&answers, 429), 295);
    app.try_login("ana", PASSWORD).expect(429);
}

#[test]
fn the_right_guess_in_the_middle_of_many_is_not_accepted() {
    let app = App::with(|setup| {
        setup.rules.throttle = true;
        setup.deployment.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    });
    let app = app.with_user("ana");
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let answers = at_once(30, |client| {
        let mut last = None;
        for _ in 0..10 {
            let place = turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let password = if place == 150 { PASSWORD } else { "wrong" };
            let body = json!({"email": "ana", "password": password});
            let request = Request::new("POST", "login/").json(&body);
            let answer = app.send(request.header("X-Forwarded-For", &format!("10.0.0.{client}")));
            assert_ne!(answer.status, 200);
            last = Some(answer);
        }
        last.expect("an answer")
    });
    assert_eq!(answers.len(), 30);
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 0);
}

#[test]
fn of_twenty_uses_of_a_refresh_token_all_get_the_same_successor() {
    let app = App::with(|setup| setup.rules.rotate_refresh = true).with_user("ana");
    let first = app.login("ana").get("refresh_token");
    let answers = at_once(20, |_| app.refresh(&first));
    assert_eq!(how_many(&answers, 200), 20);
    let names: HashSet<_> = answers
        .iter()
        .map(|it| claims(&it.get("refresh"))["jti"].to_string())
        .collect();
    assert_eq!(names.len(), 1);
    app.refresh(&answers[0].get("refresh")).expect(200);
}

#[test]
fn a_session_can_be_ended_many_times_at_once() {
    let app = App::new().with_user("ana");
    let access = app.login("ana").get("access_token");
    let answers = at_once(20, |_| app.logout(&access));
    assert!(how_many(&answers, 200) >= 1);
    assert_eq!(how_many(&answers, 200) + how_many(&answers, 401), 20);
    assert_eq!(
        app.count("SELECT count(*) FROM audit WHERE action = 'session.end'"),
        1
    );
}

#[test]
fn a_reset_leaves_no_login_of_the_same_moment_alive() {
    let app = App::new().with_user("ana");
    for round in 0..5 {
        let old = if round == 0 {
            PASSWORD.to_owned()
        } else {
            format!("R0und@Pass-{round}")
        };
        let new = format!("R0und@Pass-{}", round + 1);
        let link = link(&app, "ana@example.org");
        let answers = at_once(12, |place| match place {
            6 => confirm(&app, &link, &new).expect(200),
            _ => app.try_login("ana", &old),
        });
        for answer in answers
            .iter()
            .filter(|it| it.header("set-cookie").is_some())
        {
            app.status(&answer.get("access_token")).expect(401);
        }
        app.try_login("ana", &new).expect(200);
    }
}

#[test]
fn the_cap_on_sessions_holds_for_parallel_logins() {
    let app = App::new().with_user("ana");
    let answers = at_once(70, |_| app.try_login("ana", PASSWORD));
    assert_eq!(how_many(&answers, 200), 70);
    let alive = answers
        .iter()
        .filter(|it| app.status(&it.get("access_token")).status == 200);
    assert_eq!(alive.count(), 50);
}

#[test]
fn more_logins_than_can_wait_are_sent_away_and_hold_nobody_else_up() {
    let app = App::with(|setup| {
        setup.hash_queue = 2;
        setup.cost = Cost { ln: 14, r: 8, p: 1 };
    });
    let app = app.with_user("ana");
    let access = app.login("ana").get("access_token");
    let answers = at_once(30, |place| match place % 3 {
        0 => app.status(&access).expect(200),
        1 => app.try_login("ana", "wrong"),
        _ => app.post("register/", &form(&format!("user{place}x"))),
    });
    assert!(how_many(&answers, 503) >= 1);
    for answer in answers.iter().filter(|it| it.status == 503) {
        assert!(
            answer
                .header("retry-after")
                .is_some_and(|it| it.parse::<u32>().is_ok())
        );
        answer.get("detail");
    }
    let served = how_many(&answers, 503) + how_many(&answers, 401) + how_many(&answers, 201);
    assert_eq!(served, 20);
    let registered = i64::try_from(how_many(&answers, 201)).expect("few");
    assert_eq!(app.count("SELECT count(*) FROM users"), 1 + registered);
    app.login("ana");
}

/// After a move from another service, or when the cost was changed, each first login replaces the hash.
#[test]
fn a_right_password_is_right_for_all_who_log_in_while_its_hash_is_replaced() {
    let app = App::new().with_user("ana");
    let dearer = Cost { ln: 9, r: 8, p: 1 };
    let app = app.restart(|setup| setup.cost = dearer);
    let answers = at_once(8, |place| match place % 2 {
        0 => app.try_login("ana", PASSWORD),
        _ => app.post("token/", &json!({"username": "ana", "password": PASSWORD})),
    });
    assert_eq!(how_many(&answers, 200), 8);
    app.try_login("ana", "wrong").expect(401);
}
