//! What every database has to do: mails that are due, in hand, and as the operator sees them.

use std::time::Duration;

use minisass_auth::clock::Clock;
use minisass_auth::domain::{Email, MailKind, MailState, Timestamp, UserId};
use minisass_auth::store::Store;
use minisass_auth::store::links::NewLink;
use minisass_auth::store::mails::{Delivery, MailPage, MailRecord, NoRetry};

use crate::store::{NOW, actor, add, get, later, on_each_engine};

fn queue(store: &Store, user: Option<UserId>, number: u8, at: Timestamp) {
    let link = NewLink {
        purpose: MailKind::PasswordReset,
        nonce: [number; 32],
        digest: [number; 32],
        expires_at: later(3600),
        email: None,
        is_mailed: true,
    };
    get(store.add_link(user, link, None, actor(at)));
}

/// Takes a mail in hand for a minute.
fn lease(store: &Store, at: i64) -> Option<i64> {
    let clock = Clock::fixed(later(at));
    let leased = get(store.lease_mail(&clock, Duration::from_secs(60)))?;
    assert_eq!((leased.at, leased.until), (later(at), later(at + 60)));
    Some(leased.mail.id)
}

fn all(store: &Store) -> Vec<MailRecord> {
    get(store.mail_page(MailPage {
        state: None,
        after: 0,
        limit: 100,
    }))
}

#[test]
fn mails_are_due_in_the_order_they_were_written_and_again_after_a_failure() {
    on_each_engine(|store| {
        let users = ["ada", "bo", "cy", "di"].map(|name| add(store, name).id);
        for (number, user) in (1..).zip(users) {
            queue(store, Some(user), number, later(i64::from(number)));
        }
        let at = |seconds, most| {
            let mails = get(store.due_mail(later(seconds), most));
            mails
                .iter()
                .map(|it| it.nonce.expect("a link")[0])
                .collect::<Vec<_>>()
        };
        assert!(at(0, 9).is_empty());
        assert_eq!(at(3, 9), [1, 2, 3]);
        assert_eq!(at(9, 2), [1, 2]);
        let id = |index: usize| get(store.due_mail(later(9), 9))[index].id;
        let (first, second, third) = (id(0), id(1), id(2));
        assert_eq!(lease(store, 9), Some(first));
        let mark = |id, delivery| get(store.mark_mail(id, later(69), delivery, later(10)));
        mark(first, Delivery::Retry(later(60), "no answer".to_owned()));
        assert_eq!(
            (lease(store, 9), lease(store, 9)),
            (Some(second), Some(third))
        );
        mark(second, Delivery::Sent);
        mark(third, Delivery::Expired);
        assert_eq!(at(10, 9), [4]);
        assert_eq!(at(60, 9), [4, 1]);
    });
}

#[test]
fn a_mail_in_hand_is_given_to_nobody_else_until_its_time() {
    on_each_engine(|store| {
        for (number, name) in [(1, "ada"), (2, "bo")] {
            queue(store, Some(add(store, name).id), number, NOW);
        }
        let (first, second) = (lease(store, 0), lease(store, 0));
        assert!(first.is_some() && second.is_some() && first != second);
        assert_eq!((lease(store, 0), lease(store, 59)), (None, None));
        assert!(get(store.due_mail(later(59), 9)).is_empty());
        assert_eq!(lease(store, 60), first, "whoever had it is gone");
    });
}

#[test]
fn what_is_given_back_is_due_at_once_and_a_mark_ends_a_lease() {
    on_each_engine(|store| {
        queue(store, Some(add(store, "ada").id), 1, NOW);
        let id = lease(store, 0).expect("a mail");
        get(store.release_mail());
        assert_eq!(lease(store, 0), Some(id));
        let again = Delivery::Retry(later(5), "busy".to_owned());
        get(store.mark_mail(id, later(60), again, later(1)));
        assert_eq!((lease(store, 4), lease(store, 5)), (None, Some(id)));
    });
}

/// Such as a sender of a machine that stood still.
#[test]
fn whoever_has_lost_a_mail_can_only_say_that_it_was_sent() {
    on_each_engine(|store| {
        queue(store, Some(add(store, "ada").id), 1, NOW);
        let id = lease(store, 0).expect("a mail");
        assert_eq!(lease(store, 61), Some(id), "taken over");
        for late in [
            Delivery::Retry(NOW, "no answer".to_owned()),
            Delivery::Failed("no".to_owned()),
        ] {
            assert!(
                get(store.mark_mail(id, later(60), late, later(62))),
                "it is there"
            );
            let mail = get(store.mail(id)).expect("a mail");
            assert_eq!(
                (mail.state, mail.attempts, mail.error),
                (MailState::Queued, 0, None)
            );
            assert_eq!(lease(store, 63), None, "it is in hand");
        }
        // Nor once the one who took it over is to try it again.
        let again = Delivery::Retry(later(90), "busy".to_owned());
        get(store.mark_mail(id, later(121), again, later(63)));
        get(store.mark_mail(id, later(60), Delivery::Failed("no".to_owned()), later(63)));
        let mail = get(store.mail(id)).expect("a mail");
        assert_eq!((mail.state, mail.attempts), (MailState::Queued, 1));
        assert_eq!(mail.next_at, later(90));
        get(store.mark_mail(id, later(60), Delivery::Sent, later(64)));
        get(store.mark_mail(id, later(121), Delivery::Failed("no".to_owned()), later(65)));
        let mail = get(store.mail(id)).expect("a mail");
        assert_eq!((mail.state, mail.error), (MailState::Sent, None));
    });
}

