//! Mails leave by SMTP, once each, around every way in which a mail server misbehaves.

use std::time::Instant;

use serde_json::{Value, json};

use crate::server::{PATIENCE, Server, Site, until};
use crate::smtp_server::{MailServer, Received};

/// What a test waits for when a mail server says nothing: long enough for one that is only busy.
const PATIENT: [&str; 2] = ["--smtp-timeout", "2s"];

/// A server that sends through this one, and soon again.
pub fn start(site: &Site, mail: &MailServer, more: &[&str]) -> Server {
    let url = mail.url();
    let how = ["--smtp-url", &url, "--mail-retry", "1s"];
    site.start(&[&how[..], more].concat())
}

pub fn ask(server: &Server, name: &str) {
    let email = format!("{name}@example.org");
    let answer = server.post("request-reset", &json!({ "email": email }));
    assert_eq!(answer.status, 200);
}

pub fn mails(site: &Site) -> Vec<Value> {
    let list = site.run(&["mail", "list", "--limit", "0", "--format", "json"]);
    list.json().as_array().expect("a list").clone()
}

/// How many rows of the outbox are so.
pub fn count(site: &Site, condition: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM outbox WHERE {condition}");
    site.database().get(&sql)
}

/// The newest mail, once one is so.
pub fn mail_where(site: &Site, condition: &str) -> Value {
    until(condition, || (count(site, condition) > 0).then_some(()));
    mails(site).pop().expect("a mail")
}

/// The first mail in this state, once there is one.
pub fn mail_in(site: &Site, state: &str) -> Value {
    mail_where(site, &format!("state = '{state}'"));
    let mut mails = mails(site).into_iter();
    mails.find(|it| it["state"] == state).expect("a mail")
}

pub fn arrived(mail: &MailServer, count: usize) -> Vec<Received> {
    until("the mails", || {
        Some(mail.received()).filter(|it| it.len() >= count)
    })
}

/// A site with these users.
pub fn site(names: &[&str]) -> Site {
    let site = Site::new();
    for name in names {
        site.add_user(name, &[]);
    }
    site
}

#[test]
fn a_server_that_is_busy_gets_the_same_message_again() {
    let (mail, site) = (MailServer::start(&["--busy", "2"]), site(&["ada"]));
    let server = start(&site, &mail, &[]);
    ask(&server, "ada");
    assert_eq!(arrived(&mail, 1).len(), 1);
    let sent = mail_in(&site, "sent");
    assert_eq!(sent["attempts"], 3);
    let log = server.log_with("451 during RCPT TO");
    assert_eq!(log.matches("mail_retry").count(), 2, "{log}");
}

#[test]
fn what_is_refused_for_good_is_kept_with_the_words_and_holds_up_nobody() {
    let mail = MailServer::start(&["--refuse", "bad"]);
    let site = site(&["ada", "bad", "cy"]);
    let server = start(&site, &mail, &[]);
    for name in ["bad", "ada", "cy"] {
        ask(&server, name);
    }
    let failed = mail_in(&site, "failed");
    assert_eq!(failed["username"], "bad");
    assert_eq!(
        failed["error"],
        "RCPT TO: 550 5.1.1 Nobody of that name here; \
         check the address; if it is right, ask the mail server's operator"
    );
    let mut to: Vec<_> = arrived(&mail, 2)
        .iter()
        .map(|it| it.to[0].clone())
        .collect();
    to.sort();
    assert_eq!(to, ["ada@example.org", "cy@example.org"]);
    let log = server.log_with("mail_failed");
    assert!(!log.contains("Nobody"), "{log}");
}

#[test]
fn a_message_that_is_refused_is_kept_and_goes_out_when_it_is_wanted() {
    let (mut mail, site) = (MailServer::start(&["--refuse-data"]), site(&["ada"]));
    let server = start(&site, &mail, &[]);
    ask(&server, "ada");
    let failed = mail_in(&site, "failed");
    assert!(
        failed["error"].as_str().expect("words").contains("552"),
        "{failed}"
    );
    mail.restart(&[]);
    let said = site.run(&["mail", "retry", "--failed"]).ok();
    assert_eq!(said, "mail 1 queued; a running server sends it now\n");
    assert_eq!(arrived(&mail, 1).len(), 1);
    assert_eq!(mail_in(&site, "sent")["id"], 1);
    drop(server);
}

#[test]
fn a_server_that_is_down_or_mute_costs_no_mail_and_no_request_waits() {
    let (mut mail, site) = (MailServer::start(&["--mute"]), site(&["ada", "bo"]));
    let server = start(&site, &mail, &PATIENT);
    ask(&server, "ada");
    mail_where(&site, "error LIKE '%no answer within 2s%'");
    mail.stop();
    let started = Instant::now();
    ask(&server, "bo");
    assert!(started.elapsed() < PATIENCE / 10);
    mail_where(&site, "id = 2 AND error LIKE 'connecting: %refused%'");
    mail.restart(&[]);
    assert_eq!(arrived(&mail, 2).len(), 2);
}

/// Both times the server kept the message and did not say so: the protocol cannot tell.
fn assert_sent_again(manners: &[&str]) {
    let (mail, site) = (MailServer::start(manners), site(&["ada"]));
    let server = start(&site, &mail, &PATIENT);
    ask(&server, "ada");
    let received = arrived(&mail, 2);
    let ids = [&received[0], &received[1]].map(|it| it.header("Message-ID"));
    assert!(ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
    mail_in(&site, "sent");
    assert_eq!(mail.received().len(), 2);
}

#[test]
fn silence_after_the_message_leads_to_the_same_message_again() {
    assert_sent_again(&["--hang-data", "1"]);
}

#[test]
fn the_end_of_the_connection_after_the_message_leads_to_the_same_message_again() {
    assert_sent_again(&["--drop-data", "1"]);
}

#[test]
fn a_slow_recipient_does_not_hold_up_the_others() {
    let mail = MailServer::start(&["--slow", "20", "--slow-for", "slow"]);
    let site = site(&["slow", "ada", "bo", "cy", "di"]);
    let url = mail.url();
    let mut server = site.start(&["--smtp-url", &url]);
    for name in ["slow", "ada", "bo", "cy", "di"] {
        ask(&server, name);
    }
    let received = arrived(&mail, 4);
    assert!(received.iter().all(|it| it.to != ["slow@example.org"]));
    // And it does not hold up the stop.
    let started = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}
