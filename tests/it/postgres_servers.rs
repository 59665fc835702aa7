//! Several servers of one database.

use std::collections::BTreeSet;
use std::sync::{Arc, Once};
use std::time::Duration;

use minisass_auth::clock::Clock;
use minisass_auth::domain::{Email, MailKind, Timestamp};
use minisass_auth::operator::clock::{ClockStep, ClockWatch};
use minisass_auth::operator::maintenance::BackupSchedule;
use minisass_auth::progress::Progress;
use minisass_auth::store::attempts::Attempt;
use minisass_auth::store::{Location, Store};
use serde_json::json;

use crate::app::{App, DAY, HOUR, PASSWORD, START, operator};
use crate::database::Database;
use crate::deeds::rounds;
use crate::postgres;
use crate::session::Opened;
use crate::store::{NOW, actor, get, later};

/// Two of them.
fn servers() -> Option<[App; 2]> {
    let first = App::on(postgres::database()?);
    let second = first.beside();
    Some([first, second])
}

#[test]
fn what_ends_at_one_server_is_over_at_the_other_at_once() {
    let Some([one, other]) = servers() else {
        return;
    };
    let one = one.with_user("ada");
    for _ in 0..rounds(50) {
        let access = one.login("ada").get("access_token");
        other.status(&access).expect(200);
        one.logout(&access).expect(200);
        other.status(&access).expect(401);
    }
    let access = other.login("ada").get("access_token");
    one.status(&access).expect(200);
    other.set_active("ada", false);
    one.status(&access).expect(401);
    one.try_login("ada", PASSWORD).expect(401);
}

/// From now on the database says that it is so much later than this machine does.
fn shift_clock(database: &Database, by: &str) {
    database.change(&format!(
        "CREATE OR REPLACE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql
         AS $$ BEGIN RETURN {by}; END $$;
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
         END $$",
    ));
}

/// When the sessions were opened, all added up.
fn opened_at(app: &App) -> i64 {
    app.database()
        .get("SELECT sum(created_at)::bigint FROM sessions")
}

fn look(app: &App, watch: &mut ClockWatch) -> ClockStep {
    app.wait(app.operator.watch_clock(watch))
        .expect("a look at the clock")
}

/// For this role the database says an earlier time, as if the clock of its machine were ahead.
const AHEAD: &str = "ahead_of_tests";

/// A server of a machine whose clock is so many seconds ahead.
fn ahead(one: &App, seconds: i64) -> App {
    one.database().change(&format!(
        "CREATE SCHEMA IF NOT EXISTS shifted;
         CREATE OR REPLACE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql
         AS $$ SELECT pg_catalog.clock_timestamp() - interval '{seconds} seconds' $$;
         DROP ROLE IF EXISTS {AHEAD};
         CREATE ROLE {AHEAD} SUPERUSER LOGIN;
         ALTER ROLE {AHEAD} SET search_path = public, shifted, pg_catalog",
    ));
    let url = one
        .place
        .to_string()
        .replace("postgres@", &format!("{AHEAD}@"));
    let place = Location::parse(&url).expect("a place");
    one.elsewhere(place, Clock::fixed(Timestamp(START + seconds)))
}

#[test]
fn servers_go_by_the_clock_of_the_database_whatever_their_machines_say() {
    let Some(database) = postgres::database() else {
        return;
    };
    let one = App::on(database).with_user("ada");
    for seconds in [-DAY, -20, 20, 2 * HOUR, 200 * DAY] {
        let other = ahead(&one, seconds);
        let mut watch = ClockWatch::default();
        let off = match look(&other, &mut watch) {
            ClockStep::BehindDatabase(off) => -off,
            ClockStep::AheadOfDatabase(off) => off,
            _ => 0,
        };
        let is_told = seconds.abs() > 30;
        assert!((off - if is_told { seconds } else { 0 }).abs() < 5, "{off}");
        assert_eq!(watch.is_news(), is_told);
        look(&other, &mut watch);
        assert!(!watch.is_news(), "it is said once");
        assert!(other.clock.now().seconds_since(one.clock.now()).abs() < 5);

        let opened = Opened::by(&other, "ada");
        one.status(&opened.access).expect(200);
        one.refresh(&opened.refresh).expect(200);
        one.logout(&opened.access).expect(200);
        other.status(&opened.access).expect(401);
        one.post("request-reset/", &json!({"email": "ada@example.org"}))
            .expect(200);
        let mails = other.mails();
        assert!(
            mails.last().is_some_and(|it| it.contains("reset")),
            "{mails:?}"
        );
    }
    one.database().change(&format!("DROP ROLE {AHEAD}"));
}