#[test]
fn attempts_and_the_last_words_are_kept() {
    on_each_engine(|store| {
        queue(store, Some(add(store, "ada").id), 1, NOW);
        let id = lease(store, 0).expect("a mail");
        get(store.mark_mail(id, later(60), Delivery::Retry(NOW, "busy".to_owned()), NOW));
        assert_eq!(get(store.due_mail(NOW, 1))[0].attempts, 1);
        assert_eq!(lease(store, 0), Some(id));
        get(store.mark_mail(id, later(60), Delivery::Failed("550 no".to_owned()), NOW));
        let mail = get(store.mail(id)).expect("a mail");
        assert_eq!((mail.state, mail.attempts), (MailState::Failed, 2));
        assert_eq!(mail.error.as_deref(), Some("550 no"));
        assert!(get(store.due_mail(later(99), 1)).is_empty(), "for good");
        get(store.retry_mail(vec![id], actor(later(7)))).expect("a retry");
        let mail = get(store.mail(id)).expect("a mail");
        assert_eq!((mail.state, mail.attempts), (MailState::Queued, 0));
        assert_eq!(mail.next_at, later(7));
        get(store.mark_mail(id, later(60), Delivery::Sent, later(8)));
        let mail = get(store.mail(id)).expect("a mail");
        assert_eq!((mail.sent_at, mail.error), (Some(later(8)), None));
    });
}

#[test]
fn the_operator_sees_mails_and_no_decoys() {
    on_each_engine(|store| {
        let ada = add(store, "ada");
        queue(store, None, 1, NOW);
        queue(store, Some(ada.id), 2, NOW);
        let to = Email::parse("team@example.org").expect("an address");
        let details = r#"{"name":"Bo"}"#.to_owned();
        get(store.add_mail(MailKind::Contact, to, details.clone(), actor(NOW)));
        let mails = all(store);
        let [reset, contact] = mails.as_slice() else {
            panic!("{mails:?}")
        };
        assert_eq!(reset.user, Some((ada.id, "ada".to_owned())));
        assert_eq!(reset.expires_at, Some(later(3600)));
        assert!(!reset.is_link_used && contact.user.is_none());
        assert_eq!(contact.details, Some(details));
        assert!(get(store.mail(reset.id - 1)).is_none(), "the decoy");
        let page = |state, after, limit| {
            let page = MailPage {
                state,
                after,
                limit,
            };
            get(store.mail_page(page)).len()
        };
        assert_eq!(page(None, reset.id, 9), 1);
        assert_eq!(page(None, 0, 1), 1);
        assert_eq!(page(Some(MailState::Sent), 0, 9), 0);
        assert_eq!(page(Some(MailState::Queued), 0, 9), 2);
        let before = |state, limit| {
            get(store.mails_before(MailPage {
                state,
                after: 0,
                limit,
            }))
        };
        assert_eq!(before(None, 1), reset.id);
        assert_eq!(before(None, 2), 0);
        assert_eq!(before(Some(MailState::Queued), 1), reset.id);
        assert_eq!(before(Some(MailState::Sent), 1), 0);
    });
}

#[test]
fn all_are_queued_again_or_none() {
    on_each_engine(|store| {
        let (ada, bo) = (add(store, "ada"), add(store, "bo"));
        queue(store, Some(ada.id), 1, NOW);
        queue(store, Some(bo.id), 2, NOW);
        // The newest link of somebody is the only one that works.
        queue(store, Some(bo.id), 3, NOW);
        let ids: Vec<i64> = all(store).iter().map(|it| it.id).collect();
        for _ in &ids {
            let id = lease(store, 0).expect("a mail");
            get(store.mark_mail(id, later(60), Delivery::Failed("no".to_owned()), NOW));
        }
        let retry = |ids: &[i64], at| get(store.retry_mail(ids.to_vec(), actor(later(at))));
        assert!(matches!(retry(&ids, 0), Err(NoRetry::LinkEnded(mail)) if mail.id == ids[1]));
        assert!(matches!(retry(&[ids[0], 99], 0), Err(NoRetry::Unknown(99))));
        assert!(matches!(retry(&[ids[0]], 3600), Err(NoRetry::LinkEnded(_))));
        assert!(all(store).iter().all(|it| it.state == MailState::Failed));
        assert!(retry(&[ids[0], ids[2]], 0).is_ok());
        get(store.mark_mail(ids[0], later(60), Delivery::Sent, NOW));
        assert!(matches!(retry(&[ids[0]], 0), Err(NoRetry::Sent(id)) if id == ids[0]));
    });
}
