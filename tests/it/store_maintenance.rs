//! What every database has to do: say how it is, find damage, and be copied while it is in use.

use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use std::time::Duration;

use minisass_auth::clock::Clock;
use minisass_auth::domain::{Email, MailKind, SessionId};
use minisass_auth::failure::Failure;
use minisass_auth::progress::{Progress, Step, unwatched};
use minisass_auth::store::Store;
use minisass_auth::store::links::NewLink;
use minisass_auth::store::mails::Delivery;
use minisass_auth::store::maintenance::{BackedUp, newest_schema};

use crate::database::Database;
use crate::store::{NOW, actor, add, get, later, new_user, on_each_engine, on_sqlite, opening};

fn back_up(store: &Store, to: &Path) -> Result<BackedUp, Failure> {
    store.back_up(to, &unwatched())
}

/// The names of what is in the folder of `path`, but for the database itself.
fn beside(path: &Path) -> Vec<String> {
    let folder = path
        .parent()
        .expect("a folder")
        .read_dir()
        .expect("a folder");
    let names = folder.map(|it| {
        it.expect("a file")
            .file_name()
            .into_string()
            .expect("UTF-8")
    });
    names.filter(|it| !it.starts_with("auth.db")).collect()
}

#[test]
fn the_state_counts_what_there_is() {
    on_each_engine(|store| {
        let status = store.status(NOW).expect("a state");
        assert_eq!((status.users, status.sessions), (0, 0));
        assert_eq!((status.mails_queued, status.mails_failed), (0, 0));
        assert_eq!(status.last_backup, None);

        let ada = add(store, "ada").id;
        add(store, "bo");
        for id in 1..=3 {
            assert!(get(store.open_session(opening(ada, id), actor(NOW))));
        }
        get(store.end_session(SessionId([1; 16]), "logout", actor(NOW)));
        let to = Email::parse("team@example.org").expect("an address");
        for _ in 0..3 {
            get(store.add_mail(MailKind::Contact, to.clone(), "{}".to_owned(), actor(NOW)));
        }
        let clock = Clock::fixed(NOW);
        let leased = get(store.lease_mail(&clock, Duration::from_secs(60))).expect("a mail");
        let failed = Delivery::Failed("no".to_owned());
        get(store.mark_mail(leased.mail.id, leased.until, failed, NOW));
        let decoy = NewLink {
            purpose: MailKind::PasswordReset,
            nonce: [1; 32],
            digest: [1; 32],
            expires_at: later(60),
            email: None,
            is_mailed: true,
        };
        get(store.add_link(None, decoy, None, actor(NOW)));
        for (at, file) in [(1, "one.db"), (2, "two.db")] {
            get(store.note("db.backup", file.to_owned(), actor(later(at))));
        }
        let status = store.status(NOW).expect("a state");
        assert_eq!((status.users, status.sessions), (2, 2));
        assert_eq!(
            (status.mails_queued, status.mails_failed),
            (2, 1),
            "no decoys"
        );
        assert_eq!(status.last_backup, Some((later(2), "two.db".to_owned())));
        assert_eq!(store.status(later(9999)).expect("a state").sessions, 0);
        assert_eq!(status.schema, newest_schema());
        assert!(status.bytes > 0);
    });
}

#[test]
fn the_state_tells_how_long_the_log_is() {
    on_sqlite(|store, _| {
        add(store, "ada");
        assert!(store.status(NOW).expect("a state").log_bytes > 0);
    });
}

#[test]
fn rows_that_cannot_be_are_found() {
    for (sql, found) in [
        ("DELETE FROM users", "profiles"),
        (
            "PRAGMA ignore_check_constraints = 1; UPDATE users SET is_active = 7",
            "CHECK",
        ),
    ] {
        on_sqlite(|store, path| {
            add(store, "ada");
            assert_eq!(store.check(&unwatched()).expect("an answer"), [""; 0]);
            Database::at(path).change(&format!("PRAGMA foreign_keys = off; {sql}"));
            let problems = store.check(&unwatched()).expect("an answer").join("\n");
            assert!(problems.contains(found), "{sql}: {problems}");
        });
    }
}

