//! Mails leave encrypted and logged in, or not at all.

use serde_json::{Value, json};

use crate::server::Site;
use crate::smtp::{arrived, ask, mail_in, mail_where, site};
use crate::smtp_server::{MailServer, file};

/// The arguments for a server with STARTTLS and a login.
fn careful(site: &Site, mail: &MailServer, password: &str) -> [String; 4] {
    let url = site.path("smtp_url");
    let text = format!(
        "smtp://ada:{password}@localhost:{}?tls=required\n",
        mail.port
    );
    crate::smtp_settings::write_private(&url, &text);
    [
        "--smtp-url-file".to_owned(),
        url.to_str().expect("UTF-8").to_owned(),
        "--smtp-ca-file".to_owned(),
        file("authority.pem"),
    ]
}

#[test]
fn a_mail_goes_encrypted_and_logged_in_to_the_stored_address() {
    let (mail, site) = (MailServer::careful(), site(&["ada"]));
    let arguments = careful(&site, &mail, "s%25cr%40t");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let server = site.start(&arguments);
    assert!(
        server
            .announced
            .contains(&format!("localhost:{}, with STARTTLS", mail.port)),
        "{}",
        server.announced
    );
    ask(&server, "ADA");
    let received = arrived(&mail, 1).remove(0);
    assert!(received.encrypted);
    assert_eq!(received.user.as_deref(), Some("ada"));
    assert_eq!(received.to, ["ada@example.org"]);
    assert_eq!(received.from, "minisass@localhost");
    assert_eq!(received.header("To"), Some("ada@example.org"));
    assert_eq!(received.header("Auto-Submitted"), Some("auto-generated"));
    let sent = mail_in(&site, "sent");
    assert_eq!(
        (&sent["attempts"], &sent["error"]),
        (&json!(1), &Value::Null)
    );
    assert!(!server.log().contains("s%cr@t") && !server.announced.contains("cr@t"));
    assert!(
        !server.log().contains("ada@example.org"),
        "{}",
        server.log()
    );
}

#[test]
fn tls_from_the_first_byte_works_too() {
    let certificate = file("server.pem");
    let mail = MailServer::start(&["--certificate", &certificate, "--wrapped"]);
    let url = format!("smtps://localhost:{}", mail.port);
    let authority = file("authority.pem");
    let test = ["mail", "test", "ada@example.org", "--smtp-url", &url];
    let said = Site::with_database()
        .run(&[&test[..], &["--smtp-ca-file", &authority]].concat())
        .ok();
    assert!(said.contains("accepted: 250"), "{said}");
    assert!(mail.received()[0].encrypted);
}

#[test]
fn without_starttls_neither_mail_nor_password_is_sent() {
    let (mail, site) = (
        MailServer::start(&["--login", "ada:secret"]),
        site(&["ada"]),
    );
    let arguments = careful(&site, &mail, "secret");
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.extend(["--mail-retry", "1s"]);
    let server = site.start(&arguments);
    ask(&server, "ada");
    let waits = mail_where(&site, "attempts > 1");
    assert_eq!(waits["state"], "queued");
    assert!(
        waits["error"].as_str().expect("words").contains("STARTTLS"),
        "{waits}"
    );
    let dialogue = mail.dialogue();
    assert!(dialogue.contains("EHLO"), "{dialogue}");
    assert!(
        !dialogue.contains(">> b'AUTH") && !dialogue.contains(">> b'MAIL"),
        "{dialogue}"
    );
    assert!(mail.received().is_empty());
}

#[test]
fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let mail = MailServer::careful();
    let site = Site::with_database();
    let arguments = careful(&site, &mail, "s%25cr%40t");
    let [flag, url, ..] = arguments.each_ref().map(String::as_str);
    let said = site
        .run(&["mail", "test", "ada@example.org", flag, url])
        .refusal();
    assert!(
        said.contains("STARTTLS") && said.contains("smtp_ca_file"),
        "{said}"
    );
    assert!(mail.received().is_empty() && !mail.dialogue().contains(">> b'AUTH"));
}

#[test]
fn a_wrong_password_is_ours_to_mend_and_no_mail_is_lost() {
    let (mail, site) = (MailServer::careful(), site(&["ada"]));
    let arguments = careful(&site, &mail, "wrong");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut server = site.start(&arguments);
    ask(&server, "ada");
    let waits = mail_where(&site, "attempts = 1");
    assert_eq!(waits["state"], "queued", "{waits}");
    assert!(
        waits["error"]
            .as_str()
            .expect("words")
            .starts_with("AUTH: 535"),
        "{waits}"
    );
    assert_eq!(server.stop(), Some(0));
    careful(&site, &mail, "s%25cr%40t");
    site.run(&["mail", "retry", "1"]).ok();
    let _server = site.start(&arguments);
    assert_eq!(arrived(&mail, 1).len(), 1);
}
