//! What is said when no mail server can be reached: one plain sentence for each reason.

use std::net::TcpListener;

use crate::server::{Site, until};
use crate::smtp::{ask, mail_in, mail_where, site};
use crate::smtp_server::{MailServer, file};

fn test(site: &Site, url: &str, more: &[&str]) -> String {
    let test = ["mail", "test", "ada@example.org", "--smtp-url", url];
    let said = site.run(&[&test[..], more].concat()).refusal();
    assert!(!said.contains("os error"), "{said}");
    let words = said.split([':', ';', ',']).map(str::trim);
    let mut words: Vec<&str> = words.filter(|it| it.len() > 8).collect();
    let count = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), count, "something is said twice: {said}");
    said
}

/// A port where nobody listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn each_reason_not_to_reach_a_mail_server_has_its_own_sentence() {
    let site = Site::with_database();
    let said = test(&site, &format!("smtp://127.0.0.1:{}", closed_port()), &[]);
    assert!(said.contains("nobody listens there"), "{said}");
    assert!(said.contains("check host and port"), "{said}");

    let said = test(&site, "smtp://mail.nowhere.invalid:25", &[]);
    assert!(said.contains("there is no host of that name"), "{said}");

    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let soon = ["--smtp-timeout", "1s"];
    let said = test(&site, &format!("smtp://127.0.0.1:{port}"), &soon);
    assert!(said.contains("no answer within 1s"), "{said}");

    let closing = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = closing.local_addr().expect("an address").port();
    let closing = std::thread::spawn(move || drop(closing.accept()));
    let said = test(&site, &format!("smtp://127.0.0.1:{port}"), &soon);
    assert!(
        said.contains("closed the connection") || said.contains("does not speak SMTP"),
        "{said}"
    );
    closing.join().expect("a thread");
}

#[test]
fn a_failure_of_tls_is_called_so_from_the_first_byte_and_later() {
    let site = Site::with_database();
    let certificate = file("server.pem");
    let wrapped = MailServer::start(&["--certificate", &certificate, "--wrapped"]);
    let by_command = MailServer::start(&["--certificate", &certificate]);
    let plain = MailServer::start(&[]);
    for url in [
        format!("smtps://localhost:{}", wrapped.port),
        format!("smtp://localhost:{}?tls=required", by_command.port),
        format!("smtps://localhost:{}", plain.port),
    ] {
        let said = test(&site, &url, &[]);
        assert!(
            said.contains("it could not be encrypted: "),
            "{url}: {said}"
        );
        assert!(said.contains("check that the certificate"), "{url}: {said}");
    }
}

#[test]
fn the_outbox_and_the_log_say_it_once() {
    let site = site(&["ada"]);
    let url = format!("smtp://127.0.0.1:{}", closed_port());
    let server = site.start(&["--smtp-url", &url]);
    ask(&server, "ada");
    let tried = mail_where(&site, "attempts > 0");
    let error = tried["error"].as_str().expect("a sentence");
    assert!(error.contains("nobody listens there"), "{error}");
    assert_eq!(error.matches("connection refused").count(), 1, "{error}");
    until("a line in the log", || {
        server.log().contains("no answer during").then_some(())
    });
    assert!(!server.log().contains("os error"), "{}", server.log());
    assert_eq!(mail_in(&site, "queued")["id"], tried["id"]);
}