/// What was written meanwhile is of now, and so are the servers.
#[test]
fn servers_follow_the_clock_of_the_database_when_that_is_put_right() {
    let Some(database) = postgres::database() else {
        return;
    };
    let app = App::on(database).with_user("ada");
    let right = "pg_catalog.clock_timestamp()";
    shift_clock(&app.database(), &format!("{right} + interval '1 day'"));
    let one = app.restart(|_| {});
    let mut watch = ClockWatch::default();
    assert_eq!(look(&one, &mut watch), ClockStep::BehindDatabase(DAY));
    let opened = Opened::by(&one, "ada");
    assert!(opened_at(&one) > START);
    shift_clock(&one.database(), right);
    assert_eq!(look(&one, &mut watch), ClockStep::Back(DAY));
    assert_eq!(opened_at(&one), START);
    one.status(&opened.access).expect(200);
    // One that was not there when it happened.
    let other = one.beside();
    assert_eq!(look(&other, &mut ClockWatch::default()), ClockStep::None);
    other.refresh(&opened.refresh).expect(200);
}

#[test]
fn nothing_follows_a_clock_while_the_database_does_not_tell_the_time() {
    let Some(database) = postgres::database() else {
        return;
    };
    let app = App::on(database).with_user("ada");
    let _opened = Opened::by(&app, "ada");
    let mut watch = ClockWatch::default();
    assert_eq!(look(&app, &mut watch), ClockStep::None);
    let begun = opened_at(&app);
    shift_clock(&app.database(), "pg_catalog.clock_timestamp() / 0");
    let app = app.restart(|_| {});
    app.clock.advance(-7200);
    assert_eq!(look(&app, &mut watch), ClockStep::None);
    assert_eq!(opened_at(&app), begun);
}

/// When the mail that waits is tried, and until when the other one is in hand.
fn waits(app: &App) -> Vec<(i64, Option<i64>)> {
    let waiting = "SELECT next_at || ' ' || coalesce(leased_until, 0) FROM outbox
                   WHERE recipient = 'x@example.org' ORDER BY id";
    let of_row = |row: &String| {
        let (next, lease) = row.split_once(' ').expect("two numbers");
        let lease = lease.parse().expect("a number");
        (
            next.parse().expect("a number"),
            Some(lease).filter(|it| *it > 0),
        )
    };
    let rows: Vec<String> = app.database().rows(waiting);
    rows.iter().map(of_row).collect()
}

fn queue_at(app: &App, now: i64) {
    let (next, lease) = (now + 60, now + 30);
    app.database().change(&format!(
        "DELETE FROM outbox;
         INSERT INTO outbox (kind, recipient, state, attempts, next_at, created_at, leased_until)
         VALUES ('contact', 'x@example.org', 'queued', 1, {next}, {now}, NULL),
                ('contact', 'x@example.org', 'queued', 1, {now}, {now}, {lease})"
    ));
}

#[test]
fn mails_wait_no_longer_once_the_clock_of_the_database_is_put_right() {
    let Some(database) = postgres::database() else {
        return;
    };
    let app = App::on(database).with_user("ada");
    let right = "pg_catalog.clock_timestamp()";
    shift_clock(&app.database(), &format!("{right} + interval '6 hours'"));
    let one = app.restart(|_| {});
    let other = one.beside();
    let mut servers = [&one, &other].map(|it| (it, ClockWatch::default()));
    for (server, watch) in &mut servers {
        assert_eq!(look(server, watch), ClockStep::BehindDatabase(6 * HOUR));
    }
    queue_at(&one, START + 6 * HOUR);
    shift_clock(&one.database(), right);
    for (server, watch) in &mut servers {
        look(server, watch);
        assert_eq!(waits(server), [(START, None), (START, Some(START + HOUR))]);
    }
}

