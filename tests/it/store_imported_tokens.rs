//! What every database has to do: sessions for tokens that the service before this one issued.

use minisass_auth::domain::{Session, SessionId, SessionKind, Timestamp, UserId};
use minisass_auth::domain::{UserRef, Username};
use minisass_auth::store::Store;
use minisass_auth::store::imported_tokens::RefusedToken;
use minisass_auth::store::transfer::{Batch, Record};

use crate::store::{NOW, actor, add, get, later, on_each_engine, opening};
use crate::store_transfer::record;

fn id(issued_at: Timestamp, number: u8) -> SessionId {
    SessionId::of_imported(issued_at, [number; 32])
}

/// The number of somebody who came from the service that issues such tokens.
fn moved(store: &Store, name: &str) -> UserId {
    let users = vec![Record {
        takes_imported_tokens: true,
        ..record(None, name)
    }];
    let batch = Batch {
        users,
        ..Batch::default()
    };
    get(store.import(vec![batch], actor(NOW)));
    let name = Username::parse(name).expect("a name");
    get(store.user(&UserRef::Username(name)))
        .expect("a user")
        .id
}

/// Whether a token that is good for an hour has a session, once it was used.
fn uses(store: &Store, user: UserId, issued_at: Timestamp, number: u8) -> bool {
    let session = Session {
        id: id(issued_at, number),
        kind: SessionKind::Imported,
        created_at: issued_at,
        expires_at: Timestamp(issued_at.0 + 3600),
        cookie_digest: None,
        ..opening(user, number).session
    };
    get(store.open_imported_session(session, 3, actor(issued_at)))
}

fn lives(store: &Store, number: u8, at: Timestamp) -> bool {
    get(store.live_session(id(NOW, number), at)).is_some()
}

#[test]
fn each_token_has_a_session_that_lasts_as_long_as_it_does() {
    on_each_engine(|store| {
        let (ada, bo) = (moved(store, "ada"), moved(store, "bo"));
        for _ in 0..2 {
            assert!(uses(store, ada, NOW, 1));
        }
        assert!(uses(store, ada, NOW, 2) && uses(store, bo, NOW, 3));
        assert_eq!(get(store.sessions_of(ada, NOW)).len(), 2);
        assert!(lives(store, 1, later(3599)) && !lives(store, 1, later(3600)));
        assert!(!uses(store, UserId(99), NOW, 5));
    });
}

#[test]
fn the_end_of_one_of_them_ends_all_tokens_of_its_user_issued_until_then() {
    on_each_engine(|store| {
        let (ada, bo) = (moved(store, "ada"), moved(store, "bo"));
        assert!(uses(store, ada, NOW, 1) && uses(store, ada, NOW, 2) && uses(store, bo, NOW, 3));
        assert!(get(store.end_session(
            id(NOW, 1),
            "logout",
            actor(later(5))
        )));
        assert!(!lives(store, 1, later(5)) && !lives(store, 2, later(5)));
        assert!(lives(store, 3, later(5)), "another user's");
        for issued_at in [NOW, later(5)] {
            assert!(!uses(store, ada, issued_at, 4));
        }
        let refused = get(store.refused_imported_tokens(ada)).expect("theirs");
        assert_eq!((refused.before, refused.up_to), (NOW, later(5)));
        assert!(uses(store, ada, later(6), 5), "issued since");
    });
}

#[test]
fn what_ends_all_sessions_ends_tokens_that_were_never_used() {
    type End = fn(&Store, UserId);
    let ends: [End; 5] = [
        |store, user| {
            assert_eq!(get(store.end_sessions_of(user, None, actor(NOW))), 1);
        },
        |store, user| {
            // It does not count whose session asks for it.
            let kept = get(store.sessions_of(user, NOW))[0].id;
            get(store.end_sessions_of(user, Some(kept), actor(NOW)));
        },
        |store, _| {
            get(store.end_all_sessions(actor(NOW)));
        },
        |store, user| {
            get(store.set_active(user, false, actor(NOW)));
            get(store.set_active(user, true, actor(NOW)));
        },
        |store, user| {
            get(store.delete_user(user, actor(NOW)));
        },
    ];
    on_each_engine(|store| {
        for (number, end) in (1..).zip(ends) {
            let user = moved(store, &format!("user{number}"));
            assert!(uses(store, user, NOW, number));
            end(store, user);
            assert!(!lives(store, number, NOW), "end {number}");
            assert!(!uses(store, user, NOW, number), "end {number}");
            assert!(!uses(store, user, NOW, 100 + number), "end {number}");
        }
        let inactive = moved(store, "inactive");
        get(store.set_active(inactive, false, actor(NOW)));
        assert!(!uses(store, inactive, later(1), 9));
    });
}

#[test]
fn a_token_means_nobody_who_was_made_here_or_after_it() {
    on_each_engine(|store| {
        let (ada, newcomer) = (moved(store, "ada"), add(store, "newcomer").id);
        assert!(
            !uses(store, ada, later(-1), 1),
            "issued before there was an ada"
        );
        assert!(uses(store, ada, NOW, 2));
        for at in [-3600, 0, 3600] {
            assert!(!uses(store, newcomer, later(at), 3));
        }
        assert_eq!(get(store.refused_imported_tokens(newcomer)), None);
    });
}

#[test]
fn of_too_many_the_oldest_end() {
    on_each_engine(|store| {
        let ada = moved(store, "ada");
        for number in 1..=5 {
            assert!(uses(store, ada, later(i64::from(number)), number));
        }
        for number in 1..=5 {
            let id = id(later(i64::from(number)), number);
            let is_live = get(store.live_session(id, later(5))).is_some();
            assert_eq!(is_live, number > 2, "{number}");
        }
        assert!(!uses(store, ada, later(1), 1), "it does not come back");
    });
}

#[test]
fn a_blacklisted_token_is_refused_until_it_expires_used_before_or_not() {
    on_each_engine(|store| {
        let ada = moved(store, "ada");
        assert!(uses(store, ada, NOW, 1) && uses(store, ada, NOW, 2));
        let refused = [1, 3].map(|number| RefusedToken {
            digest: id(later(0), number).tail(),
            expires_at: later(3600),
        });
        for _ in 0..2 {
            let batch = Batch {
                refused: refused.to_vec(),
                ..Batch::default()
            };
            get(store.import(vec![batch], actor(NOW)));
        }
        assert!(!lives(store, 1, NOW) && lives(store, 2, NOW));
        for (number, is_refused) in [(1, true), (2, false), (3, true)] {
            assert_eq!(uses(store, ada, NOW, number), !is_refused, "{number}");
            let known = get(store.is_refused_token(id(NOW, number)));
            assert_eq!(known, is_refused, "{number}");
        }
        get(store.purge(later(3600), later(3600), later(3600), 9));
        assert!(get(store.is_refused_token(id(NOW, 3))));
        get(store.purge(later(3601), later(3601), later(3601), 9));
        assert!(!get(store.is_refused_token(id(NOW, 3))));
    });
}
