//! What every database has to do: sessions, and the counters of failed logins.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use minisass_auth::domain::{SessionId, Timestamp, UserId, UserRef};
use minisass_auth::store::Store;
use minisass_auth::store::attempts::{Attempt, counter_of};

use crate::store::{NOW, actor, add, ask, get, later, on_each_engine, on_sqlite, opening};

fn id(number: u8) -> SessionId {
    SessionId([number; 16])
}

fn is_live(store: &Store, number: u8) -> bool {
    get(store.live_session(id(number), NOW)).is_some()
}

/// Opens a session and says whether it was.
fn open(store: &Store, user: UserId, number: u8) -> bool {
    get(store.open_session(opening(user, number), actor(NOW)))
}

#[test]
fn a_session_ends_at_its_time_and_not_before() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        assert!(open(store, ada.id, 1));
        // Twice, because an answer may be remembered.
        for _ in 0..2 {
            assert!(get(store.live_session(id(1), later(3599))).is_some());
            assert!(get(store.live_session(id(1), later(3600))).is_none());
        }
        assert!(get(store.live_session(id(2), NOW)).is_none());
    });
}

#[test]
fn a_session_ends_once() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        assert!(open(store, ada.id, 1) && open(store, ada.id, 2));
        assert!(get(store.end_session(id(1), "logout", actor(NOW))));
        assert!(!get(store.end_session(id(1), "logout", actor(NOW))));
        assert!(!is_live(store, 1) && is_live(store, 2), "others go on");
    });
}

#[test]
fn a_cookie_leads_to_its_session_also_when_that_has_ended() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        assert!(open(store, ada.id, 1));
        assert_eq!(get(store.session_of_cookie(&[1; 32])), Some(id(1)));
        assert_eq!(get(store.session_of_cookie(&[2; 32])), None);
        get(store.end_session(id(1), "logout", actor(NOW)));
        assert_eq!(get(store.session_of_cookie(&[1; 32])), Some(id(1)));
    });
}

#[test]
fn no_session_opens_for_a_password_that_has_changed_since_it_was_checked() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        let mut stale = opening(ada.id, 1);
        stale.checked = Some("the one before".to_owned());
        stale.rehashed = Some("the one before, dearer".to_owned());
        assert!(!get(store.open_session(stale, actor(NOW))));
        assert!(!is_live(store, 1));
        let now = get(store.credentials(&UserRef::Id(ada.id))).expect("ada");
        assert_eq!(
            now.password_hash.as_deref(),
            Some("hash"),
            "nor is it put back"
        );
        assert_eq!(now.user.last_login_at, None);
    });
}

#[test]
fn a_dearer_hash_replaces_the_one_that_was_checked() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        let mut dearer = opening(ada.id, 1);
        dearer.rehashed = Some("dearer".to_owned());
        // Both checked the same hash; the first one replaces it.
        let second = opening(ada.id, 2);
        let (first, second) = (
            store.open_session(dearer, actor(NOW)),
            store.open_session(second, actor(NOW)),
        );
        assert!(get(first));
        assert!(!get(second));
        let now = get(store.credentials(&UserRef::Id(ada.id))).expect("ada");
        assert_eq!(now.password_hash.as_deref(), Some("dearer"));
    });
}

#[test]
fn the_operator_opens_a_session_without_a_password_but_not_for_an_inactive_user() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        let mut without = opening(ada.id, 1);
        without.checked = None;
        assert!(get(store.open_session(without.clone(), actor(NOW))));
        get(store.set_active(ada.id, false, actor(NOW)));
        without.session.id = id(2);
        assert!(!get(store.open_session(without, actor(NOW))));
    });
}

#[test]
fn beyond_the_most_the_oldest_session_ends_and_never_the_newest() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada"), add(store, "bo"));
        assert!(open(store, bo.id, 100));
        // All in one second; the numbers fall, so that no order by name helps.
        for number in (1..=9).rev() {
            let mut opening = opening(ada.id, number);
            opening.most = 3;
            opening.session.created_at = NOW;
            assert!(get(store.open_session(opening, actor(NOW))));
            assert!(is_live(store, number), "the newest one is alive");
        }
        assert_eq!((1..=9).filter(|it| is_live(store, *it)).count(), 3);
        let mut newest = opening(ada.id, 20);
        newest.most = 1;
        newest.session.created_at = later(-500);
        assert!(get(store.open_session(newest, actor(NOW))));
        assert!(is_live(store, 20), "also after the clock was set back");
        assert_eq!((1..=9).filter(|it| is_live(store, *it)).count(), 0);
        assert!(is_live(store, 100), "other users' sessions go on");
    });
}

