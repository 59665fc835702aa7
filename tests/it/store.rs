//! What every database has to do. The tests see nothing but `&Store`, and run over each engine.

use std::future::Future;
use std::path::Path;

use minisass_auth::domain::{Actor, Stamp};
use minisass_auth::domain::{
    AdditionalFields, Email, Profile, Session, SessionId, SessionKind, Timestamp, UploadPreference,
    User, UserId, UserRef, Username,
};
use minisass_auth::failure::Failure;
use minisass_auth::store::Store;
use minisass_auth::store::sessions::Opening;
use minisass_auth::store::users::{NewUser, Taken, UserPage};

use crate::{heard, postgres};

/// Any time will do; the store has no clock.
pub const NOW: Timestamp = Timestamp(1_800_000_000);

pub fn later(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

/// Tells the story to each engine, over a fresh database.
pub fn on_each_engine(story: impl Fn(&Store)) {
    on_sqlite(|store, _| story(store));
    if let Some(database) = postgres::database() {
        let store = Store::open(&database.location()).expect("a database");
        story(&store);
        store.close();
    }
}

/// Tells a story in which somebody reaches for the file.
pub fn on_sqlite(story: impl Fn(&Store, &Path)) {
    heard::listen();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("auth.db");
    let sqlite = Store::open(&(&*path).into()).expect("a database");
    story(&sqlite, &path);
    sqlite.close();
}

/// Waits for an answer.
pub fn ask<T>(pending: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(pending)
}

/// Waits for an answer that must be there.
#[track_caller]
pub fn get<T>(pending: impl Future<Output = Result<T, Failure>>) -> T {
    match ask(pending) {
        Ok(answer) => answer,
        Err(failure) => panic!("{}", failure.chain()),
    }
}

pub fn actor(at: Timestamp) -> Stamp {
    Actor {
        name: "test".into(),
        address: None,
        user_agent: None,
    }
    .at(at)
}

pub fn new_user(name: &str) -> NewUser {
    NewUser {
        username: Username::parse(name).expect("a name"),
        email: Email::parse(&format!("{name}@example.org")).expect("an address"),
        first_name: "First".to_owned(),
        last_name: String::new(),
        password_hash: Some("hash".to_owned()),
        is_active: true,
        awaits_confirmation: false,
        is_staff: false,
        profile: Profile::default(),
        consent: None,
        link: None,
    }
}

#[track_caller]
pub fn add(store: &Store, name: &str) -> User {
    get(store.add_user(new_user(name), actor(NOW))).expect("a free name")
}

/// A session that is opened with the right password.
pub fn opening(user: UserId, id: u8) -> Opening {
    Opening {
        session: Session {
            id: SessionId([id; 16]),
            user,
            kind: SessionKind::Web,
            created_at: NOW,
            expires_at: later(3600),
            address: None,
            user_agent: None,
            cookie_digest: Some([id; 32]),
        },
        checked: Some("hash".to_owned()),
        rehashed: None,
        attempts: Vec::new(),
        most: 50,
    }
}

fn by_name(name: &str) -> UserRef {
    UserRef::Username(Username::parse(name).expect("a name"))
}

fn page(after: i64, limit: usize) -> UserPage {
    UserPage {
        after: UserId(after),
        limit,
        search: None,
        active: None,
        staff: None,
    }
}

#[test]
fn the_story_of_a_user() {
    on_each_engine(|store| {
        assert!(get(store.user(&by_name("ada"))).is_none());
        let ada = add(store, "ada");
        assert_eq!((ada.created_at, ada.last_login_at), (NOW, None));

        assert!(get(store.open_session(opening(ada.id, 1), actor(later(5)))));
        let seen = get(store.user(&UserRef::Id(ada.id))).expect("ada");
        assert_eq!(seen.last_login_at, Some(NOW), "when the session was opened");
        let live = get(store.live_session(SessionId([1; 16]), later(10))).expect("a session");
        assert_eq!((live.user.id, live.expires_at), (ada.id, later(3600)));
        assert!(get(store.set_active(ada.id, false, actor(later(20)))));
        assert!(get(store.live_session(SessionId([1; 16]), later(20))).is_none());
        assert!(!get(
            store.open_session(opening(ada.id, 2), actor(later(20)))
        ));
        assert!(get(store.set_active(ada.id, true, actor(later(30)))));
        assert!(get(store.live_session(SessionId([1; 16]), later(30))).is_none());
        assert!(get(store.open_session(opening(ada.id, 2), actor(later(30)))));
        get(store.check_writable());
    });
}

#[test]
fn a_user_is_found_by_number_name_and_address_whatever_the_case() {
    on_each_engine(|store| {
        let mut user = new_user("ada");
        user.username = Username::parse("Ådа-Straße").expect("a name");
        let ada = get(store.add_user(user, actor(NOW))).expect("a free name");
        for name in ["Ådа-Straße", "åDА-STRASSE"] {
            let found = get(store.user(&by_name(name))).expect(name);
            assert_eq!((found.id, found.username.as_str()), (ada.id, "Ådа-Straße"));
        }
        let bo = add(store, "Bo");
        let address = Email::parse("BO@Example.ORG").expect("an address");
        let found = get(store.user(&UserRef::Email(address))).expect("bo");
        assert_eq!((found.id, found.email.as_str()), (bo.id, "Bo@example.org"));
    });
}

#[test]
fn what_was_stored_comes_back_as_it_was() {
    on_each_engine(|store| {
        let mut user = new_user("ada");
        let river = serde_json::json!({"river": "uMngeni \u{1F30A}", "deep": [1, {"a": null}]});
        let fields = river.as_object().expect("an object").clone();
        user.profile = Profile {
            organisation_type: "NGO".to_owned(),
            organisation_name: "' OR 1=1; --".to_owned(),
            country: String::new(),
            additional_fields: AdditionalFields::new(fields).expect("few fields"),
            is_expert: true,
            upload_preference: UploadPreference::Both,
        };
        user.is_staff = true;
        user.last_name = "NFC é".to_owned();
        let profile = user.profile.clone();
        let ada = get(store.add_user(user, actor(NOW))).expect("a free name");
        assert_eq!(get(store.profile(ada.id)), Some(profile.clone()));
        let credentials = get(store.credentials(&UserRef::Id(ada.id))).expect("ada");
        assert_eq!(credentials.password_hash.as_deref(), Some("hash"));
        assert_eq!(credentials.profile, profile);
        assert_eq!(credentials.user.last_name, "NFC é");
        assert!(credentials.user.is_staff && credentials.user.is_active);
    });
}

#[test]
fn a_name_and_an_address_belong_to_one_user() {
    on_each_engine(|store| {
        add(store, "ada");
        let taken = |name: &str, email: &str| {
            let mut user = new_user(name);
            user.email = Email::parse(email).expect("an address");
            get(store.add_user(user, actor(NOW))).err()
        };
        assert_eq!(taken("ADA", "free@example.org"), Some(Taken::Username));
        assert_eq!(taken("free", "ADA@example.ORG"), Some(Taken::Email));
        assert_eq!(taken("ada", "ada@example.org"), Some(Taken::Email));
        assert_eq!(
            get(store.users(&page(0, 10))).len(),
            1,
            "nothing was left behind"
        );
        assert_eq!(taken("free", "free@example.org"), None);
    });
}

#[test]
fn of_many_who_want_one_name_one_gets_it() {
    on_each_engine(|store| {
        let ask_for = |_| store.add_user(new_user("ada"), actor(NOW));
        let asked: Vec<_> = (0..50).map(ask_for).collect();
        let got = asked.into_iter().map(get).filter(Result::is_ok).count();
        assert_eq!((got, get(store.users(&page(0, 100))).len()), (1, 1));
    });
}

#[test]
fn a_change_that_fails_leaves_nothing_and_disturbs_nobody() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada"), add(store, "bo"));
        assert!(get(store.open_session(opening(ada.id, 1), actor(NOW))));
        // All are asked for before any is waited for, so that they may share a transaction. The
        // second one fails half-way: there is a session of that name.
        let before = store.add_user(new_user("cy"), actor(NOW));
        let failing = store.open_session(opening(bo.id, 1), actor(NOW));
        let after = store.open_session(opening(bo.id, 2), actor(NOW));
        let last = store.add_user(new_user("di"), actor(NOW));
        assert!(ask(failing).is_err());
        assert!(get(before).is_ok() && get(after) && get(last).is_ok());
        let live = get(store.live_session(SessionId([1; 16]), NOW)).expect("the first one");
        assert_eq!(live.user.id, ada.id);

        let failing = store.open_session(opening(bo.id, 2), actor(NOW));
        let again = store.open_session(opening(ada.id, 2), actor(NOW));
        assert!(ask(failing).is_err() && ask(again).is_err());
        let mut late = opening(ada.id, 1);
        late.session.created_at = later(99);
        assert!(ask(store.open_session(late, actor(later(99)))).is_err());
        let ada = get(store.user(&UserRef::Id(ada.id))).expect("ada");
        assert_eq!(ada.last_login_at, Some(NOW), "half of a change was kept");
    });
}

