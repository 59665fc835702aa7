//! The wall clock is set back, and forward, and back again. What is there decides, not the time: what
//! was used up stays used up, and nobody waits longer than on any other day.

use std::time::Duration;

use minisass_auth::domain::{Actor, Timestamp};
use minisass_auth::operator::clock::{ClockStep, ClockWatch};
use minisass_auth::operator::maintenance::BackupSchedule;
use minisass_auth::progress::unwatched;
use serde_json::json;

use crate::app::{App, DAY, HOUR, PASSWORD, START, operator};
use crate::session::Opened;
use crate::tokens::{claims, header, refused_everywhere, sign};

const YEAR: i64 = 365 * DAY;

/// The server looks at the clock, as it does every second; a new watch, as after a restart, knows no
/// more than what is in the database.
fn look(app: &App) -> ClockStep {
    let mut watch = ClockWatch::default();
    app.wait(app.operator.watch_clock(&mut watch))
        .expect("a look at the clock")
}

fn set_back(app: &App, seconds: i64) {
    app.clock.advance(-seconds);
    assert_eq!(look(app), ClockStep::Back(seconds));
    assert_eq!(look(app), ClockStep::None, "it is followed once");
}

/// A clock without a battery starts there, until the machine has asked for the time.
#[test]
fn nothing_follows_a_clock_that_says_a_time_before_the_program() {
    let app = App::new().with_user("ana");
    let opened = Opened::by(&app, "ana");
    for wrong in [600, YEAR, 50 * YEAR] {
        let back = app.clock.now().0 - wrong;
        app.clock.advance(-back);
        assert_eq!(look(&app), ClockStep::Wrong, "{wrong}");
        app.clock.advance(back);
        assert_eq!(look(&app), ClockStep::None, "{wrong}");
        app.status(&opened.access).expect(200);
    }
    app.refresh(&opened.refresh).expect(200);
}

/// Ana has to wait a quarter of an hour.
fn locked() -> App {
    let app = App::throttled().with_user("ana");
    let codes: Vec<u16> = (0..6)
        .map(|_| app.try_login("ana@example.org", "wrong").status)
        .collect();
    assert_eq!(codes, [401, 401, 401, 401, 401, 429]);
    // As after ten more, each of which had to wait for longer.
    let longest = "UPDATE login_attempts SET failures = 15, next_at = updated_at + 900";
    app.database().change(longest);
    app
}

#[test]
fn whoever_is_logged_in_stays_logged_in() {
    for back in [2, HOUR, DAY, YEAR] {
        let app = App::new().with_user("ana");
        let opened = Opened::by(&app, "ana");
        app.clock.advance(-back);
        app.status(&opened.access).expect(200);
        look(&app);
        app.status(&opened.access).expect(200);
        let renewed = app.refresh(&opened.refresh).expect(200);
        app.status(&renewed.get("access")).expect(200);
        app.logout(&opened.access).expect(200);
        app.status(&renewed.get("access")).expect(401);
    }
}

#[test]
fn a_token_is_good_after_a_restart_too_unless_its_time_never_was() {
    for back in [2, HOUR, DAY] {
        for is_noticed_first in [false, true] {
            let app = App::new().with_user("ana");
            let opened = Opened::by(&app, "ana");
            app.clock.advance(600);
            // Nothing is written at this.
            let access = app.refresh(&opened.refresh).expect(200).get("access");
            if !is_noticed_first {
                // As a server does at first, and at a stop.
                let ahead = app.operator.note_served_until(Duration::from_secs(600));
                app.wait(ahead).expect("a note");
                let noted = app.wait(app.operator.note_latest_time());
                noted.expect("a note");
            }
            app.clock.advance(-back);
            if is_noticed_first {
                look(&app);
            }
            let app = app.restart(|_| {});
            let of = |issued_at: i64| {
                let mut claims = claims(&access);
                claims["iat"] = json!(issued_at);
                sign(&app, &header(&app), &claims)
            };
            for token in [&opened.access, &access, &of(START + 600)] {
                app.status(token).expect(200);
            }
            for never in [START + 603, START + YEAR] {
                refused_everywhere(&app, &of(never));
            }
        }
    }
}

#[test]
fn what_was_issued_before_the_power_failed_is_good_as_far_as_it_is_written_down() {
    let app = App::new().with_user("ana");
    app.clock.advance(DAY);
    let opened = Opened::by(&app, "ana");
    app.clock.advance(-DAY);
    let app = app.restart(|_| {});
    app.status(&opened.access).expect(200);
    app.refresh(&opened.refresh).expect(200);
}

#[test]
fn what_is_nowhere_written_down_is_good_after_a_power_failure_too() {
    for back in [2, HOUR, DAY] {
        let app = App::new().with_user("ana");
        let opened = Opened::by(&app, "ana");
        // As a server does every ten minutes.
        let ahead = app.operator.note_served_until(Duration::from_secs(600));
        app.wait(ahead).expect("a note");
        app.clock.advance(599);
        // Nothing is written at this.
        let asked = app.status(&opened.access).expect(200);
        app.clock.advance(-back);
        let app = app.restart(|_| {});
        app.status(&asked.get("access_token")).expect(200);
        app.refresh(&asked.get("refresh_token")).expect(200);
        let mut never = claims(&opened.access);
        never["iat"] = json!(START + YEAR);
        refused_everywhere(&app, &sign(&app, &header(&app), &never));
    }
}

