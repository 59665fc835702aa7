//! Several servers of one database.

use std::collections::BTreeSet;

use minisass_auth::domain::{Email, MailKind};
use minisass_auth::operator::clock::{ClockStep, ClockWatch};
use minisass_auth::operator::maintenance::BackupSchedule;
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

/// What happens at the others is not of a time to come there, whatever its own clock says.
#[test]
fn a_server_whose_clock_is_off_moves_nothing_of_the_others() {
    for (by, off) in [
        ("+ interval '10 minutes'", -600),
        ("- interval '10 minutes'", 600),
    ] {
        let Some(database) = postgres::database() else {
            return;
        };
        shift_clock(
            &database.database(),
            &format!("pg_catalog.clock_timestamp() {by}"),
        );
        let one = App::on(database).with_user("ada");
        let opened = Opened::by(&one, "ada");
        let begun = opened_at(&one);
        let other = one.beside();
        other.clock.advance(off);
        let mut watch = ClockWatch::default();
        let step = look(&other, &mut watch);
        let seconds = match step {
            ClockStep::BehindDatabase(seconds) if off < 0 => seconds,
            ClockStep::AheadOfDatabase(seconds) if off > 0 => seconds,
            _ => panic!("{step:?}"),
        };
        assert!((595..=605).contains(&seconds), "{seconds}");
        assert!(watch.is_news());
        look(&other, &mut watch);
        assert!(!watch.is_news(), "it is said once");
        assert_eq!(opened_at(&one), begun);
        other.status(&opened.access).expect(200);
        if off > 0 {
            // Once that is put right, what was written there meanwhile is of now.
            let late = Opened::by(&other, "ada");
            shift_clock(&other.database(), "pg_catalog.clock_timestamp()");
            let other = other.restart(|_| {});
            other.clock.advance(-off);
            assert_eq!(look(&other, &mut watch), ClockStep::Back(off));
            let ahead = "SELECT count(*) FROM sessions WHERE created_at > ";
            assert_eq!(other.database().get::<i64>(&format!("{ahead}{START}")), 0);
            other.status(&late.access).expect(200);
            other.clock.advance(off);
        }
        one.clock.advance(-off);
        one.refresh(&opened.refresh).expect(200);
    }
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

/// PostgreSQL may be on the same machine; or the clock of this one was put right, and all others were.
#[test]
fn mails_follow_the_clock_of_the_database_and_no_other() {
    let Some(database) = postgres::database() else {
        return;
    };
    let app = App::on(database).with_user("ada");
    app.mails();
    let next = START + 60;
    app.database().change(&format!(
        "INSERT INTO outbox (kind, recipient, state, next_at, created_at)
         VALUES ('contact', 'x@example.org', 'queued', {next}, {START})"
    ));
    let next = |app: &App| -> i64 {
        app.database()
            .get("SELECT max(next_at) FROM outbox WHERE state = 'queued'")
    };
    let mut watch = ClockWatch::default();
    look(&app, &mut watch);
    app.clock.advance(-HOUR);
    assert_eq!(look(&app, &mut watch), ClockStep::Back(HOUR));
    assert_eq!(next(&app), START + 60 - HOUR);

    // After a restart nobody knows whose clock it was.
    app.clock.advance(-HOUR);
    assert!(matches!(
        look(&app, &mut ClockWatch::default()),
        ClockStep::Back(_)
    ));
    assert_eq!(next(&app), START + 60 - HOUR);
}

/// The clock of its machine is an hour ahead, and the database says so.
#[test]
fn a_server_that_is_ahead_takes_no_mail_that_another_has_in_hand() {
    let Some(database) = postgres::database() else {
        return;
    };
    database.batch(
        "CREATE ROLE ahead_of_tests SUPERUSER LOGIN;
         CREATE SCHEMA shifted;
         CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql
         AS $$ SELECT pg_catalog.clock_timestamp() - interval '1 hour' $$;
         ALTER ROLE ahead_of_tests SET search_path = public, shifted, pg_catalog",
    );
    let url = database.url().replace("postgres@", "ahead_of_tests@");
    let ahead = Store::open(&Location::parse(&url).expect("a place")).expect("a store");
    let right = Store::open(&database.location()).expect("a store");
    let to = Email::parse("ada@example.org").expect("an address");
    get(right.add_mail(MailKind::Contact, to, "{}".to_owned(), actor(NOW)));
    let lease = |store: &Store, now| get(store.lease_mail(later(now), later(now + 60))).is_some();
    assert!(lease(&right, 0));
    assert!(!lease(&ahead, 3601));
    assert!(lease(&ahead, 3600 + 61), "the other one has died");
    assert!(!lease(&right, 62));
    // The backup that is due: whoever has it in hand may die.
    let (since, due) = (later(-86_400), |at| later(at));
    assert!(get(right.claim_backup(since, due(0))));
    assert!(!get(ahead.claim_backup(later(3600 - 86_400), due(3600))));
    assert!(get(
        ahead.claim_backup(later(3600 + 601 - 86_400), due(3600 + 601))
    ));
    get(ahead.return_backup(Some(due(3600 + 601))));
    assert!(!get(right.claim_backup(later(602 - 86_400), due(602))));
    ahead.close();
    right.close();
    database.batch("DROP ROLE ahead_of_tests");
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

#[test]
fn of_two_servers_one_makes_the_backup_that_is_due() {
    let Some([one, other]) = servers() else {
        return;
    };
    let due = |server: &App| {
        let schedule = BackupSchedule {
            folder: server.path("backups"),
            every: std::time::Duration::from_secs(86_400),
            keep: 7,
        };
        std::fs::create_dir_all(&schedule.folder).expect("a folder");
        let unwatched = std::sync::Arc::new(|_| true) as minisass_auth::progress::Progress;
        let (operator, by) = (&server.operator, operator());
        let made = operator.back_up_if_due(&schedule, &by, &unwatched);
        server.wait(made).expect("no failure").is_some()
    };
    assert_eq!([due(&one), due(&other), due(&one)], [true, false, false]);
    one.clock.advance(DAY + 1);
    assert_eq!([due(&other), due(&one)], [true, false]);
    // A clock that was wrong for a while keeps nobody from the next ones.
    one.clock.advance(400 * DAY);
    assert!(due(&one));
    other.clock.advance(DAY + 1);
    assert!(due(&other));
}
