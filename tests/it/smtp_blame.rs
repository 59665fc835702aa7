//! Refusals as Postfix, Exchange, Gmail, Amazon SES, Exim, qmail and Sendmail word them: one that
//! blames the recipient ends a mail, one that blames us keeps it and says what to look at.

use serde_json::Value;

use crate::server::{Site, until};
use crate::smtp::{count, mail_where, mails, site, start};
use crate::smtp_server::MailServer;

/// What becomes of a mail whose recipient, or DATA, or message (END) is refused so: it ends, or it is
/// kept with advice that names these settings.
const REFUSALS: &[(&str, &str, Option<&[&str]>)] = &[
    // The recipient.
    (
        "RCPT",
        "550 5.1.1 <bo@mail.test>: Recipient address rejected: User unknown",
        None,
    ),
    (
        "RCPT",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found",
        None,
    ),
    (
        "RCPT",
        "553 5.1.3 The recipient address is not a valid RFC-5321 address",
        None,
    ),
    ("RCPT", "556 5.1.10 Recipient address has null MX", None),
    (
        "RCPT",
        "550-5.2.1 The email account is disabled.\r\n550 5.2.1 See support.google.com",
        None,
    ),
    (
        "RCPT",
        "552 5.2.2 The email account that you tried to reach is over quota",
        None,
    ),
    (
        "RCPT",
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        None,
    ),
    ("RCPT", "550 Unrouteable address", None),
    ("RCPT", "553 sorry, no mailbox by that name here", None),
    (
        "RCPT",
        "550 sorry, no mailbox here by that name (#5.1.1)",
        None,
    ),
    ("RCPT", "550 <relay.sender@mail.test> unknown", None),
    ("DATA", "554 5.1.1 No valid recipients", None),
    ("END", "550 5.1.1 The user does not exist here", None),
    ("END", "552 5.2.2 Mailbox full", None),
    // Us.
    (
        "RCPT",
        "554 5.7.1 <bo@mail.test>: Relay access denied",
        Some(&["smtp_url"]),
    ),
    (
        "RCPT",
        "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
        Some(&["smtp_url"]),
    ),
    ("RCPT", "550 relay not permitted", Some(&["smtp_url"])),
    (
        "RCPT",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        Some(&["smtp_url"]),
    ),
    (
        "RCPT",
        "530 5.7.0 Must issue a STARTTLS command first",
        Some(&["smtp_url"]),
    ),
    (
        "RCPT",
        "504 5.5.2 <box>: Helo command rejected: need fully-qualified hostname",
        Some(&["smtp_hello"]),
    ),
    (
        "RCPT",
        "504 5.5.2 need a better name",
        Some(&["smtp_url", "mail_from", "smtp_hello"]),
    ),
    (
        "RCPT",
        "553 5.7.1 <a@b.c>: Sender address rejected: not owned by user ada",
        Some(&["mail_from"]),
    ),
    (
        "RCPT",
        "550 5.1.0 <a@b.c>: Sender address rejected: User unknown",
        Some(&["mail_from"]),
    ),
    (
        "RCPT",
        "553 5.1.8 <a@b.c>... Domain of sender address a@b.c does not exist",
        Some(&["mail_from"]),
    ),
    ("RCPT", "550 5.1.7 no such address", Some(&["mail_from"])),
    ("RCPT", "550 Sender verify failed", Some(&["mail_from"])),
    (
        "RCPT",
        "554 5.7.1 Service unavailable; blocked using zen.example",
        Some(&["smtp_hello"]),
    ),
    (
        "RCPT",
        "550 rejected because 192.0.2.1 is in a blacklist",
        Some(&["smtp_url"]),
    ),
    (
        "RCPT",
        "550 5.4.5 Daily user sending limit exceeded",
        Some(&[]),
    ),
    ("RCPT", "550 4.2.1 Not now", Some(&[])),
    (
        "DATA",
        "554 5.5.1 Error: no valid command",
        Some(&["smtp_url", "mail_from", "smtp_hello"]),
    ),
    (
        "END",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        Some(&["mail_from"]),
    ),
    (
        "END",
        "554 5.2.252 SendAsDenied; a@b.c not allowed to send as d@e.f",
        Some(&["mail_from"]),
    ),
    (
        "END",
        "554 Message rejected: Email address is not verified",
        Some(&["mail_from"]),
    ),
    (
        "END",
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\r\n550 5.7.26 SPF",
        Some(&["mail_from"]),
    ),
    (
        "END",
        "554 5.7.1 We do not like this message",
        Some(&["smtp_url", "mail_from", "smtp_hello"]),
    ),
    (
        "END",
        "554 5.6.0 Mail message is malformed",
        Some(&["template"]),
    ),
    (
        "END",
        "552 5.3.4 Message size exceeds fixed limit",
        Some(&[]),
    ),
    ("END", "550 Administrative prohibition", Some(&["smtp_url"])),
    // Not for good, whatever they speak of.
    ("RCPT", "450 4.1.1 User unknown, for now", Some(&["later"])),
    ("RCPT", "451 4.7.1 Greylisting in action", Some(&["later"])),
    (
        "RCPT",
        "454 4.7.1 <bo@mail.test>: Relay access denied",
        Some(&["smtp_url"]),
    ),
    (
        "RCPT",
        "450 4.7.1 <box>: Helo command rejected: Host not found",
        Some(&["smtp_hello"]),
    ),
    (
        "END",
        "454 Throttling failure: Daily message quota exceeded.",
        Some(&["later"]),
    ),
];

