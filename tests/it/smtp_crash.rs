//! The server dies in the middle of sending: every mail arrives, and none twice without need.

use std::collections::BTreeMap;

use rustix::process::Signal;

use crate::server::{Site, until};
use crate::smtp::{ask, count, mails, start};
use crate::smtp_server::MailServer;

/// So many accounts ask for a link.
const PEOPLE: usize = 40;

fn counts(mail: &MailServer) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for received in mail.received() {
        assert_eq!(received.to.len(), 1);
        *counts.entry(received.to[0].clone()).or_default() += 1;
    }
    counts
}

#[test]
fn killed_in_the_middle_it_loses_no_mail_and_repeats_only_what_it_had_in_hand() {
    // Each mail takes longer than it takes to ask for one, so that some always wait.
    let (mail, site) = (MailServer::start(&["--slow", "0.05"]), Site::new());
    let mut server = start(&site, &mail, &[]);
    for number in 0..PEOPLE {
        assert_eq!(server.register(&format!("u{number}")), 201);
    }
    let kills: usize = 3;
    for round in 1..=kills {
        let enough = mail.received().len() + 3;
        for number in 0..PEOPLE {
            if number % kills == round - 1 {
                ask(&server, &format!("u{number}"));
            }
        }
        until("some mails", || {
            (mail.received().len() >= enough).then_some(())
        });
        server.signal(Signal::KILL);
        server.wait();
        server = start(&site, &mail, &[]);
    }
    until("an empty outbox", || {
        (count(&site, "state <> 'sent'") == 0).then_some(())
    });
    let counts = counts(&mail);
    let mailed = mails(&site).len();
    // One mail of the registration, and one that was asked for.
    assert_eq!((counts.len(), mailed), (PEOPLE, 2 * PEOPLE));
    let repeated = mail.received().len() - 2 * PEOPLE;
    assert!(
        repeated <= 4 * kills,
        "{repeated} repeated, four senders, {kills} kills"
    );
    assert!(counts.values().all(|it| *it <= 2 + kills), "{counts:?}");
}

#[test]
fn what_a_dead_server_had_in_hand_is_sent_by_the_next_one_at_once() {
    let (mut mail, site) = (MailServer::start(&["--mute"]), Site::new());
    let url = mail.url();
    // Its lease would last for minutes.
    let mut server = site.start(&["--smtp-url", &url]);
    site.add_user("ada", &[]);
    ask(&server, "ada");
    until("a lease", || {
        (count(&site, "leased_until IS NOT NULL") == 1).then_some(())
    });
    server.signal(Signal::KILL);
    server.wait();
    mail.restart(&[]);
    let _server = start(&site, &mail, &[]);
    until("the mail", || (mail.received().len() == 1).then_some(()));
}
