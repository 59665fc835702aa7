//! What every database has to do: versions of the privacy policy, and who agreed to them.

use std::net::Ipv6Addr;

use minisass_auth::domain::{Agreement, SessionId};
use minisass_auth::store::Store;
use minisass_auth::store::transfer::{Batch, RecordedPolicy};

use crate::store::{NOW, actor, add, get, later, on_each_engine, opening};

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
            from.actor.address = Some(Ipv6Addr::LOCALHOST.into());
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

#[test]
fn the_latest_is_the_one_published_last_wherever_it_is_asked_for() {
    on_each_engine(|store| {
        let ada = add(store, "ada").id;
        assert!(get(store.open_session(opening(ada, 1), actor(NOW))));
        assert!(publish(store, "new", 20).is_some());
        // The older one moves in later, and has the higher number.
        let old = RecordedPolicy {
            version: "old".to_owned(),
            url: String::new(),
            published_at: later(10),
        };
        let import = Batch {
            policies: vec![old],
            ..Batch::default()
        };
        get(store.import(vec![import], actor(later(30))));
        let versions = get(store.policies());
        assert_eq!(versions[0].version, "new");
        assert!(versions[0].id < versions[1].id);
        let agrees = |is_given| {
            let session = get(store.live_session(SessionId([1; 16]), NOW)).expect("a session");
            let latest = Some("new".to_owned());
            let expected = Agreement { latest, is_given };
            assert_eq!(get(store.agreement(ada)), expected, "at a login");
            assert_eq!(session.agreement, expected, "in a session");
        };
        agrees(false);
        let consent = get(store.give_consent(ada, true, actor(NOW))).expect("a policy");
        assert_eq!(consent.policy.version, "new");
        agrees(true);
    });
}
