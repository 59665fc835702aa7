//! What Postfix makes of our mails, and we of its answers.

use serde_json::json;

use super::postfix::Postfix;
use crate::reset::links;
use crate::server::{PASSWORD, Server, Site, until};
use crate::smtp::{ask, mail_in, mail_where};

/// A server that sends through Postfix, and soon again.
fn start(site: &Site, postfix: &Postfix, more: &[&str]) -> Server {
    let url = postfix.url();
    let how = ["--smtp-url", &url, "--mail-retry", "1s"];
    site.start(&[&how[..], more].concat())
}

#[test]
fn a_reset_mail_arrives_and_its_link_opens() {
    let Some(postfix) = Postfix::start(&["ada@example.org"], &[]) else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = start(&site, &postfix, &[]);
    ask(&server, "ada");
    let mail = until("the mail", || postfix.mailbox("ada@example.org").pop());
    assert!(
        mail.starts_with("Return-Path: <minisass@localhost>"),
        "{mail}"
    );
    for header in ["Auto-Submitted: auto-generated", "To: ada@example.org"] {
        assert!(mail.contains(&format!("\n{header}\n")), "{header}: {mail}");
    }
    let link = links(&mail).remove(0);
    let base = format!("http://{}", server.address());
    let path = link.strip_prefix(&base).expect("a link to us");
    assert_eq!(server.get(path, "").status, 200, "{link}");
    assert_eq!(mail_in(&site, "sent")["attempts"], 1);
}

#[test]
fn a_recipient_whom_postfix_does_not_know_is_given_up_at_once() {
    let Some(postfix) = Postfix::start(&["ada@example.org"], &[]) else {
        return;
    };
    let site = Site::new();
    site.add_user("bo", &[]);
    let server = start(&site, &postfix, &[]);
    ask(&server, "bo");
    let failed = mail_in(&site, "failed");
    assert_eq!(failed["attempts"], 1);
    let error = failed["error"].as_str().expect("words");
    assert!(error.starts_with("RCPT TO: 550 5.1.1"), "{error}");
    assert!(postfix.log().contains("User unknown"), "{}", postfix.log());
}

/// The mail to bo is kept after this answer of Postfix, and the log says what to look at.
#[track_caller]
fn assert_kept(people: &[&str], manners: &[&str], code: &str, look_at: &str) {
    let Some(postfix) = Postfix::start(people, manners) else {
        return;
    };
    let site = Site::new();
    site.add_user("bo", &[]);
    let server = start(&site, &postfix, &[]);
    ask(&server, "bo");
    let mail = mail_where(&site, "attempts > 0 AND error IS NOT NULL");
    let error = mail["error"].as_str().expect("words");
    assert!(error.contains(code), "{error}");
    assert_eq!(mail["state"], "queued", "{mail}");
    server.log_with(look_at);
}

#[test]
fn a_relay_that_is_refused_is_ours_to_mend() {
    assert_kept(&["ada@mail.test"], &[], "554 5.7.1", "check smtp_url");
}

#[test]
fn a_greeting_that_is_refused_is_ours_to_mend() {
    let manners = [
        "smtpd_helo_required = yes",
        "smtpd_helo_restrictions = check_helo_access static:{504 5.5.2 need a name of your own}",
    ];
    assert_kept(
        &["bo@example.org"],
        &manners,
        "504 5.5.2",
        "check smtp_hello",
    );
}

#[test]
fn a_sender_that_is_refused_is_ours_to_mend() {
    let manners =
        ["smtpd_sender_restrictions = check_sender_access static:{553 5.7.1 not your address}"];
    assert_kept(
        &["bo@example.org"],
        &manners,
        "553 5.7.1",
        "check mail_from",
    );
}

#[test]
fn a_sender_that_nobody_knows_is_ours_to_mend() {
    let manners = ["smtpd_sender_restrictions = reject_unlisted_sender"];
    let Some(postfix) = Postfix::start(&["bo@example.org"], &manners) else {
        return;
    };
    let site = Site::new();
    site.add_user("bo", &[]);
    let server = start(&site, &postfix, &["--mail-from", "nobody@example.org"]);
    ask(&server, "bo");
    let mail = mail_where(&site, "attempts > 0 AND error IS NOT NULL");
    let error = mail["error"].as_str().expect("words");
    assert_eq!(mail["state"], "queued", "{error}");
    assert!(
        error.contains("5.1.0") && error.contains("check mail_from"),
        "{error}"
    );
}

#[test]
fn a_message_that_policy_refuses_is_ours_to_mend() {
    let manners = [
        "smtpd_data_restrictions = check_client_access static:{550 5.7.60 not permitted to send as}",
    ];
    assert_kept(
        &["bo@example.org"],
        &manners,
        "550 5.7.60",
        "check mail_from",
    );
}

#[test]
fn hosts_in_other_alphabets_go_through_a_server_without_smtputf8() {
    let people = ["uli@xn--bcher-kva.example", "desk@example.org"];
    let Some(postfix) = Postfix::start(&people, &["smtputf8_enable = no"]) else {
        return;
    };
    let site = Site::new();
    let from = "miniSASS <noreply@bücher.example>";
    let desk = ["--contact-to", "desk@example.org", "--mail-from", from];
    let server = start(&site, &postfix, &desk);
    let newcomer = json!({
        "username": "uli", "email": "uli@bücher.example", "password": PASSWORD,
        "first_name": "A", "last_name": "B", "organizationType": "NGO",
        "organizationName": "Rivers", "country": "DE",
    });
    assert_eq!(server.post("register", &newcomer).status, 201);
    let letter =
        json!({"name": "Uli", "email": "uli@bücher.example", "phone": "1", "message": "Hi"});
    assert_eq!(server.post("contact-us", &letter).status, 200);
    for person in people {
        let mail = until("the mail", || postfix.mailbox(person).pop());
        let head = mail.split("\n\n").next().expect("a head");
        assert!(head.is_ascii(), "{head}");
        assert!(head.contains("noreply@xn--bcher-kva.example"), "{head}");
    }
}