#[test]
fn a_session_lasts_as_long_as_it_would_have() {
    let app = App::new().with_user("ana");
    app.clock.advance(YEAR);
    let opened = Opened::by(&app, "ana");
    set_back(&app, YEAR);
    app.clock.advance(30 * DAY - 1);
    app.refresh(&opened.refresh).expect(200);
    app.clock.advance(1);
    app.refresh(&opened.refresh).expect(401);
}

#[test]
fn what_was_ended_and_used_stays_so_wherever_the_clock_goes() {
    let app = App::new().with_user("ana");
    let opened = Opened::by(&app, "ana");
    app.logout(&opened.access).expect(200);
    let user = app.wait(app.operator.user("ana")).expect("an account");
    let (users, actor) = ([user], operator());
    let links = app.operator.password_links_by_hand(&users, &actor);
    let links = app.wait(links).expect("a link");
    let path = links[0].split_once("/api/").expect("a path").1;
    let path = path.replace("verify", "update");
    let choose = || {
        app.post(&path, &json!({"newPassword": "An0ther@Pass1"}))
            .status
    };
    assert_eq!(choose(), 200);
    for step in [-HOUR, 2 * HOUR, -DAY, YEAR, -2 * YEAR] {
        app.clock.advance(step);
        for _ in 0..2 {
            app.status(&opened.access).expect(401);
            app.refresh(&opened.refresh).expect(401);
            assert_eq!(choose(), 401);
            look(&app);
        }
    }
}

#[test]
fn a_used_refresh_token_is_not_revived() {
    for back in [60, HOUR, DAY] {
        for is_followed in [false, true] {
            let app = App::with(|setup| setup.rules.rotate_refresh = true).with_user("ana");
            let opened = Opened::by(&app, "ana");
            app.clock.advance(back + 60);
            app.refresh(&opened.refresh).expect(200);
            app.clock.advance(-back);
            if is_followed {
                look(&app);
                // The time comes in which it was used.
                app.clock.advance(back);
            }
            app.refresh(&opened.refresh).expect(401);
        }
    }
}

#[test]
fn an_answer_that_got_lost_while_the_clock_was_put_right_can_be_asked_for_again() {
    let app = App::with(|setup| setup.rules.rotate_refresh = true).with_user("ana");
    let opened = Opened::by(&app, "ana");
    app.refresh(&opened.refresh).expect(200);
    app.clock.advance(-2);
    look(&app);
    app.refresh(&opened.refresh).expect(200);
}

#[test]
fn a_wait_after_wrong_passwords_ends_within_a_quarter_of_an_hour() {
    for back in [HOUR, DAY, YEAR] {
        for is_followed in [false, true] {
            let app = locked();
            app.clock.advance(-back);
            if is_followed {
                look(&app);
            } else {
                // Before the server has noticed.
                app.try_login("ana@example.org", PASSWORD).expect(429);
            }
            app.clock.advance(900);
            app.try_login("ana@example.org", PASSWORD).expect(200);
        }
    }
}

#[test]
fn going_back_does_not_shorten_a_wait() {
    let app = locked();
    set_back(&app, DAY);
    app.try_login("ana@example.org", PASSWORD).expect(429);
    app.clock.advance(899);
    app.try_login("ana@example.org", PASSWORD).expect(429);
    assert_eq!(app.count("SELECT min(failures) FROM login_attempts"), 15);
}

#[test]
fn a_mail_leaves_when_it_would_have() {
    let app = App::new().with_user("ana");
    app.clock.advance(YEAR);
    app.post("request-reset/", &json!({"email": "ana@example.org"}))
        .expect(200);
    set_back(&app, YEAR);
    let mails = app.mails();
    assert!(
        mails.last().is_some_and(|it| it.contains("reset")),
        "{mails:?}"
    );
}

#[test]
fn a_mail_that_waits_for_its_next_try_waits_no_longer_and_a_lease_ends() {
    let app = App::new().with_user("ana");
    app.mails();
    let database = app.database();
    let waiting = |next: i64, lease: i64| {
        database.change(&format!(
            "INSERT INTO outbox (kind, recipient, state, next_at, created_at, leased_until)
             VALUES ('contact', 'x@example.org', 'queued', {next}, {START}, {lease})"
        ));
    };
    waiting(START + 60, START);
    waiting(START, START + 30);
    set_back(&app, DAY);
    let ends = "SELECT next_at || ' ' || leased_until FROM outbox WHERE recipient = 'x@example.org' ORDER BY id";
    let ends: Vec<String> = database.rows(ends);
    let now = START - DAY;
    assert_eq!(ends[0], format!("{} {now}", now + 60));
    assert_eq!(ends[1], format!("{now} {}", now + 30));
}

