//! What every database has to do: sessions for tokens that the service before this one issued.

use minisass_auth::domain::{SessionId, Timestamp, UserId};
use minisass_auth::store::Store;
use minisass_auth::store::imported_tokens::ImportedToken;

use crate::store::{NOW, actor, add, get, later, on_each_engine};

/// Uses a token that is good for an hour; `number` names the session if a new one is opened.
fn session_of(store: &Store, user: UserId, issued_at: Timestamp, number: u8) -> Option<SessionId> {
    let token = ImportedToken {
        user,
        issued_at,
        expires_at: Timestamp(issued_at.0 + 3600),
        session: SessionId([number; 16]),
        user_agent: None,
    };
    get(store.session_of_imported_token(token, actor(issued_at)))
}

fn id(number: u8) -> Option<SessionId> {
    Some(SessionId([number; 16]))
}

#[test]
fn all_tokens_of_a_user_share_a_session_that_lasts_as_long_as_the_last_of_them() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada").id, add(store, "bo").id);
        assert_eq!(session_of(store, ada, NOW, 1), id(1));
        assert_eq!(session_of(store, ada, NOW, 2), id(1));
        let is_live = |at| get(store.live_session(SessionId([1; 16]), at)).is_some();
        assert!(is_live(later(3599)) && !is_live(later(3600)));
        assert_eq!(session_of(store, ada, later(60), 3), id(1));
        assert!(is_live(later(3659)) && !is_live(later(3660)));
        assert_eq!(session_of(store, bo, NOW, 4), id(4));
        assert_eq!(session_of(store, UserId(99), NOW, 5), None);
    });
}

#[test]
fn the_end_of_that_session_ends_all_tokens_issued_until_then() {
    on_each_engine(|store| {
        let ada = add(store, "ada").id;
        assert_eq!(session_of(store, ada, NOW, 1), id(1));
        assert!(get(store.end_session(
            SessionId([1; 16]),
            "logout",
            actor(later(5))
        )));
        for issued_at in [NOW, later(5)] {
            assert_eq!(session_of(store, ada, issued_at, 2), None);
        }
        assert_eq!(get(store.imported_tokens_ended_at(ada)), Some(later(5)));
        assert_eq!(session_of(store, ada, later(6), 3), id(3), "issued since");
    });
}

#[test]
fn what_ends_all_sessions_ends_tokens_that_were_never_used() {
    type End = fn(&Store, UserId);
    let ends: [End; 4] = [
        |store, user| {
            get(store.end_sessions_of(user, None, actor(NOW)));
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
            let user = add(store, &format!("user{number}")).id;
            end(store, user);
            assert_eq!(session_of(store, user, NOW, number), None, "end {number}");
        }
        let inactive = add(store, "inactive").id;
        get(store.set_active(inactive, false, actor(NOW)));
        assert_eq!(session_of(store, inactive, later(1), 9), None);
    });
}