#[test]
fn sessions_that_ran_out_take_nobodys_place() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        assert!(open(store, ada.id, 1));
        for number in 2..6 {
            let mut short = opening(ada.id, number);
            short.session.expires_at = later(1);
            assert!(get(store.open_session(short, actor(NOW))));
        }
        let mut next = opening(ada.id, 9);
        next.most = 2;
        next.session.created_at = later(60);
        assert!(get(store.open_session(next, actor(later(60)))));
        assert!(is_live(store, 1) && is_live(store, 9));
    });
}

#[test]
fn a_rotation_counts_only_on_the_count_it_saw() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        assert!(open(store, ada.id, 1));
        let race: Vec<_> = (0..20).map(|_| store.rotate(id(1), 0, later(7))).collect();
        let won = race.into_iter().map(get).filter(|it| *it).count();
        assert_eq!(won, 1);
        let live = get(store.live_session(id(1), NOW)).expect("a session");
        assert_eq!((live.rotations, live.rotated_at), (1, later(7)));
        assert!(get(store.rotate(id(1), 1, later(8))));
        assert!(!get(store.rotate(id(1), 1, later(9))));
        get(store.end_session(id(1), "logout", actor(NOW)));
        assert!(!get(store.rotate(id(1), 2, later(9))));
    });
}

#[test]
fn the_profile_of_a_session_is_complete_when_its_three_fields_are() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        assert!(open(store, ada.id, 1));
        let live = get(store.live_session(id(1), NOW)).expect("a session");
        assert!(!live.has_profile);
        let mut user = crate::store::new_user("bo");
        user.profile.organisation_type = "NGO".to_owned();
        user.profile.organisation_name = "Rivers".to_owned();
        user.profile.country = "ZA".to_owned();
        let bo = get(store.add_user(user, actor(NOW))).expect("a free name");
        assert!(open(store, bo.id, 2));
        assert!(
            get(store.live_session(id(2), NOW))
                .expect("a session")
                .has_profile
        );
    });
}

#[test]
fn five_failures_are_free_and_then_waits_double_up_to_a_quarter_of_an_hour() {
    on_each_engine(|store| {
        let attempt = |at| get(store.reserve_attempt(b"ada".to_vec(), later(at)));
        for _ in 0..5 {
            assert_eq!(attempt(0), Attempt::Allowed);
        }
        let mut at = 0;
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(attempt(at), Attempt::Wait(wait), "at {at}");
            assert_eq!(attempt(at), Attempt::Wait(wait), "asking is not counted");
            at += i64::try_from(wait).expect("a small number");
            assert_eq!(attempt(at), Attempt::Allowed);
        }
        // A clock that was set back does not make it longer.
        assert_eq!(attempt(-1_000_000), Attempt::Wait(900));
        let other = get(store.reserve_attempt(b"bo".to_vec(), NOW));
        assert_eq!(other, Attempt::Allowed, "others are not held up");
    });
}

#[test]
fn a_hundred_failures_switch_the_password_off_until_it_is_forgotten() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        let counter = counter_of(ada.id);
        let attempt = |round: i64| get(store.reserve_attempt(counter.clone(), later(round * 1000)));
        for round in 0..100 {
            assert_eq!(attempt(round), Attempt::Allowed, "{round}");
        }
        assert_eq!(attempt(100), Attempt::Disabled);
        assert_eq!(attempt(1_000_000), Attempt::Disabled, "no time helps");
        get(store.purge(
            later(2_000_000_000),
            later(2_000_000_000),
            later(2_000_000_000),
            9,
        ));
        assert_eq!(attempt(100), Attempt::Disabled, "nor does tidying up");
        let mut opening = opening(ada.id, 1);
        opening.attempts = vec![counter.clone()];
        assert!(get(store.open_session(opening, actor(NOW))));
        assert_eq!(attempt(100), Attempt::Allowed);
    });
}

#[test]
fn a_session_is_read_again_only_when_a_session_may_have_changed() {
    on_sqlite(|store, _| {
        let (ada, bo) = (add(store, "ada"), add(store, "bo"));
        assert!(open(store, ada.id, 1));
        let is_read_again = || {
            let before = store.session_reads();
            assert!(is_live(store, 1));
            store.session_reads() > before
        };
        assert!(is_read_again(), "nobody has looked yet");
        assert!(!is_read_again());
        for _ in 0..3 {
            get(store.reserve_attempt(b"ada".to_vec(), NOW));
            get(store.release_mail());
            get(store.check_writable());
            get(store.note("test", "elsewhere".to_owned(), actor(NOW)));
            assert!(!is_read_again(), "none of that touches a session");
        }
        get(store.set_active(bo.id, false, actor(NOW)));
        assert!(is_read_again());
        // The two may share a transaction.
        let attempt = store.reserve_attempt(b"ada".to_vec(), NOW);
        let end = store.end_session(SessionId([1; 16]), "logout", actor(NOW));
        get(attempt);
        assert!(get(end) && !is_live(store, 1));
        get(store.reserve_attempt(b"ada".to_vec(), NOW));
        assert!(!is_live(store, 1));
    });
}