#[test]
fn links_work_as_long_as_they_would_have_and_count_for_an_hour() {
    let app = App::throttled().with_user("ana");
    let ask = || {
        app.post("request-reset/", &json!({"email": "ana@example.org"}))
            .expect(200);
        app.mails().len()
    };
    app.clock.advance(YEAR);
    let counts: Vec<usize> = (0..7).map(|_| ask()).collect();
    assert_eq!(counts[4], counts[6], "five an hour");
    set_back(&app, YEAR);
    let last = "SELECT max(expires_at) FROM links WHERE purpose = 'password-reset'";
    assert_eq!(app.count(last), START + HOUR);
    assert_eq!(ask(), counts[6]);
    app.clock.advance(HOUR + 1);
    assert_eq!(ask(), counts[6] + 1);
}

#[test]
fn it_is_written_down_once() {
    let app = App::new().with_user("ana");
    set_back(&app, DAY);
    assert_eq!(
        app.count("SELECT count(*) FROM audit WHERE action = 'clock.back'"),
        1
    );
    let last = "SELECT id = (SELECT max(id) FROM audit) FROM audit WHERE action = 'clock.back'";
    assert_eq!(app.count(last), 1, "the trail goes on in its order");
    let mut watch = ClockWatch::default();
    let mut look = || {
        app.wait(app.operator.watch_clock(&mut watch))
            .expect("a look")
    };
    assert_eq!(look(), ClockStep::None);
    app.clock.advance(-1);
    assert_eq!(look(), ClockStep::None, "seconds are cut off");
    app.clock.advance(-5);
    assert_eq!(look(), ClockStep::Back(5));
    app.clock.advance(DAY + 1);
    assert_eq!(look(), ClockStep::Ahead(DAY + 1));
    app.clock.advance(HOUR);
    assert_eq!(look(), ClockStep::None);
}

#[test]
fn a_leap_that_could_not_be_noted_is_doubted_at_once_and_noted_later() {
    let app = App::new().with_user("ana");
    app.clock.advance(2 * DAY);
    let mut watch = ClockWatch::default();
    let rename = |from: &str, to: &str| {
        let rename = format!("ALTER TABLE {from} RENAME TO {to}");
        app.database().change(&rename);
    };
    rename("counts", "gone");
    let look = |watch: &mut ClockWatch| app.wait(app.operator.watch_clock(watch));
    let note = |watch: &mut ClockWatch| app.wait(app.operator.note_leap(watch));
    let found = look(&mut watch).expect("a look");
    assert_eq!(found, ClockStep::Ahead(2 * DAY));
    note(&mut watch).expect_err("no table");
    rename("gone", "counts");
    assert_eq!(look(&mut watch).expect("a look"), ClockStep::None);
    note(&mut watch).expect("a note");
    // A restart does not ask what was written last only.
    app.login("ana");
    let mut after_restart = ClockWatch::default();
    let doubted = ClockStep::AheadBefore(Timestamp(START + 2 * DAY + HOUR));
    assert_eq!(look(&mut after_restart).expect("a look"), doubted);
    app.clock.advance(-HOUR);
    let mut after_restart = ClockWatch::default();
    let back = look(&mut after_restart).expect("a look");
    assert!(matches!(back, ClockStep::Back(_)), "{back:?}");
    let still = look(&mut after_restart).expect("a look");
    assert!(matches!(still, ClockStep::AheadBefore(_)), "{still:?}");
}

#[test]
fn scheduled_backups_go_on_and_the_one_of_the_future_gives_way_first() {
    let app = App::new().with_user("ana");
    let schedule = BackupSchedule {
        folder: app.path("backups"),
        every: std::time::Duration::from_secs(86_400),
        keep: 2,
    };
    let server = Actor::server();
    let make = || {
        let progress = unwatched();
        let now = app.clock.now();
        let made = app
            .operator
            .back_up_if_due(&schedule, now, &server, &progress);
        app.wait(made).expect("a backup").is_some()
    };
    app.clock.advance(YEAR);
    assert!(make());
    set_back(&app, YEAR);
    assert!(make(), "that of the future counts for none");
    assert!(!make());
    app.clock.advance(DAY);
    assert!(make() && !make());
    let names = std::fs::read_dir(app.path("backups")).expect("backups");
    let mut names: Vec<String> = names
        .map(|it| {
            it.expect("a file")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    let at = |at: i64| {
        format!(
            "auth-{}.db",
            Timestamp(at).to_string().replace([':', '-'], "")
        )
    };
    assert_eq!(names, [at(START), at(START + DAY)]);
}

#[test]
fn the_policy_that_was_published_last_counts() {
    let app = App::new().with_user("ana");
    let publish = |version: &str| {
        let url = format!("https://example.org/{version}");
        app.wait(app.operator.publish_policy(version, &url, &operator()))
            .expect("a policy")
    };
    publish("one");
    app.clock.advance(-DAY);
    publish("two");
    let answer = app.login("ana").json();
    assert_eq!(answer["accepted_privacy_policy_version"], json!("two"));
}
