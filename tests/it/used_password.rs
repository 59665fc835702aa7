//! Earlier passwords are refused, for few hashes.

use minisass_auth::crypto::{Cost, Hasher, Random};
use minisass_auth::domain::Password;
use serde_json::json;

use crate::app::{App, PASSWORD};
use crate::client::Answer;
use crate::own::{access, send};
use crate::reset::{confirm, link};

/// The most that a request may cost.
const MOST: u64 = 3;

fn change(app: &App, access: &str, old: &str, new: &str) -> Answer {
    let body = json!({"old_password": old, "password": new, "confirm_password": new});
    send(app, "POST", "user/password/update/", access, Some(&body))
}

/// The answer, if it cost no more than it may.
#[track_caller]
fn cheap(app: &App, ask: impl FnOnce() -> Answer) -> Answer {
    let before = app.hashes();
    let answer = ask();
    let hashes = app.hashes() - before;
    assert!(hashes <= MOST, "{hashes} hashes");
    answer
}

fn nth(place: usize) -> String {
    format!("{place}-of-many-passwords")
}

/// Puts hashes into the history of the only user, the oldest first.
fn remember(app: &App, hashes: impl IntoIterator<Item = String>) {
    for hash in hashes {
        app.database().change(&format!(
            "INSERT INTO password_history (user_id, password_hash, created_at) VALUES (1, '{hash}', 0)"
        ));
    }
}

/// A hash of our own, with a salt of its own.
fn hash(app: &App, password: &str) -> String {
    let cost = Cost { ln: 4, r: 1, p: 1 };
    let hasher = Hasher::new(cost, 1, 1, Random::System).expect("a hasher");
    let made = app.wait(hasher.hash(Password::attempt(password)));
    made.expect("a hash")
}

#[test]
fn all_twenty_four_earlier_passwords_are_refused_for_few_hashes() {
    let app = App::new().with_user("ana");
    let access = access(&app);
    let mut current = PASSWORD.to_owned();
    for place in 1..=24 {
        cheap(&app, || change(&app, &access, &current, &nth(place))).expect(200);
        current = nth(place);
    }
    let link = link(&app, "ana@example.org");
    for used in std::iter::once(PASSWORD.to_owned()).chain((1..=24).map(nth)) {
        cheap(&app, || change(&app, &access, &current, &used)).expect(400);
        let answer = cheap(&app, || confirm(&app, &link, &used)).expect(400);
        assert!(answer.text().contains("used before"), "{used}");
    }
    cheap(&app, || confirm(&app, &link, &nth(25))).expect(200);
    app.try_login("ana", &nth(25)).expect(200);
}

#[test]
fn of_a_history_with_many_salts_the_latest_are_compared() {
    let app = App::new().with_user("ana");
    remember(&app, (1..=24).map(|place| hash(&app, &nth(place))));
    let link = link(&app, "ana@example.org");
    for used in [PASSWORD, &nth(24), &nth(23)] {
        cheap(&app, || confirm(&app, &link, used)).expect(400);
    }
    cheap(&app, || confirm(&app, &link, &nth(1))).expect(200);
}

#[test]
fn an_imported_history_is_compared_within_the_same_bounds() {
    // Of PASSWORD of the other tests, Django's cheapest.
    let used = "Kc8!fjWq2z";
    let pbkdf2 = "pbkdf2_sha256$1000$seasalt1$cLucG1E6LN7WMAxQh2nsvJHFKNs4TaWorFmC3IVE5LU=";
    let app = App::new().with_user("ana");
    remember(&app, (1..=23).map(|place| hash(&app, &nth(place))));
    remember(&app, [pbkdf2.to_owned()]);
    let access = access(&app);
    cheap(&app, || change(&app, &access, PASSWORD, used)).expect(400);
    let link = link(&app, "ana@example.org");
    cheap(&app, || confirm(&app, &link, used)).expect(400);
    cheap(&app, || confirm(&app, &link, &nth(24))).expect(200);
}

#[test]
fn a_change_of_the_cost_forgets_no_earlier_password() {
    let app = App::new().with_user("ana");
    let access = access(&app);
    change(&app, &access, PASSWORD, &nth(1)).expect(200);
    change(&app, &access, &nth(1), &nth(2)).expect(200);
    let app = app.restart(|setup| setup.cost = Cost { ln: 5, r: 1, p: 1 });
    cheap(&app, || app.try_login("ana", &nth(2))).expect(200);
    for used in [PASSWORD, &nth(1), &nth(2)] {
        cheap(&app, || change(&app, &access, &nth(2), used)).expect(400);
    }
    cheap(&app, || change(&app, &access, &nth(2), &nth(3))).expect(200);
}

#[test]
fn users_do_not_share_a_salt() {
    let app = App::new().with_user("ana").with_user("bob");
    let salts = "SELECT count(DISTINCT substr(password_hash, 1, 44)) FROM users";
    assert_eq!(app.count(salts), 2);
}

#[test]
fn a_refused_choice_cannot_be_repeated_for_ever() {
    let app = App::throttled().with_user("ana");
    let link = link(&app, "ana@example.org");
    // What costs no hash is not counted.
    for _ in 0..10 {
        confirm(&app, &link, "short").expect(400);
    }
    for _ in 0..5 {
        confirm(&app, &link, PASSWORD).expect(400);
    }
    let before = app.hashes();
    confirm(&app, &link, PASSWORD).expect(429);
    assert_eq!(app.hashes(), before);
    app.clock.advance(1);
    confirm(&app, &link, &nth(1)).expect(200);

    let access = app
        .try_login("ana", &nth(1))
        .expect(200)
        .get("access_token");
    for _ in 0..5 {
        change(&app, &access, &nth(1), PASSWORD).expect(400);
    }
    change(&app, &access, &nth(1), PASSWORD).expect(429);
    app.clock.advance(1);
    change(&app, &access, &nth(1), &nth(2)).expect(200);
}