#[test]
fn a_session_that_another_process_ends_between_our_own_writes_is_over_at_once() {
    on_sqlite(|store, path| {
        let other = Store::open(&path.into()).expect("the same database");
        let ada = add(store, "ada");
        let (opened, is_done) = (AtomicU8::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let ending = scope.spawn(|| {
                for number in 1..=100 {
                    assert!(open(store, ada.id, number));
                    opened.store(number, Ordering::Relaxed);
                    assert!(is_live(store, number));
                    let name = SessionId([number; 16]);
                    assert!(get(other.end_session(name, "test", actor(NOW))));
                    for _ in 0..20 {
                        assert!(!is_live(store, number), "{number}");
                    }
                }
            });
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    is_live(store, opened.load(Ordering::Relaxed));
                }
            });
            // Commits that touch no session.
            while !ending.is_finished() {
                get(store.reserve_attempt(b"bo".to_vec(), NOW));
            }
            is_done.store(true, Ordering::Relaxed);
        });
        other.close();
    });
}

#[test]
fn parallel_guesses_do_not_outrun_the_count() {
    on_each_engine(|store| {
        let race: Vec<_> = (0..60)
            .map(|_| store.reserve_attempt(b"ada".to_vec(), NOW))
            .collect();
        let allowed = race
            .into_iter()
            .map(get)
            .filter(|it| *it == Attempt::Allowed)
            .count();
        assert_eq!(allowed, 5);
    });
}

#[test]
fn a_panic_of_one_job_is_its_answer_and_the_writer_goes_on() {
    on_each_engine(|store| {
        // The wait after the fifth failure would end behind the last second there is, and tests are
        // built so that this panics.
        let attempt = || store.reserve_attempt(b"ada".to_vec(), Timestamp(i64::MAX));
        for _ in 0..4 {
            assert_eq!(get(attempt()), Attempt::Allowed);
        }
        for _ in 0..3 {
            let failure = ask(attempt()).expect_err("a failure");
            assert!(failure.chain().contains("panicked"), "{}", failure.chain());
            assert!(!failure.is_transient());
            get(store.check_writable());
        }
    });
}

#[test]
fn a_name_is_counted_whether_or_not_its_account_has_to_wait() {
    on_each_engine(|store| {
        let attempt = |name: &str, account: Option<&str>| {
            let key = |it: &str| it.as_bytes().to_vec();
            get(store.reserve_login(key(name), account.map(key), NOW, drop))
        };
        for _ in 0..5 {
            assert_eq!(attempt("address", Some("ada")), Attempt::Allowed);
        }
        for _ in 0..5 {
            assert_eq!(attempt("name", Some("ada")), Attempt::Unevaluated);
            assert_eq!(attempt("nobody", None), Attempt::Allowed);
        }
        for name in ["address", "name", "nobody"] {
            assert_eq!(attempt(name, None), Attempt::Wait(1), "{name}");
        }
    });
}

#[test]
fn an_attempt_that_is_given_back_was_never_counted() {
    on_each_engine(|store| {
        let attempt = |at| get(store.reserve_attempt(b"ada".to_vec(), later(at)));
        let give_back = |at| get(store.refund_attempt(vec![b"ada".to_vec()], later(at)));
        for _ in 0..20 {
            assert_eq!(attempt(0), Attempt::Allowed);
            give_back(0);
        }
        for _ in 0..5 {
            assert_eq!(attempt(0), Attempt::Allowed);
        }
        assert_eq!(attempt(0), Attempt::Wait(1));
        assert_eq!(attempt(1), Attempt::Allowed);
        give_back(0);
        assert_eq!(attempt(1), Attempt::Wait(2), "of the one that came later");
        give_back(1);
        assert_eq!(attempt(1), Attempt::Allowed);
    });
}

#[test]
fn a_refused_opening_does_not_clear_the_count() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        for _ in 0..5 {
            get(store.reserve_attempt(b"ada".to_vec(), NOW));
        }
        let mut wrong = opening(ada.id, 1);
        wrong.checked = Some("another".to_owned());
        wrong.attempts = vec![b"ada".to_vec()];
        assert!(!get(store.open_session(wrong, actor(NOW))));
        assert_eq!(
            get(store.reserve_attempt(b"ada".to_vec(), NOW)),
            Attempt::Wait(1)
        );
        assert!(ask(store.check_writable()).is_ok());
    });
}

#[test]
fn changing_nobody_is_no_change() {
    on_each_engine(|store| {
        assert!(!get(store.set_active(UserId(7), false, actor(NOW))));
        assert!(!get(store.end_session(
            SessionId([7; 16]),
            "logout",
            actor(NOW)
        )));
        assert!(!get(store.rotate(SessionId([7; 16]), 0, NOW)));
        assert!(!get(store.open_session(opening(UserId(7), 7), actor(NOW))));
    });
}