/// Whoever has a mail in hand goes on sending it.
#[test]
fn no_mail_is_sent_twice_because_the_machine_of_database_and_servers_goes_back() {
    let Some([one, other]) = servers() else {
        return;
    };
    let mut servers = [&one, &other].map(|it| (it, ClockWatch::default()));
    for (server, watch) in &mut servers {
        look(server, watch);
    }
    queue_at(&one, START);
    // They share the clock, as servers of one machine do.
    one.clock.advance(-2 * HOUR);
    let now = START - 2 * HOUR;
    for (server, watch) in &mut servers {
        assert_eq!(look(server, watch), ClockStep::Back(2 * HOUR));
        assert_eq!(waits(server), [(now, None), (now, Some(now + HOUR))]);
    }
}

/// By its own reckoning what the others have in hand, and their links, would be over.
#[test]
fn no_mail_is_taken_by_a_server_that_has_not_heard_yet_that_the_common_clock_went_back() {
    let Some(database) = postgres::database() else {
        return;
    };
    let app = App::on(database).with_user("ada");
    app.mails();
    shift_clock(&app.database(), "pg_catalog.clock_timestamp()");
    let one = app.restart(|_| {});
    let other = one.elsewhere(one.place.clone(), Clock::fixed(Timestamp(START)));
    let [mut of_one, mut of_other] = [ClockWatch::default(), ClockWatch::default()];
    assert_eq!(look(&one, &mut of_one), ClockStep::None);
    assert_eq!(look(&other, &mut of_other), ClockStep::None);
    queue_at(&one, START);
    shift_clock(
        &one.database(),
        "pg_catalog.clock_timestamp() - interval '2 hours'",
    );
    assert_eq!(look(&one, &mut of_one), ClockStep::Back(2 * HOUR));
    let waiting = "SELECT count(*) FROM outbox WHERE state = 'queued'";
    other.mails();
    assert_eq!(one.database().get::<i64>(waiting), 2);
    assert_eq!(look(&other, &mut of_other), ClockStep::Back(2 * HOUR));
    other.mails();
    assert_eq!(one.database().get::<i64>(waiting), 1, "one is in hand");
}

#[test]
fn a_database_whose_clock_says_what_cannot_be_is_not_followed_and_mails_leave_all_the_same() {
    let Some(database) = postgres::database() else {
        return;
    };
    let app = App::on(database).with_user("ada");
    app.mails();
    shift_clock(&app.database(), "pg_catalog.clock_timestamp()");
    let app = app.restart(|_| {});
    let mut watch = ClockWatch::default();
    assert_eq!(look(&app, &mut watch), ClockStep::None);
    let now = app.clock.now();
    shift_clock(&app.database(), "pg_catalog.timestamptz '1999-01-01'");
    assert_eq!(look(&app, &mut watch), ClockStep::DatabaseWrong);
    assert!(watch.is_news());
    assert_eq!(app.clock.now(), now);
    app.post("request-reset/", &json!({"email": "ada@example.org"}))
        .expect(200);
    assert_eq!(app.mails().len(), 1);
    assert_eq!(look(&app, &mut watch), ClockStep::DatabaseWrong);
    assert!(!watch.is_news());
}

#[test]
fn what_another_server_has_in_hand_is_taken_over_once_it_seems_to_have_died() {
    let Some(database) = postgres::database() else {
        return;
    };
    let [one, other] = [(), ()].map(|()| Store::open(&database.location()).expect("a store"));
    let to = Email::parse("ada@example.org").expect("an address");
    get(one.add_mail(MailKind::Contact, to, "{}".to_owned(), actor(NOW)));
    let lease = |store: &Store, now| {
        let clock = Clock::fixed(later(now));
        get(store.lease_mail(&clock, Duration::from_secs(60))).is_some()
    };
    assert!(lease(&one, 0));
    assert!(!lease(&other, 59));
    assert!(lease(&other, 61), "the other one has died");
    assert!(!lease(&one, 62));
    // The backup that is due.
    let lease = |store: &Store, now| get(store.lease_backup(later(now - 86_400), later(now)));
    let dead = lease(&one, 0).expect("it is due");
    assert!(
        lease(&other, -5).is_none(),
        "it tells the time a little differently"
    );
    assert!(lease(&other, 599).is_none());
    let held = lease(&other, 601).expect("the other one has died");
    // Or was only stopped.
    assert!(get(one.renew_backup(dead, later(601))).is_none());
    get(one.return_backup(dead, None));
    assert!(lease(&one, 602).is_none());
    let held = get(other.renew_backup(held, later(602))).expect("it is still its own");
    get(other.return_backup(held, Some(later(602))));
    assert!(lease(&one, 603).is_none(), "it has been made");
    one.close();
    other.close();
}

