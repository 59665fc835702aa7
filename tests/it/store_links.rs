//! What every database has to do: links, each of which works once and mostly comes by mail.

use minisass_auth::domain::{MailKind, SessionId, Timestamp, UserId, UserRef};
use minisass_auth::progress::unwatched;
use minisass_auth::store::Store;
use minisass_auth::store::attempts::Attempt;
use minisass_auth::store::audit::AuditPage;
use minisass_auth::store::links::NewLink;
use minisass_auth::store::mails::{Delivery, DueMail};
use minisass_auth::store::passwords::NewPassword;

use crate::store::{NOW, actor, add, ask, get, later, on_each_engine, opening};

const RESET: MailKind = MailKind::PasswordReset;

fn link(number: u8) -> NewLink {
    NewLink {
        purpose: RESET,
        nonce: [number; 32],
        digest: [number; 32],
        expires_at: later(3600),
        email: None,
        is_mailed: true,
    }
}

fn queue(store: &Store, user: Option<UserId>, number: u8, at: Timestamp) {
    get(store.add_link(user, link(number), None, actor(at)));
}

fn owner(store: &Store, number: u8) -> Option<UserId> {
    let found = get(store.link_user(RESET, &[number; 32], NOW));
    found.map(|it| it.user.id)
}

fn password(hash: String, attempts: Vec<u8>) -> NewPassword {
    NewPassword {
        hash,
        attempts: vec![attempts],
        remember: 24,
    }
}

fn redeem(store: &Store, user: UserId, number: u8) -> bool {
    let link = (RESET, [number; 32]);
    get(store.redeem_password_link(
        user,
        link,
        password("new".to_owned(), b"ada".to_vec()),
        actor(NOW),
    ))
}

fn due(store: &Store) -> Vec<DueMail> {
    get(store.due_mail(later(100_000), 100))
}

#[test]
fn a_link_lets_its_user_in_until_its_time() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        queue(store, Some(ada.id), 1, NOW);
        let at = |seconds| get(store.link_user(RESET, &[1; 32], later(seconds))).is_some();
        assert!(at(0) && at(3599) && !at(3600));
        assert!(get(store.link_user(MailKind::Activation, &[1; 32], NOW)).is_none());
        assert_eq!(owner(store, 1), Some(ada.id));
        assert_eq!(owner(store, 2), None);
        get(store.set_active(ada.id, false, actor(NOW)));
        assert_eq!(owner(store, 1), None, "nobody acts for an inactive user");
    });
}

#[test]
fn a_link_is_used_once_also_by_many_at_once() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        queue(store, Some(ada.id), 1, NOW);
        let race: Vec<_> = (0..20)
            .map(|number| {
                let link = (RESET, [1; 32]);
                let hash = format!("new{number}");
                store.redeem_password_link(
                    ada.id,
                    link,
                    password(hash, b"ada".to_vec()),
                    actor(NOW),
                )
            })
            .collect();
        let won: Vec<bool> = race.into_iter().map(get).collect();
        assert_eq!(won.iter().filter(|it| **it).count(), 1);
        let hash = get(store.credentials(&UserRef::Id(ada.id)))
            .expect("ada")
            .password_hash;
        let winner = won.iter().position(|it| *it).expect("one");
        assert_eq!(hash, Some(format!("new{winner}")));
    });
}

#[test]
fn a_used_link_sets_the_password_ends_sessions_and_clears_the_count() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada"), add(store, "bo"));
        assert!(get(store.open_session(opening(ada.id, 1), actor(NOW))));
        assert!(get(store.open_session(opening(bo.id, 2), actor(NOW))));
        for _ in 0..5 {
            get(store.reserve_attempt(b"ada".to_vec(), NOW));
        }
        queue(store, Some(ada.id), 1, NOW);
        assert!(redeem(store, ada.id, 1));
        let live = |number| get(store.live_session(SessionId([number; 16]), NOW)).is_some();
        assert!(!live(1) && live(2));
        let attempt = get(store.reserve_attempt(b"ada".to_vec(), NOW));
        assert_eq!(attempt, Attempt::Allowed);
        assert!(
            !get(store.open_session(opening(ada.id, 3), actor(NOW))),
            "the old password"
        );
        let bo = get(store.credentials(&UserRef::Id(bo.id))).expect("bo");
        assert_eq!(bo.password_hash.as_deref(), Some("hash"));
    });
}

#[test]
fn a_link_that_is_anothers_or_late_or_for_something_else_changes_nothing() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada"), add(store, "bo"));
        queue(store, Some(ada.id), 1, NOW);
        assert!(!redeem(store, bo.id, 1));
        assert!(!redeem(store, ada.id, 2));
        let attempt = |purpose, at| {
            let link = (purpose, [1; 32]);
            get(store.redeem_password_link(
                ada.id,
                link,
                password("new".to_owned(), vec![]),
                actor(at),
            ))
        };
        assert!(!attempt(MailKind::Activation, NOW));
        assert!(!attempt(RESET, later(3600)));
        for user in [ada.id, bo.id] {
            let now = get(store.credentials(&UserRef::Id(user))).expect("a user");
            assert_eq!(now.password_hash.as_deref(), Some("hash"));
        }
        assert!(redeem(store, ada.id, 1), "the link itself is untouched");
    });
}

