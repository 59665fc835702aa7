//! What every database has to do: list and end the sessions of everybody.

use minisass_auth::domain::SessionId;
use minisass_auth::store::Store;

use crate::store::{NOW, actor, add, get, later, on_each_engine, opening};

fn live(store: &Store, before: Option<u8>, limit: usize) -> Vec<u8> {
    let before = before.map(|it| SessionId([it; 16]));
    let seen = get(store.live_sessions(later(10), before, limit));
    seen.iter().map(|it| it.session.id.0[0]).collect()
}

#[test]
fn live_sessions_of_everybody_are_listed_from_the_youngest_on() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada").id, add(store, "bo").id);
        for (user, id) in [(ada, 1), (bo, 2), (ada, 3), (bo, 4), (ada, 5)] {
            assert!(get(store.open_session(opening(user, id), actor(NOW))));
        }
        assert_eq!(live(store, None, 9), [5, 4, 3, 2, 1]);
        assert_eq!(live(store, None, 2), [5, 4]);
        assert_eq!(live(store, Some(4), 2), [3, 2]);
        assert!(live(store, Some(1), 2).is_empty());

        assert!(get(store.end_session(
            SessionId([4; 16]),
            "logout",
            actor(later(5))
        )));
        let mut short = opening(bo, 6);
        short.session.expires_at = later(10);
        assert!(get(store.open_session(short, actor(NOW))));
        assert_eq!(
            live(store, None, 9),
            [5, 3, 2, 1],
            "one was ended, one ran out"
        );

        let seen = get(store.session(SessionId([4; 16]))).expect("an ended one");
        assert_eq!(
            (seen.username.as_str(), seen.ended_at),
            ("bo", Some(later(5)))
        );
        let seen = get(store.session(SessionId([5; 16]))).expect("a live one");
        assert_eq!((seen.session.user, seen.ended_at), (ada, None));
        assert!(get(store.session(SessionId([9; 16]))).is_none());
    });
}

#[test]
fn everybody_is_logged_out_at_once_and_counted_once() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada").id, add(store, "bo").id);
        for (user, id) in [(ada, 1), (bo, 2), (ada, 3)] {
            assert!(get(store.open_session(opening(user, id), actor(NOW))));
        }
        assert!(get(store.live_session(SessionId([1; 16]), NOW)).is_some());
        assert_eq!(get(store.end_all_sessions(actor(later(1)))), 3);
        assert!(live(store, None, 9).is_empty());
        assert!(get(store.live_session(SessionId([1; 16]), later(1))).is_none());
        assert_eq!(get(store.end_all_sessions(actor(later(2)))), 0);
        assert!(get(store.open_session(opening(ada, 4), actor(later(3)))));
        assert_eq!(live(store, None, 9), [4]);
    });
}
