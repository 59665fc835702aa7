//! What every database has to do: accounts that move in, and out.

use minisass_auth::domain::{
    AdditionalFields, Email, Profile, UploadPreference, User, UserId, UserRef, Username,
};
use minisass_auth::progress::unwatched;
use minisass_auth::store::Store;
use minisass_auth::store::transfer::{
    Batch, EarlierPassword, Fate, Record, RecordedConsent, RecordedPolicy,
};
use minisass_auth::store::users::UserPage;

use crate::store::{NOW, actor, add, get, later, new_user, on_each_engine};

pub fn record(id: Option<i64>, name: &str) -> Record {
    Record {
        id: id.map(UserId),
        username: Username::parse(name).expect("a name"),
        email: Email::parse(&format!("{name}@example.org")).expect("an address"),
        first_name: String::new(),
        last_name: String::new(),
        is_active: true,
        is_staff: false,
        awaits_confirmation: false,
        created_at: NOW,
        last_login_at: None,
        email_confirmed_at: None,
        profile: Profile::default(),
        consents: Vec::new(),
        password_hash: None,
        password_history: Vec::new(),
        takes_imported_tokens: false,
    }
}

fn policy(version: &str, at: i64) -> RecordedPolicy {
    RecordedPolicy {
        version: version.to_owned(),
        url: format!("https://example.org/{version}"),
        published_at: later(at),
    }
}

fn consent(version: &str) -> RecordedConsent {
    RecordedConsent {
        version: version.to_owned(),
        is_given: true,
        given_at: later(7),
        address: Some("::1".to_owned()),
    }
}

/// With everything that can be different about somebody.
fn full(id: i64, name: &str) -> Record {
    let fields = serde_json::json!({"river": "uMngeni", "deep": [1, null]});
    let fields = fields.as_object().expect("an object").clone();
    Record {
        first_name: "First".to_owned(),
        last_name: "'; --".to_owned(),
        is_active: false,
        is_staff: true,
        awaits_confirmation: true,
        created_at: later(-9),
        last_login_at: Some(later(-8)),
        email_confirmed_at: Some(later(-7)),
        profile: Profile {
            organisation_type: "NGO".to_owned(),
            organisation_name: "Rivers".to_owned(),
            country: "ZA".to_owned(),
            additional_fields: AdditionalFields::new(fields).expect("few fields"),
            is_expert: true,
            upload_preference: UploadPreference::Both,
        },
        consents: vec![
            consent("1"),
            RecordedConsent {
                is_given: false,
                ..consent("2")
            },
        ],
        password_hash: Some("pbkdf2_sha256$1$a$b".to_owned()),
        password_history: ["old", "less old"]
            .map(|hash| EarlierPassword {
                password_hash: hash.to_owned(),
                created_at: later(-9),
            })
            .into(),
        ..record(Some(id), name)
    }
}

fn import(store: &Store, batch: Batch) -> Vec<Fate> {
    get(store.import(vec![batch], actor(NOW))).remove(0)
}

fn import_users(store: &Store, users: Vec<Record>) -> Vec<Fate> {
    import(
        store,
        Batch {
            users,
            ..Batch::default()
        },
    )
}

fn users(store: &Store) -> Vec<User> {
    let found = get(store.users(&UserPage {
        after: UserId(0),
        limit: 100,
        search: None,
        active: None,
        staff: None,
    }));
    found.into_iter().map(|it| it.0).collect()
}

fn ids(store: &Store) -> Vec<i64> {
    users(store).iter().map(|it| it.id.0).collect()
}

fn clash(with: &'static str, owner: i64) -> Fate {
    Fate::Clash {
        with,
        owner: UserId(owner),
    }
}

/// Everything that a batch may change.
fn all(store: &Store) -> String {
    let audit = get(store.verify_audit(&unwatched()));
    let exported = get(store.export(UserId(0), 100));
    format!("{exported:?} {:?} {audit:?}", get(store.policies()))
}

#[test]
fn what_moves_in_moves_out_as_it_was_page_by_page() {
    on_each_engine(|store| {
        let moved = vec![full(7, "ada"), record(Some(9), "Bo"), full(4711, "cy")];
        let batch = Batch {
            policies: vec![policy("1", 1), policy("2", 2)],
            users: moved.clone(),
            ..Batch::default()
        };
        assert_eq!(
            import(store, batch.clone()),
            [Fate::Added, Fate::Added, Fate::Added]
        );
        let export = |after, limit| get(store.export(UserId(after), limit));
        assert_eq!(format!("{:?}", export(0, 9)), format!("{moved:?}"));
        assert_eq!(format!("{:?}", export(0, 2)), format!("{:?}", &moved[..2]));
        assert_eq!(format!("{:?}", export(9, 2)), format!("{:?}", &moved[2..]));
        assert!(export(4711, 2).is_empty());
        let policies = get(store.policies());
        let policies: Vec<_> = policies
            .iter()
            .map(|it| (it.version.as_str(), it.published_at))
            .collect();
        assert_eq!(policies, [("2", later(2)), ("1", later(1))]);

        let before = all(store);
        assert_eq!(
            import(store, batch),
            [Fate::Present, Fate::Present, Fate::Present]
        );
        assert_eq!(all(store), before, "a second time changes nothing");
    });
}

