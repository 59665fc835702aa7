//! What every database has to do: the audit trail, and that nobody changes it unseen.

use minisass_auth::domain::UserId;
use minisass_auth::progress::unwatched;
use minisass_auth::store::Store;
use minisass_auth::store::audit::{AuditPage, Chain};

use crate::database::Database;
use crate::store::{NOW, actor, add, get, later, on_each_engine, on_sqlite};

const ALL: AuditPage = AuditPage {
    after: 0,
    limit: 100,
    user: None,
    action: None,
};

fn note(store: &Store, detail: &str) {
    get(store.note("test", detail.to_owned(), actor(NOW)));
}

fn ids(store: &Store, page: &AuditPage) -> Vec<i64> {
    get(store.audit(page)).iter().map(|it| it.id).collect()
}

/// Five rows: two users, a note, a deactivation, a note.
fn fill(store: &Store) -> UserId {
    let ada = add(store, "ada").id;
    add(store, "bo");
    note(store, "one");
    get(store.set_active(ada, false, actor(later(1))));
    note(store, "two");
    ada
}

#[test]
fn a_row_says_who_did_what_to_whom_and_when() {
    on_each_engine(|store| {
        let ada = fill(store);
        let rows = get(store.audit(&ALL));
        let last = &rows[3];
        assert_eq!((last.id, last.at, last.user), (4, later(1), Some(ada)));
        let said = (last.actor.as_str(), last.action.as_str());
        assert_eq!(said, ("test", "user.deactivate"));
        assert_eq!(rows[4].detail.as_deref(), Some("two"));
    });
}

#[test]
fn rows_are_listed_page_by_page_and_by_user_and_action() {
    on_each_engine(|store| {
        let ada = fill(store);
        assert_eq!(ids(store, &ALL), [1, 2, 3, 4, 5]);
        let page = |after, limit| AuditPage {
            after,
            limit,
            ..ALL
        };
        assert_eq!(ids(store, &page(2, 2)), [3, 4]);
        assert!(ids(store, &page(5, 2)).is_empty());
        let of_ada = AuditPage {
            user: Some(ada),
            ..ALL
        };
        assert_eq!(ids(store, &of_ada), [1, 4]);
        let tests = AuditPage {
            action: Some("test".to_owned()),
            ..ALL
        };
        assert_eq!(ids(store, &tests), [3, 5]);
        let both = AuditPage {
            user: Some(ada),
            ..tests.clone()
        };
        assert!(ids(store, &both).is_empty());

        let tail = |page: AuditPage| {
            let after = get(store.audit_tail(&page));
            ids(store, &AuditPage { after, ..page })
        };
        assert_eq!(tail(page(0, 2)), [4, 5]);
        assert_eq!(tail(AuditPage { limit: 1, ..of_ada }), [4]);
        assert_eq!(tail(AuditPage { limit: 9, ..tests }), [3, 5]);
    });
}

#[test]
fn a_trail_is_whole_however_it_grows() {
    on_each_engine(|store| {
        assert_eq!(get(store.verify_audit(&unwatched())), Chain::Whole(0));
        fill(store);
        assert_eq!(get(store.verify_audit(&unwatched())), Chain::Whole(5));
        // Asked for together, they may share a transaction.
        let asked: Vec<_> = (0..20)
            .map(|it| store.note("test", it.to_string(), actor(NOW)))
            .collect();
        asked.into_iter().for_each(get);
        assert_eq!(get(store.verify_audit(&unwatched())), Chain::Whole(25));
    });
}

#[test]
fn whatever_was_done_to_a_row_shows_and_still_shows_when_more_are_written() {
    let changed = "it is not what was written";
    let missing = "it is missing";
    for (sql, row, why) in [
        (
            "UPDATE audit SET actor = 'somebody' WHERE id = 2",
            2,
            changed,
        ),
        ("UPDATE audit SET at = at + 1 WHERE id = 1", 1, changed),
        ("UPDATE audit SET user_id = NULL WHERE id = 4", 4, changed),
        ("UPDATE audit SET detail = '' WHERE id = 1", 1, changed),
        (
            "UPDATE audit SET detail = 'x', address = 'two' WHERE id = 5",
            5,
            changed,
        ),
        ("UPDATE audit SET digest = NULL WHERE id = 3", 3, changed),
        (
            "UPDATE audit SET digest = (SELECT digest FROM audit WHERE id = 2) WHERE id = 3",
            3,
            changed,
        ),
        ("DELETE FROM audit WHERE id = 1", 1, missing),
        ("DELETE FROM audit WHERE id = 3", 3, missing),
        ("DELETE FROM audit WHERE id = 5", 5, missing),
        ("DELETE FROM audit WHERE id > 3", 4, missing),
        ("DELETE FROM audit", 1, missing),
        (
            "DELETE FROM audit WHERE id = 2; UPDATE audit SET id = id - 1 WHERE id > 2",
            2,
            changed,
        ),
        (
            "INSERT INTO audit (at, actor, action, digest) SELECT at, actor, action, digest FROM audit WHERE id = 5",
            6,
            changed,
        ),
    ] {
        on_sqlite(|store, path| {
            fill(store);
            Database::at(path).change(sql);
            let broken = Chain::Broken(row, why);
            assert_eq!(get(store.verify_audit(&unwatched())), broken, "{sql}");
            (0..9).for_each(|_| note(store, "later"));
            assert_eq!(get(store.verify_audit(&unwatched())), broken, "{sql}");
        });
    }
}
