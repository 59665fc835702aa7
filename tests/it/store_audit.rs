//! What every database has to do: the audit trail, and that nobody changes it unseen.

use minisass_auth::domain::UserId;
use minisass_auth::progress::unwatched;
use minisass_auth::store::Store;
use minisass_auth::store::audit::{AuditPage, Chain};

use crate::app::DAY;
use crate::database::Database;
use crate::store::{NOW, actor, add, get, later, on_each_engine, on_sqlite};

const ALL: AuditPage = AuditPage {
    after: 0,
    limit: 100,
    user: None,
    action: None,
};

/// Of a trail of which nothing has gone.
pub fn whole(rows: i64) -> Chain {
    Chain::Whole { rows, gone: 0 }
}

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
        assert_eq!(get(store.verify_audit(&unwatched())), whole(0));
        fill(store);
        assert_eq!(get(store.verify_audit(&unwatched())), whole(5));
        // Asked for together, they may share a transaction.
        let asked: Vec<_> = (0..20)
            .map(|it| store.note("test", it.to_string(), actor(NOW)))
            .collect();
        asked.into_iter().for_each(get);
        assert_eq!(get(store.verify_audit(&unwatched())), whole(25));
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

/// Has all go that is to go at `now`, of what is from before `before`, three rows at a time.
fn prune(store: &Store, before: i64, now: i64) {
    let some = || get(store.prune_audit(later(before), 3, actor(later(now))));
    while some() {}
}

#[test]
fn the_oldest_rows_go_and_the_rest_can_still_be_verified() {
    on_sqlite(|store, path| {
        for number in 0..10 {
            get(store.note("test", number.to_string(), actor(later(number * DAY))));
        }
        let verify = || get(store.verify_audit(&unwatched()));
        prune(store, 1, 10 * DAY);
        assert_eq!(verify(), whole(10), "less than a day too old");
        prune(store, 4 * DAY, 10 * DAY);
        assert_eq!(ids(store, &ALL), [5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(verify(), Chain::Whole { rows: 7, gone: 4 });
        let said = get(store.audit(&ALL)).pop().expect("a row");
        assert_eq!(said.action, "audit.prune");
        assert!(
            said.detail
                .is_some_and(|it| it.starts_with("to 4, digest "))
        );
        note(store, "later");
        assert_eq!(verify(), Chain::Whole { rows: 8, gone: 4 });

        // The row that said where the trail begins goes too, when a later one says it.
        prune(store, 11 * DAY, 20 * DAY);
        assert_eq!(ids(store, &ALL), [13]);
        prune(store, 30 * DAY, 40 * DAY);
        assert_eq!(ids(store, &ALL), [14]);
        assert_eq!(verify(), Chain::Whole { rows: 1, gone: 13 });
        Database::at(path).change("DELETE FROM audit");
        assert_eq!(verify(), Chain::Broken(1, "it is missing"));
    });
}

#[test]
fn whoever_removes_more_of_the_start_or_says_that_it_begins_elsewhere_shows() {
    let digest_of_6 = "UPDATE audit SET detail = 'to 6, digest ' ||
        (SELECT lower(hex(digest)) FROM audit WHERE id = 6) WHERE action = 'audit.prune'";
    for (sql, row) in [
        ("DELETE FROM audit WHERE id = 5", 5),
        ("DELETE FROM audit WHERE action = 'audit.prune'", 1),
        (
            "UPDATE audit SET detail = 'to 4' WHERE action = 'audit.prune'",
            1,
        ),
        (
            "UPDATE audit SET action = 'test' WHERE action = 'audit.prune'",
            1,
        ),
        (digest_of_6, 11),
        (
            "UPDATE audit SET detail = replace(detail, 'to 4', 'to 3')",
            4,
        ),
    ] {
        on_sqlite(|store, path| {
            for number in 0..10 {
                get(store.note("test", number.to_string(), actor(later(number * DAY))));
            }
            prune(store, 4 * DAY, 10 * DAY);
            Database::at(path).change(sql);
            match get(store.verify_audit(&unwatched())) {
                Chain::Broken(found, _) => assert_eq!(found, row, "{sql}"),
                Chain::Whole { .. } => panic!("{sql}: not seen"),
            }
        });
    }
}

#[test]
fn a_row_that_is_too_young_keeps_all_that_follow_it() {
    on_each_engine(|store| {
        for day in [0, 9, 1, 2] {
            get(store.note("test", String::new(), actor(later(day * DAY))));
        }
        prune(store, 5 * DAY, 10 * DAY);
        assert_eq!(ids(store, &ALL), [2, 3, 4, 5]);
        prune(store, 5 * DAY, 11 * DAY);
        assert_eq!(ids(store, &ALL), [2, 3, 4, 5], "and nothing is said again");
    });
}