#[test]
fn a_damaged_page_is_found_and_not_copied() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("auth.db");
    let sqlite = Store::open(&(&*path).into()).expect("a database");
    add(&sqlite, "ada");
    sqlite.close();
    let page = "SELECT rootpage FROM sqlite_schema WHERE name = 'links_by_user'";
    let page: i64 = Database::at(&path).get(page);
    let file = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("the file");
    let start = u64::try_from((page - 1) * 4096).expect("a place");
    file.write_all_at(&[0xee; 4096], start).expect("damage");

    let sqlite = Store::open(&(&*path).into()).expect("a database");
    assert!(!sqlite.check(&unwatched()).expect("an answer").is_empty());
    assert!(back_up(&sqlite, &folder.path().join("copy.db")).is_err());
    assert_eq!(
        beside(&path),
        [""; 0],
        "nothing is left that looks like a backup"
    );
    sqlite.close();
}

#[test]
fn every_copy_that_is_made_while_others_write_holds_one_moment() {
    on_sqlite(|store, path| {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    // A few share a transaction.
                    let users = (count..count + 5).map(|it| new_user(&format!("user{it}")));
                    let asked: Vec<_> = users.map(|it| store.add_user(it, actor(NOW))).collect();
                    for added in asked {
                        get(added).expect("a free name");
                    }
                    count += 5;
                }
            });
            let copies = (0..10).map(|it| path.with_file_name(format!("copy{it}.db")));
            let copies: Vec<_> = copies.map(|to| (back_up(store, &to), to)).collect();
            stop.store(true, Ordering::Relaxed);
            let mut before = 0;
            for (made, to) in copies {
                let made = made.unwrap_or_else(|err| panic!("{}", err.chain()));
                let copy = Database::at(&to);
                let count = |table: &str| copy.get::<i64>(&format!("SELECT count(*) FROM {table}"));
                assert_eq!(count("users"), made.users);
                assert_eq!(count("profiles"), made.users, "added together");
                assert_eq!(count("audit"), made.users, "noted together");
                assert!(made.users >= before);
                before = made.users;
                let file = to.metadata().expect("a file");
                assert_eq!(file.permissions().mode() & 0o777, 0o600);
                assert_eq!(file.len(), made.bytes);
                copy.assert_sound();
            }
            assert!(before > 0, "nobody wrote");
        });
    });
}

#[test]
fn progress_is_told_to_the_end() {
    on_sqlite(|store, path| {
        add(store, "ada");
        let told = Arc::new(Mutex::new(Vec::new()));
        let to = path.with_file_name("copy.db");
        let hears = Arc::clone(&told);
        let progress: Progress = Arc::new(move |step| {
            if let Step::Done(done, all) = step {
                hears.lock().expect("nobody panicked").push((done, all));
            }
            true
        });
        store.back_up(&to, &progress).expect("a backup");
        let told = told.lock().expect("nobody panicked");
        let (done, all) = *told.last().expect("a report");
        assert!(done == all && all > 0, "{told:?}");
        assert!(told.is_sorted_by_key(|it| it.0), "{told:?}");
    });
}

#[test]
fn no_file_is_overwritten_and_a_failed_copy_leaves_nothing() {
    on_sqlite(|store, path| {
        let taken = path.with_file_name("taken.db");
        std::fs::write(&taken, "mine").expect("a file");
        let link = path.with_file_name("link.db");
        std::os::unix::fs::symlink("nowhere", &link).expect("a link");
        for to in [&taken, &link] {
            let refused = back_up(store, to).expect_err("a refusal").chain();
            assert!(refused.contains("exists already"), "{refused}");
        }
        assert_eq!(std::fs::read(&taken).expect("a file"), b"mine");
        let nowhere = path.with_file_name("no such folder").join("copy.db");
        assert!(back_up(store, &nowhere).is_err());
        let mut left = beside(path);
        left.sort();
        assert_eq!(left, ["link.db", "taken.db"]);
    });
}
