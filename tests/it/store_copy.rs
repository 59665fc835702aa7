//! Everything of a database, copied to another engine and back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minisass_auth::domain::{MailKind, SessionId, Timestamp};
use minisass_auth::progress::Progress;
use minisass_auth::store::links::NewLink;
use minisass_auth::store::{Location, Store};

use crate::postgres;
use crate::store::{NOW, actor, add, get, later, opening};

fn unwatched() -> Progress {
    Arc::new(|_| true)
}

/// Something in every table.
fn fill(store: &Store) {
    let ada = add(store, "ada");
    for name in ["bo", "cy"] {
        add(store, name);
    }
    assert!(get(store.open_session(opening(ada.id, 1), actor(NOW))));
    get(store.reserve_attempt(b"name".to_vec(), NOW));
    get(store.publish_policy("1".to_owned(), String::new(), actor(NOW)));
    get(store.note_served_until(later(60)));
    let link = NewLink {
        purpose: MailKind::PasswordReset,
        nonce: [7; 32],
        digest: [8; 32],
        expires_at: later(3600),
        email: None,
        is_mailed: true,
    };
    get(store.add_link(Some(ada.id), link, None, actor(NOW)));
    // The highest number is of somebody who is not there any more.
    let last = add(store, "last");
    get(store.delete_user(last.id, actor(NOW)));
}

fn story(from: &Location, to: &Location) {
    let (source, target) = (
        Store::open(from).expect("a source"),
        Store::open(to).expect("a target"),
    );
    fill(&source);
    get(target.note("db.migrate", "schema 0 to 14".to_owned(), actor(NOW)));
    let copied = source.copy_to(&target, &unwatched()).expect("a copy");
    let rows = |name: &str| {
        copied
            .iter()
            .find(|it| it.name == name)
            .expect("a table")
            .rows
    };
    assert_eq!(
        (rows("users"), rows("profiles"), rows("sessions")),
        (3, 3, 1)
    );
    assert_eq!((rows("links"), rows("outbox"), rows("policies")), (1, 1, 1));
    let now = Timestamp(NOW.0 + 1);
    assert!(get(target.live_session(SessionId([1; 16]), now)).is_some());
    let [ours, theirs] = [&source, &target].map(|it| get(it.verify_audit(&unwatched())));
    assert_eq!(ours, theirs, "the chain of the audit trail goes on");
    let [ours, theirs] = [&source, &target].map(|it| add(it, "new").id);
    assert_eq!(ours, theirs, "no number is given again");

    let failure = source
        .copy_to(&target, &unwatched())
        .expect_err("it is not empty");
    assert!(
        failure.chain().contains("name an empty one"),
        "{}",
        failure.chain()
    );
    source.close();
    target.close();
}

fn file(folder: &Path, name: &str) -> Location {
    Location::File(folder.join(name))
}

#[test]
fn a_copy_has_all_that_the_original_has_and_goes_on_as_it_would_have() {
    let folder = tempfile::tempdir().expect("a folder");
    story(
        &file(folder.path(), "from.db"),
        &file(folder.path(), "to.db"),
    );
    if let Some((one, other)) = postgres::database().zip(postgres::database()) {
        story(&file(folder.path(), "there.db"), &one.location());
        story(&other.location(), &file(folder.path(), "back.db"));
    }
}

#[test]
fn a_copy_that_is_interrupted_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = || postgres::database().map(|it| (it.location(), Some(it)));
    let file_to = Some((file(folder.path(), "to.db"), None));
    for (to, _database) in file_to.into_iter().chain(to()) {
        let source = Store::open(&file(folder.path(), "from.db")).expect("a source");
        if get(source.count_users()) == 0 {
            for place in 0..300 {
                add(&source, &format!("user{place}"));
            }
        }
        let target = Store::open(&to).expect("a target");
        let refused = source.copy_to(&target, &(Arc::new(|_| false) as Progress));
        refused.expect_err("it was interrupted");
        assert_eq!(get(target.count_users()), 0);
        source.copy_to(&target, &unwatched()).expect("a second try");
        assert_eq!(get(target.count_users()), 300);
        source.close();
        target.close();
    }
}

/// What is written there meanwhile would stay behind.
#[test]
fn a_move_fails_if_anybody_writes_to_the_original_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let postgres = || postgres::database().map(|it| (it.location(), Some(it)));
    let file_from = Some((file(folder.path(), "from.db"), None));
    for (place, (from, _database)) in file_from.into_iter().chain(postgres()).enumerate() {
        let source = Arc::new(Store::open(&from).expect("a source"));
        for place in 0..300 {
            add(&source, &format!("user{place}"));
        }
        let target = Store::open(&file(folder.path(), &format!("to{place}.db"))).expect("a target");
        let writer = Arc::clone(&source);
        let is_first = AtomicBool::new(true);
        let writing: Progress = Arc::new(move |_| {
            if is_first.swap(false, Ordering::Relaxed) {
                add(&writer, "late");
            }
            true
        });
        let refused = source
            .move_to(&target, &writing)
            .expect_err("somebody wrote");
        assert!(refused.chain().contains("meanwhile"), "{}", refused.chain());
        assert_eq!(get(target.count_users()), 0);
        source.move_to(&target, &unwatched()).expect("a second try");
        assert_eq!(get(target.count_users()), 301);
        source.close();
        target.close();
    }
}
