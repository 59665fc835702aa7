//! Several servers of one database.

use std::collections::BTreeSet;

use minisass_auth::operator::maintenance::BackupSchedule;
use minisass_auth::store::Store;
use minisass_auth::store::attempts::Attempt;
use serde_json::json;

use crate::app::{App, DAY, PASSWORD, operator};
use crate::deeds::rounds;
use crate::postgres;
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
