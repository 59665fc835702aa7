//! What Postfix makes of our mails, and we of its answers.

use super::postfix::Postfix;
use crate::reset::links;
use crate::server::{Server, Site, until};
use crate::smtp::{ask, mail_in};

/// A server that sends through Postfix, and soon again.
fn start(site: &Site, postfix: &Postfix, more: &[&str]) -> Server {
    let url = postfix.url();
    let how = ["--smtp-url", &url, "--mail-retry", "1s"];
    site.start(&[&how[..], more].concat())
}

/// A mail as people read it.
fn decoded(mail: &str) -> String {
    let text = quoted_printable::decode(mail, quoted_printable::ParseMode::Robust);
    String::from_utf8(text.expect("quoted-printable")).expect("UTF-8")
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
    let mail = decoded(&mail);
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
