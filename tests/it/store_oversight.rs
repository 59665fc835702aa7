//! What every database has to do: everybody's sessions, and privacy policies.

use minisass_auth::domain::{Agreement, SessionId};
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

#[test]
fn who_mistypes_a_name_is_told_the_one_that_is_most_like_it() {
    on_each_engine(|store| {
        for name in ["Lovelace", "hopper", "hopkins"] {
            add(store, name);
        }
        for (typed, meant) in [
            ("lovelase", Some("lovelace")),
            ("lovelace@exmaple.org", Some("lovelace@example.org")),
            ("hoper", Some("hopper")),
            ("turing", None),
            ("turing@example.org", None),
            ("", None),
        ] {
            let found = get(store.similar_name(typed));
            assert_eq!(found.as_deref(), meant, "{typed}");
        }
    });
}

fn publish(store: &Store, version: &str, at: i64) -> Option<i64> {
    let url = format!("https://example.org/{version}");
    let published = store.publish_policy(version.to_owned(), url, actor(later(at)));
    get(published).map(|it| it.id)
}

#[test]
fn the_policy_that_was_published_last_counts_and_each_only_once() {
    on_each_engine(|store| {
        let ada = add(store, "ada").id;
        assert_eq!(get(store.policies()), []);
        assert_eq!(get(store.agreement(ada)), Agreement::default());
        assert_eq!(get(store.give_consent(ada, true, actor(NOW))), None);
        assert!(publish(store, "1", 1).is_some());
        assert!(publish(store, "2", 1).is_some());
        assert_eq!(publish(store, "1", 2), None);
        let versions = get(store.policies());
        let versions: Vec<_> = versions.iter().map(|it| it.version.as_str()).collect();
        assert_eq!(versions, ["2", "1"]);
        let latest = |is_given| Agreement {
            latest: Some("2".to_owned()),
            is_given,
        };
        assert_eq!(get(store.agreement(ada)), latest(false));
    });
}

#[test]
fn what_is_said_to_a_policy_holds_until_something_else_is_said() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada").id, add(store, "bo").id);
        let say = |given, at| {
            let mut from = actor(later(at));
            from.actor.address = Some("::1".to_owned());
            get(store.give_consent(ada, given, from)).expect("a policy")
        };
        publish(store, "1", 1);
        let first = say(true, 2);
        assert!(get(store.agreement(ada)).is_given);
        assert!(!get(store.agreement(bo)).is_given);
        let second = say(false, 3);
        assert_eq!(first.id, second.id, "one for each version");
        assert_eq!(
            (second.given_at, second.address.as_deref()),
            (later(3), Some("::1"))
        );
        assert!(!get(store.agreement(ada)).is_given);
        publish(store, "2", 4);
        let third = say(true, 5);
        assert_eq!(
            get(store.consents(ada)),
            [third, second],
            "the latest first"
        );
        assert_eq!(get(store.consents(bo)), []);
    });
}
