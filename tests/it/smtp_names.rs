//! The names that mail servers see: ours in EHLO, the sender's, and those of hosts in other alphabets.

use serde_json::json;

use crate::server::{PASSWORD, Site, until};
use crate::smtp::{arrived, mail_in, site, start};
use crate::smtp_server::{MailServer, Received};

/// A test mail, sent with these settings.
fn tested(settings: &[&str]) -> Received {
    let (mail, site) = (MailServer::start(&[]), Site::with_database());
    let url = mail.url();
    let test = ["mail", "test", "ada@example.org", "--smtp-url", &url];
    site.run(&[&test[..], settings].concat()).ok();
    mail.received().remove(0)
}

#[test]
fn we_greet_with_the_host_of_our_address_or_as_we_are_told() {
    for (settings, name) in [
        (&[][..], "[127.0.0.1]"),
        (&["--listen", "[::1]:8000"], "[IPv6:::1]"),
        (
            &["--public-url", "https://Auth.Example.org:8443/base"],
            "auth.example.org",
        ),
        (
            &[
                "--public-url",
                "https://auth.example.org",
                "--smtp-hello",
                "relay.example.org",
            ],
            "relay.example.org",
        ),
        (&["--smtp-hello", "bücher.example"], "xn--bcher-kva.example"),
        (&["--smtp-hello", "192.0.2.7"], "[192.0.2.7]"),
        (
            &["--smtp-hello", "[IPv6:2001:db8::1]"],
            "[IPv6:2001:db8::1]",
        ),
    ] {
        assert_eq!(tested(settings).hello, name, "{settings:?}");
        if !settings.is_empty() {
            let show = ["config", "show", "--format", "json"];
            let rows = Site::new().run(&[&show[..], settings].concat()).json();
            let mut rows = rows.as_array().expect("rows").iter();
            let shown = rows.find(|it| it["key"] == "smtp_hello").expect("a row");
            let shown = shown["value"].as_str().expect("a name");
            assert!(name == shown || settings.contains(&shown), "{shown}");
        }
    }
}

#[test]
fn a_name_that_could_start_another_line_is_refused() {
    let site = Site::with_database();
    for name in [
        "a b",
        "a\r\nMAIL FROM:<x@y.z>",
        "ex_ample.org",
        "a@b",
        "-",
        "a..b",
    ] {
        let said = site.run(&["mail", "list", "--smtp-hello", name]).refusal();
        assert!(said.contains("the setting smtp_hello is wrong"), "{said}");
        assert!(said.contains("auth.example.org"), "{said}");
    }
}

#[test]
fn the_name_of_the_sender_may_hold_any_character() {
    for (from, header) in [
        ("a@b.example", "a@b.example"),
        ("<a@b.example>", "a@b.example"),
        ("miniSASS <a@b.example>", "miniSASS <a@b.example>"),
        (
            "miniSASS, South Africa <a@b.example>",
            "=?utf-8?b?bWluaVNBU1MsIFNvdXRoIEFmcmljYQ==?= <a@b.example>",
        ),
        (
            "\"miniSASS, South Africa\" <a@b.example>",
            "=?utf-8?b?bWluaVNBU1MsIFNvdXRoIEFmcmljYQ==?= <a@b.example>",
        ),
        (
            "miniSASS (rivers): all; of [them] <a@b.example>",
            "=?utf-8?b?bWluaVNBU1MgKHJpdmVycyk6IGFsbDsgb2YgW3RoZW1d?= <a@b.example>",
        ),
        (
            "St. \"Sass\" <a@b.example>",
            "\"St. \\\"Sass\\\"\" <a@b.example>",
        ),
        (
            "\"St. \\\"Sass\\\"\" <a@b.example>",
            "\"St. \\\"Sass\\\"\" <a@b.example>",
        ),
        (
            "Flüsse <a@bücher.example>",
            "=?utf-8?b?RmzDvHNzZQ==?= <a@xn--bcher-kva.example>",
        ),
    ] {
        let mail = tested(&["--mail-from", from]);
        assert_eq!(mail.header("From"), Some(header), "{from}");
        assert!(mail.message.is_ascii());
        let address = header.rsplit('<').next().expect("an address");
        assert_eq!(mail.from, address.trim_end_matches('>'));
    }
    let site = Site::new();
    for from in [
        "nobody",
        "a@",
        "miniSASS a@b.example",
        "a@b.example, c@d.example",
        "A <a@b.example>, C <c@d.example>",
        "jürgen@example.org",
        "A\r\nBcc: x@y.z <a@b.example>",
    ] {
        let said = site
            .run(&["config", "check", "--mail-from", from])
            .refusal();
        assert!(
            said.contains("the setting mail_from is wrong"),
            "{from}: {said}"
        );
        assert!(said.contains("<no-reply@example.org>"), "{said}");
    }
}