#[test]
fn a_refusal_ends_a_mail_only_if_it_blames_the_recipient() {
    let names: Vec<String> = (0..REFUSALS.len()).map(|it| format!("user{it}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let site = site(&names);
    site.run(&[&["reset", "send"], &names[..]].concat()).ok();
    let answers: Vec<String> = REFUSALS
        .iter()
        .zip(&names)
        .flat_map(|((step, reply, _), name)| {
            ["--answer".to_owned(), format!("{step}:{name}={reply}")]
        })
        .collect();
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    let mail = MailServer::start(&answers);
    let server = site.start(&["--smtp-url", &mail.url(), "--mail-retry", "1h"]);
    until("an attempt for each", || {
        (count(&site, "attempts > 0") == names.len() as i64).then_some(())
    });
    for (mail, (step, reply, advice)) in mails(&site).iter().zip(REFUSALS) {
        let error = mail["error"].as_str().expect("words");
        let state = if advice.is_some() { "queued" } else { "failed" };
        assert_eq!(mail["state"], state, "{step} {reply}: {error}");
        for word in advice.unwrap_or(&["check the address"]) {
            assert!(error.contains(word), "{reply}: {error}");
        }
    }
    server.log_with("\"hint\":\"check mail_from");
}

/// The mail, after an attempt at a server that refuses every step of this name.
fn refused(site: &Site, step: &str, reply: &str) -> Value {
    let answer = format!("{step}={reply}");
    let mail = MailServer::start(&["--answer", &answer]);
    let _server = start(site, &mail, &[]);
    mail_where(site, "attempts > 0")
}

#[test]
fn what_is_refused_before_the_recipient_is_named_is_kept() {
    for (step, reply, during, advice) in [
        (
            "EHLO",
            "550 5.7.1 Helo command rejected",
            "connecting",
            "smtp_hello",
        ),
        (
            "EHLO",
            "554 5.7.1 No access from here",
            "connecting",
            "smtp_hello",
        ),
        (
            "EHLO",
            "421 4.3.2 Too many connections",
            "connecting",
            "later",
        ),
        (
            "MAIL",
            "550 5.1.1 Nobody of that name",
            "MAIL FROM",
            "mail_from",
        ),
        (
            "MAIL",
            "501 Invalid MAIL FROM address provided",
            "MAIL FROM",
            "mail_from",
        ),
        (
            "MAIL",
            "530 5.7.57 Client not authenticated to send mail",
            "MAIL FROM",
            "smtp_url",
        ),
        ("MAIL", "550 5.2.2 Over quota", "MAIL FROM", "mail_from"),
    ] {
        let site = site(&["ada"]);
        site.run(&["reset", "send", "ada"]).ok();
        let mail = refused(&site, step, reply);
        let error = mail["error"].as_str().expect("words");
        assert_eq!(mail["state"], "queued", "{error}");
        let said = format!("{during}: {reply}; ");
        let hint = error.strip_prefix(&said).expect(&said);
        assert!(hint.contains(advice), "{hint}");
    }
}