#[test]
fn users_are_listed_page_by_page_in_the_order_of_their_numbers() {
    on_each_engine(|store| {
        let ids: Vec<UserId> = ["ada", "bo", "cy", "di", "ed"]
            .map(|it| add(store, it).id)
            .into();
        let list = |page: &UserPage| {
            get(store.users(page))
                .iter()
                .map(|it| it.0.id)
                .collect::<Vec<_>>()
        };
        assert_eq!(list(&page(0, 2)), ids[..2]);
        assert_eq!(list(&page(ids[1].0, 2)), ids[2..4]);
        assert_eq!(list(&page(ids[3].0, 2)), ids[4..]);
        assert!(list(&page(ids[4].0, 2)).is_empty());

        get(store.set_active(ids[2], false, actor(NOW)));
        let inactive = UserPage {
            active: Some(false),
            ..page(0, 9)
        };
        assert_eq!(list(&inactive), [ids[2]]);
        let active = UserPage {
            active: Some(true),
            ..page(0, 9)
        };
        assert_eq!(list(&active).len(), 4);
        let staff = UserPage {
            staff: Some(true),
            ..page(0, 9)
        };
        assert!(list(&staff).is_empty());
        for (part, expected) in [
            ("bo", 1),
            ("b", 1),
            ("@example", 5),
            ("%", 0),
            ("_", 0),
            ("'", 0),
        ] {
            let search = UserPage {
                search: Some(part.to_owned()),
                ..page(0, 9)
            };
            assert_eq!(list(&search).len(), expected, "{part}");
        }
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

#[test]
fn after_closing_an_answer_is_a_failure_and_not_a_hang() {
    on_each_engine(|store| {
        let asked = store.add_user(new_user("ada"), actor(NOW));
        store.close();
        assert!(get(asked).is_ok(), "what was asked for is done");
        let refused = ask(store.add_user(new_user("bo"), actor(NOW)));
        assert!(refused.is_err_and(|it| it.is_transient()));
        store.close();
    });
}