#[test]
fn hosts_in_other_alphabets_travel_as_a_labels() {
    let (mail, site) = (MailServer::start(&[]), Site::new());
    let from = "miniSASS <noreply@bücher.example>";
    let desk = "desk@bücher.example";
    let server = start(&site, &mail, &["--mail-from", from, "--contact-to", desk]);
    let newcomer = json!({
        "username": "uli", "email": "uli@bücher.example", "password": PASSWORD,
        "first_name": "A", "last_name": "B", "organizationType": "NGO",
        "organizationName": "Rivers", "country": "DE",
    });
    assert_eq!(server.post("register", &newcomer).status, 201);
    let letter =
        json!({"name": "Uli", "email": "uli@bücher.example", "phone": "1", "message": "Hi"});
    assert_eq!(server.post("contact-us", &letter).status, 200);
    let received = arrived(&mail, 2);
    for mail in &received {
        let head = mail.message.split("\r\n\r\n").next().expect("a head");
        assert!(head.is_ascii(), "{head}");
        assert_eq!(mail.from, "noreply@xn--bcher-kva.example");
        assert_eq!(mail.header("To"), Some(&*mail.to[0]));
        assert_eq!(
            mail.header("From"),
            Some("miniSASS <noreply@xn--bcher-kva.example>")
        );
        let id = mail.header("Message-ID").expect("an id");
        assert!(id.ends_with("@xn--bcher-kva.example>"), "{id}");
    }
    let contact = received.iter().find(|it| it.to[0].starts_with("desk@"));
    let contact = contact.expect("a letter to the desk");
    assert_eq!(contact.to, ["desk@xn--bcher-kva.example"]);
    assert_eq!(
        contact.header("Reply-To"),
        Some("uli@xn--bcher-kva.example")
    );
    let tested = site.run(&[
        "mail",
        "test",
        "uli@bücher.example",
        "--smtp-url",
        &mail.url(),
    ]);
    tested.ok();
    let received = arrived(&mail, 3);
    let to_uli = received
        .iter()
        .filter(|it| it.to == ["uli@xn--bcher-kva.example"]);
    assert_eq!(to_uli.count(), 2);
}

#[test]
fn an_address_that_the_server_cannot_take_ends_the_mail_and_says_why() {
    let (mail, site) = (MailServer::start(&[]), site(&["ada"]));
    // Such addresses came from elsewhere; today none is taken.
    let database = site.database();
    let stored = "UPDATE users SET email = 'jürgen@bücher.example'";
    database.change(stored);
    site.run(&["reset", "send", "ada"]).ok();
    let server = start(&site, &mail, &[]);
    let failed = mail_in(&site, "failed");
    assert_eq!(failed["attempts"], 1);
    let error = failed["error"].as_str().expect("words");
    assert!(error.contains("only ASCII before the @"), "{error}");
    assert!(error.contains("SMTPUTF8"), "{error}");
    until("the log", || {
        server.log().contains("mail_failed").then_some(())
    });
    assert!(mail.received().is_empty());
}