#[test]
fn guesses_are_counted_in_common() {
    let Some(database) = postgres::database() else {
        return;
    };
    let [one, other] = [(), ()].map(|()| Store::open(&database.location()).expect("a store"));
    let guess = |store: &Store| get(store.reserve_attempt(b"ada".to_vec(), NOW));
    assert_eq!([guess(&one), guess(&other)], [Attempt::Allowed; 2]);
    assert_eq!([guess(&one), guess(&other)], [Attempt::Allowed; 2]);
    assert_eq!(guess(&one), Attempt::Allowed);
    assert!(matches!(guess(&one), Attempt::Wait(_)));
    assert!(matches!(guess(&other), Attempt::Wait(_)));
    one.close();
    other.close();
}

#[test]
fn of_two_servers_one_sends_each_mail() {
    let Some([one, other]) = servers() else {
        return;
    };
    for name in 0..20 {
        let one = &one;
        one.add_user(&format!("user{name}"));
        let address = format!("user{name}@example.org");
        one.post("request-reset/", &json!({"email": address}))
            .expect(200);
    }
    let (sent, there) = std::thread::scope(|scope| {
        let there = scope.spawn(|| other.mails());
        (one.mails(), there.join().expect("mails"))
    });
    let all: Vec<String> = sent.into_iter().chain(there).collect();
    let addresses: BTreeSet<&str> = all
        .iter()
        .filter_map(|it| it.lines().find(|line| line.starts_with("To:")))
        .collect();
    assert_eq!((all.len(), addresses.len()), (20, 20));
}

/// Whether that server has made the backup that is due.
fn back_up_if_due(server: &App, progress: &Progress) -> Result<bool, String> {
    let schedule = BackupSchedule {
        folder: server.path("backups"),
        every: std::time::Duration::from_secs(86_400),
        keep: 7,
    };
    std::fs::create_dir_all(&schedule.folder).expect("a folder");
    let (now, by) = (server.clock.now(), operator());
    let made = server
        .operator
        .back_up_if_due(&schedule, now, &by, progress);
    let made = server.wait(made).map_err(|failure| failure.chain())?;
    Ok(made.is_some())
}

#[test]
fn of_two_servers_one_makes_the_backup_that_is_due() {
    let Some([one, other]) = servers() else {
        return;
    };
    let unwatched: Progress = Arc::new(|_| true);
    let due = |server| back_up_if_due(server, &unwatched).expect("no failure");
    assert_eq!([due(&one), due(&other), due(&one)], [true, false, false]);
    one.clock.advance(DAY + 1);
    assert_eq!([due(&other), due(&one)], [true, false]);
    // A clock that was wrong for a while keeps nobody from the next ones.
    one.clock.advance(400 * DAY);
    assert!(due(&one));
    other.clock.advance(DAY + 1);
    assert!(due(&other));
}

#[test]
fn a_server_that_was_stopped_leaves_the_backup_to_the_other() {
    let Some([one, other]) = servers() else {
        return;
    };
    let taken_over = Store::open(&one.place).expect("a store");
    let (stopped, clock) = (Once::new(), one.clock.clone());
    let progress: Progress = Arc::new(move |_| {
        stopped.call_once(|| {
            clock.advance(601);
            let now = clock.now();
            let lease = taken_over.lease_backup(Timestamp(now.0 - 86_400), now);
            let lease = lease
                .wait()
                .expect("an answer")
                .expect("the other one seems to have died");
            let returned = taken_over.return_backup(lease, Some(now)).wait();
            returned.expect("an answer");
        });
        true
    });
    let given_up = back_up_if_due(&one, &progress).expect_err("it was not its own any more");
    assert!(given_up.contains("another server makes it"), "{given_up}");
    assert!(
        std::fs::read_dir(one.path("backups"))
            .expect("a folder")
            .next()
            .is_none()
    );
    assert!(!back_up_if_due(&other, &progress).expect("no failure"));
}