#[test]
fn of_very_many_each_keeps_what_is_their_own() {
    on_each_engine(|store| {
        let somebody = |number: i64| {
            let mut it = match number % 3 {
                0 => full(number, &format!("user{number}")),
                _ => record(Some(number), &format!("user{number}")),
            };
            it.profile.organisation_name = format!("of {number}");
            it.password_history
                .truncate(number.unsigned_abs() as usize % 5);
            it
        };
        let many: Vec<Record> = (1..=70).rev().chain(71..=90).map(somebody).collect();
        let policies = vec![policy("1", 1), policy("2", 2)];
        let mut batch = Batch {
            policies,
            users: many.clone(),
            skip_clashes: true,
            ..Batch::default()
        };
        assert_eq!(import(store, batch.clone()), vec![Fate::Added; 90]);
        let mut sorted = many;
        sorted.sort_by_key(|it| it.id.map(|it| it.0));
        let exported = get(store.export(UserId(0), 100));
        assert_eq!(format!("{exported:?}"), format!("{sorted:?}"));

        // Who is in the way of one among many is in nobody else's.
        batch.users = (91..=98).map(somebody).collect();
        batch.users[4].id = Some(UserId(5));
        let fates = import(store, batch);
        assert_eq!(fates[4], clash("number", 5));
        assert_eq!(fates.iter().filter(|it| **it == Fate::Added).count(), 7);
        assert_eq!(get(store.export(UserId(90), 100)).len(), 7);
    });
}

#[test]
fn a_clash_says_with_what_and_with_whom() {
    on_each_engine(|store| {
        let ada = add(store, "ada").id.0;
        let bo = add(store, "bo").id.0;
        let with_email = |name, email: &str| Record {
            email: Email::parse(email).expect("an address"),
            ..record(None, name)
        };
        for (user, fate) in [
            (record(Some(ada), "cy"), clash("number", ada)),
            (with_email("ADA", "cy@example.org"), clash("user name", ada)),
            (with_email("cy", "Ada@Example.org"), clash("address", ada)),
            (with_email("ada", "bo@example.org"), clash("user name", ada)),
            (record(Some(bo), "ada"), clash("number", bo)),
            (record(Some(99), "ada"), clash("user name", ada)),
            (record(Some(ada), "ADA"), Fate::Present),
            (record(None, "ada"), Fate::Present),
        ] {
            let shown = format!("{user:?}");
            assert_eq!(import_users(store, vec![user]), [fate], "{shown}");
        }
        let unknown = Record {
            consents: vec![consent("3")],
            ..record(None, "cy")
        };
        assert_eq!(
            import_users(store, vec![unknown]),
            [Fate::NoSuchPolicy("3".to_owned())]
        );
        assert_eq!(ids(store), [ada, bo]);
    });
}

#[test]
fn two_of_one_batch_clash_as_well() {
    on_each_engine(|store| {
        let batch = vec![
            record(Some(5), "ada"),
            record(Some(5), "Ada"),
            record(Some(6), "ADA"),
        ];
        let fates = [Fate::Added, Fate::Present, clash("user name", 5)];
        assert_eq!(import_users(store, batch), fates);
        assert!(users(store).is_empty(), "and nobody was added");
    });
}

#[test]
fn one_that_cannot_be_added_holds_all_back_or_is_left_out() {
    on_each_engine(|store| {
        add(store, "ada");
        let before = all(store);
        let batch = Batch {
            policies: vec![policy("1", 1)],
            users: vec![full(50, "bo"), record(Some(1), "cy"), record(None, "di")],
            ..Batch::default()
        };
        // Bo speaks of a second version too.
        let fates = [
            Fate::NoSuchPolicy("2".to_owned()),
            clash("number", 1),
            Fate::Added,
        ];
        assert_eq!(import(store, batch.clone()), fates);
        assert_eq!(all(store), before, "neither users nor policies");
        assert_eq!(
            get(store.add_user(new_user("ed"), actor(NOW)))
                .expect("ed")
                .id,
            UserId(2)
        );

        let skipping = Batch {
            skip_clashes: true,
            ..batch
        };
        assert_eq!(import(store, skipping), fates);
        let names: Vec<String> = users(store)
            .iter()
            .map(|it| it.username.to_string())
            .collect();
        assert_eq!(names, ["ada", "ed", "di"]);
        assert_eq!(get(store.policies()).len(), 1);
    });
}

#[test]
fn a_dry_run_says_the_same_and_leaves_nothing() {
    on_each_engine(|store| {
        add(store, "ada");
        let before = all(store);
        let batch = Batch {
            policies: vec![policy("1", 1), policy("2", 2)],
            users: vec![full(50, "bo"), record(None, "ada"), record(None, "cy")],
            dry_run: true,
            ..Batch::default()
        };
        let fates = [Fate::Added, Fate::Present, Fate::Added];
        assert_eq!(import(store, batch.clone()), fates);
        assert_eq!(all(store), before);
        assert_eq!(add(store, "ed").id, UserId(2), "no number was used up");
        let earnest = Batch {
            dry_run: false,
            ..batch
        };
        assert_eq!(import(store, earnest), fates);
        assert_eq!(ids(store), [1, 2, 50, 51]);
    });
}

#[test]
fn numbers_are_kept_and_never_given_again() {
    on_each_engine(|store| {
        import_users(
            store,
            vec![record(Some(4711), "ada"), record(Some(12), "bo")],
        );
        let found = get(store.user(&UserRef::Id(UserId(12)))).expect("bo");
        assert_eq!(found.username.as_str(), "bo");
        assert_eq!(add(store, "cy").id, UserId(4712));
        for id in [4711, 4712] {
            assert!(get(store.delete_user(UserId(id), actor(NOW))).is_some());
        }
        assert_eq!(import_users(store, vec![record(None, "di")]), [Fate::Added]);
        assert_eq!(ids(store), [12, 4713]);
    });
}
