//! Several servers of one database.

use std::collections::BTreeSet;

use minisass_auth::operator::clock::{ClockStep, ClockWatch};
use minisass_auth::operator::maintenance::BackupSchedule;
use minisass_auth::store::Store;
use minisass_auth::store::attempts::Attempt;
use serde_json::json;

use crate::app::{App, DAY, PASSWORD, operator};
use crate::deeds::rounds;
use crate::postgres;
use crate::session::Opened;
use crate::store::{NOW, get};

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

/// What happens at the others is not of a time to come there, whatever its own clock says.
#[test]
fn a_server_whose_clock_is_behind_moves_nothing_of_the_others() {
    let Some(database) = postgres::database() else {
        return;
    };
    // As if this machine were ten minutes behind: its database says so.
    database.batch(
        "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql
         AS $$ SELECT pg_catalog.clock_timestamp() + interval '10 minutes' $$;
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
         END $$",
    );
    let one = App::on(database).with_user("ada");
    one.clock.advance(600);
    let opened = Opened::by(&one, "ada");
    let begun = one
        .database()
        .get::<i64>("SELECT max(created_at) FROM sessions");
    let behind = one.beside();
    behind.clock.advance(-600);
    let mut watch = ClockWatch::default();
    let step = behind.wait(behind.operator.watch_clock(&mut watch));
    let ClockStep::BehindDatabase(seconds) = step.expect("a look at the clock") else {
        panic!("it was not noticed");
    };
    assert!((595..=605).contains(&seconds), "{seconds}");
    let after = one
        .database()
        .get::<i64>("SELECT max(created_at) FROM sessions");
    assert_eq!(after, begun);
    behind.status(&opened.access).expect(200);
    one.refresh(&opened.refresh).expect(200);
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