#[test]
fn only_the_newest_link_works_and_a_used_one_voids_the_others() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada"), add(store, "bo"));
        queue(store, Some(ada.id), 1, NOW);
        queue(store, Some(bo.id), 2, NOW);
        queue(store, Some(ada.id), 3, NOW);
        assert_eq!((owner(store, 1), owner(store, 3)), (None, Some(ada.id)));
        let other = NewLink {
            purpose: MailKind::Activation,
            ..link(4)
        };
        get(store.add_link(Some(ada.id), other, None, actor(NOW)));
        assert_eq!(owner(store, 3), Some(ada.id), "each purpose by itself");
        assert!(redeem(store, ada.id, 3));
        assert!(get(store.link_user(MailKind::Activation, &[4; 32], NOW)).is_none());
        assert_eq!(owner(store, 2), Some(bo.id));
    });
}

/// Whatever the clock says: the newest is the one that was written last.
#[test]
fn only_the_newest_link_works_after_steps_of_the_clock() {
    on_each_engine(|store| {
        let ada = add(store, "ada").id;
        let times = [0, 900, 1800, -60, -50, 1200, 20];
        for (number, step) in (1..).zip(times) {
            queue(store, Some(ada), number, later(step));
            let works = (1..=number).filter(|it| owner(store, *it).is_some());
            assert_eq!(works.collect::<Vec<_>>(), [number]);
        }
    });
}

#[test]
fn a_mail_goes_to_the_stored_address_and_carries_its_link() {
    on_each_engine(|store| {
        let ada = add(store, "Ada");
        queue(store, Some(ada.id), 1, NOW);
        let mails = due(store);
        let [mail] = mails.as_slice() else {
            panic!("{mails:?}")
        };
        assert_eq!(
            (mail.kind, mail.recipient.as_str()),
            (RESET, "Ada@example.org")
        );
        assert_eq!(mail.user.as_ref().map(|it| it.id), Some(ada.id));
        assert_eq!(
            (mail.nonce, mail.expires_at),
            (Some([1; 32]), Some(later(3600)))
        );
    });
}

#[test]
fn for_a_stranger_or_an_inactive_user_or_too_many_a_decoy_is_written() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada"), add(store, "bo"));
        get(store.set_active(bo.id, false, actor(NOW)));
        queue(store, None, 1, NOW);
        queue(store, Some(bo.id), 2, NOW);
        for number in 3..7 {
            get(store.add_link(Some(ada.id), link(number), Some(2), actor(NOW)));
        }
        let mails = due(store);
        assert_eq!(mails.len(), 6, "each costs the same writes");
        let real: Vec<bool> = mails.iter().map(|it| it.user.is_some()).collect();
        assert_eq!(real, [false, false, true, true, false, false]);
        assert!(
            mails
                .iter()
                .all(|it| it.user.is_some() || it.recipient.is_empty())
        );
        assert_eq!(owner(store, 4), Some(ada.id), "a decoy voids no link");
        assert!([1, 2, 5, 6].iter().all(|it| owner(store, *it).is_none()));
        // An hour later there is room again.
        get(store.add_link(Some(ada.id), link(7), Some(2), actor(later(3600))));
        assert_eq!(owner(store, 7), Some(ada.id));
    });
}

#[test]
fn a_decoy_is_forgotten_with_its_link() {
    on_each_engine(|store| {
        queue(store, None, 1, NOW);
        get(store.mark_mail(due(store)[0].id, NOW, Delivery::Decoy, NOW));
        assert!(due(store).is_empty());
        // Its digest is free again: nothing is left of it.
        assert!(ask(store.add_link(None, link(1), None, actor(NOW))).is_ok());
        assert!(ask(store.add_link(None, link(1), None, actor(NOW))).is_err());
    });
}

#[test]
fn forgetting_takes_what_has_ended_and_leaves_what_has_not() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada"), add(store, "bo"));
        assert!(get(store.open_session(opening(ada.id, 1), actor(NOW))));
        get(store.reserve_attempt(b"ada".to_vec(), NOW));
        queue(store, Some(ada.id), 1, NOW);
        queue(store, Some(bo.id), 2, NOW);
        let sent = due(store)[0].id;
        get(store.mark_mail(sent, NOW, Delivery::Sent, NOW));

        get(store.purge(NOW, NOW, NOW, 9));
        assert!(get(store.live_session(SessionId([1; 16]), NOW)).is_some());
        assert_eq!(owner(store, 1), Some(ada.id));

        get(store.purge(later(3601), later(3601), later(3601), 9));
        assert!(get(store.session_of_cookie(&[1; 32])).is_none());
        assert_eq!(owner(store, 1), None, "expired, and its mail was sent");
        assert_eq!(
            due(store).len(),
            1,
            "a mail that waits is kept, with its link"
        );
        assert_eq!(owner(store, 2), Some(bo.id));
        assert!(get(store.user(&UserRef::Id(ada.id))).is_some());
    });
}

#[test]
fn a_decoy_is_counted_and_fills_no_trail() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        queue(store, Some(ada.id), 1, NOW);
        let all = AuditPage {
            after: 0,
            limit: 100,
            user: None,
            action: None,
        };
        let before = get(store.audit(&all)).len();
        for number in 2..7 {
            queue(store, None, number, NOW);
        }
        assert_eq!(get(store.audit(&all)).len(), before);
        let status = store.status(NOW).expect("a state");
        assert_eq!(status.links_for_nobody, 5);
        // The trail goes on without a gap.
        queue(store, Some(ada.id), 7, NOW);
        let rows = i64::try_from(before + 1).expect("a number");
        let trail = get(store.verify_audit(&unwatched()));
        assert_eq!(trail, crate::store_audit::whole(rows));
    });
}
