//! `reset send`: the command queues the mail, the server sends it.

use serde_json::json;

use crate::server::{Server, Site, until, words};

fn mails(site: &Site) -> Vec<String> {
    // There is no folder before the first mail.
    let files = std::fs::read_dir(site.data().join("outbox"));
    let files = files.into_iter().flatten();
    let mut paths: Vec<_> = files.map(|it| it.expect("a file").path()).collect();
    paths.retain(|it| it.extension().is_some_and(|it| it == "eml"));
    paths.sort();
    let read = |path| std::fs::read_to_string(path).expect("a mail");
    paths.into_iter().map(read).collect()
}

#[test]
fn the_server_sends_the_mail_to_the_stored_address() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let said = site.run(&["reset", "send", "ADA@Example.ORG"]).ok();
    assert_eq!(said, "reset mail for ada queued to ada@example.org\n");
    let mail = until("a mail", || mails(&site).pop());
    assert!(mail.contains("To: ada@example.org\r\n"), "{mail}");
    let link = format!(
        "http://{}/authentication/api/verify-password-reset/",
        server.address()
    );
    assert!(mail.replace("=\r\n", "").contains(&link), "{mail}");
}

#[test]
fn a_mail_waits_for_the_server_to_start() {
    let site = Site::new();
    for name in ["ada", "bo"] {
        site.add_user(name, &[]);
    }
    let sent = site
        .run_with(&["reset", "send", "-", "--format", "json"], "ada\nbo\n")
        .json();
    assert_eq!(sent[1]["email"], "bo@example.org");
    assert_eq!(sent[1]["state"], "queued");
    assert!(mails(&site).is_empty());
    let mut server = site.start(&[]);
    until("two mails", || (mails(&site).len() == 2).then_some(()));
    assert_eq!(server.stop(), Some(0));
    // And none is sent twice.
    assert_eq!(site.start(&[]).stop(), Some(0));
    assert_eq!(mails(&site).len(), 2);
}

#[test]
fn links_that_the_operator_hands_over_are_no_mails_of_the_five_an_hour() {
    let site = Site::new();
    // With the limits, as it is shipped.
    let serve = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    let server = Server::start(serve, &site.path("log"));
    site.add_user("ada", &[]);
    for _ in 0..5 {
        site.run(&["reset", "link", "ada"]).ok();
    }
    let asked = json!({ "email": "ada@example.org" });
    assert_eq!(server.post("request-reset", &asked).status, 200);
    until("a mail", || mails(&site).pop());
}

#[test]
fn nobody_gets_a_link_if_one_of_them_may_not_have_it() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.add_user("bo", &["--inactive"]);
    let outcome = site.run(&["reset", "link", "ada", "bo"]);
    assert_eq!(outcome.out, "");
    let said = outcome.refusal();
    assert!(said.contains("user activate bo"), "{said}");
    assert_eq!(site.database().get::<i64>("SELECT count(*) FROM links"), 0);
}

#[test]
fn who_would_get_a_link_that_leads_nowhere_is_not_made() {
    let site = Site::new();
    let create = words("user create --email ada@example.org --no-password");
    let nowhere = ["--print-link", "--listen", "0.0.0.0:8000"];
    let said = site.run(&[&create[..], &nowhere].concat()).refusal();
    assert!(said.contains("--public-url"), "{said}");
    site.run(&["user", "show", "ada@example.org"]).refusal();
    let inactive = ["--print-link", "--inactive"];
    let outcome = site.run(&[&create[..], &inactive].concat());
    assert_eq!(outcome.code, Some(2), "{}", outcome.err);
}

#[test]
fn who_cannot_be_written_to_is_named_and_nobody_is() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.add_user("bo", &["--inactive"]);
    let said = site.run(&["reset", "send", "ada", "nobody"]).refusal();
    assert!(said.contains("no user \"nobody\""), "{said}");
    let said = site.run(&["reset", "send", "ada", "bo"]).refusal();
    assert!(said.contains("user activate bo"), "{said}");
    assert_eq!(site.database().get::<i64>("SELECT count(*) FROM outbox"), 0);
}
