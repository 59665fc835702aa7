//! `mail list | show | retry | test`.

use serde_json::{Value, json};

use crate::server::{Site, until};
use crate::smtp_server::MailServer;

/// A site with mails to ada and bo that wait.
fn waiting() -> Site {
    let site = Site::new();
    for name in ["ada", "bo"] {
        site.add_user(name, &[]);
        site.run(&["reset", "send", name]).ok();
    }
    site
}

fn set(site: &Site, sql: &str) {
    site.database().change(sql);
}

#[test]
fn mails_are_listed_by_number_and_state_and_decoys_are_not() {
    let site = waiting();
    let server = site.start(&["--smtp-url", "smtp://127.0.0.1:1"]);
    let stranger = json!({"email": "nobody@example.org"});
    assert_eq!(server.post("request-reset", &stranger).status, 200);
    drop(server);
    let list = |more: &[&str]| {
        let list = ["mail", "list", "--format", "json"];
        site.run(&[&list[..], more].concat()).json()
    };
    let ids = |mails: Value| {
        let mails = mails.as_array().expect("a list").iter();
        mails
            .map(|it| it["id"].as_i64().expect("a number"))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(list(&[])), [1, 2]);
    assert_eq!(ids(list(&["--limit", "1"])), [2]);
    assert_eq!(ids(list(&["--after", "1", "--limit", "0"])), [2]);
    assert_eq!(ids(list(&["--state", "sent"])), [0; 0]);
    set(&site, "UPDATE outbox SET state = 'failed' WHERE id = 2");
    assert_eq!(ids(list(&["--state", "failed"])), [2]);
    let first = &list(&[])[0];
    assert_eq!(first["kind"], "password-reset");
    assert_eq!(first["username"], "ada");
    assert_eq!(first["recipient"], "ada@example.org");
    let none = site.run(&["mail", "list", "--state", "expired"]);
    assert_eq!(
        (none.out.as_str(), none.err.as_str()),
        ("", "no mails match\n")
    );
    let csv = site.run(&["mail", "list", "--format", "csv"]).ok();
    assert!(
        csv.starts_with("id,kind,state,username,recipient,attempts,"),
        "{csv}"
    );
    assert!(
        site.run(&["mail", "list"])
            .ok()
            .contains("│ ada@example.org")
    );
    assert_eq!(site.run(&["mail", "list", "--state", "lost"]).code, Some(2));
}

#[test]
fn a_mail_is_shown_without_its_link() {
    let site = waiting();
    let shown = site.run(&["mail", "show", "1", "--format", "json"]).json();
    assert_eq!(
        (&shown["id"], &shown["state"]),
        (&json!(1), &json!("queued"))
    );
    assert_eq!(shown["user_id"], 1);
    assert!(shown["link_expires_at"].is_string());
    let fields: Vec<_> = shown.as_object().expect("an object").keys().collect();
    assert!(
        !fields
            .iter()
            .any(|it| it.contains("nonce") || it.contains("token"))
    );
    let both = site
        .run(&["mail", "show", "1", "2", "--format", "json"])
        .json();
    assert_eq!(both[1]["username"], "bo");
    let said = site.run(&["mail", "show", "7"]).refusal();
    assert!(
        said.contains("no mail 7") && said.contains("mail list"),
        "{said}"
    );
}

#[test]
fn a_mail_whose_link_has_ended_or_that_was_sent_is_not_tried_again() {
    let site = waiting();
    set(
        &site,
        "UPDATE outbox SET state = 'failed', attempts = 9, next_at = 9e15",
    );
    set(&site, "UPDATE links SET expires_at = 1 WHERE id = 2");
    let said = site.run(&["mail", "retry", "1", "2"]).refusal();
    assert!(
        said.contains("mail 2") && said.contains("`reset send bo`"),
        "{said}"
    );
    let states = || {
        let mails = site.run(&["mail", "list", "--format", "json"]).json();
        [0, 1].map(|it| mails[it]["state"].as_str().expect("a state").to_owned())
    };
    assert_eq!(states(), ["failed", "failed"], "all or none");
    let retried = site.run(&["mail", "retry", "--failed", "--format", "json"]);
    assert!(
        retried.err.contains("1 failed mail was left"),
        "{}",
        retried.err
    );
    let retried = retried.json();
    assert_eq!(
        (&retried[0]["id"], &retried[0]["attempts"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(states(), ["queued", "failed"]);
    let again = site.run(&["mail", "retry", "--failed"]);
    assert!(
        again.err.contains("nothing to be tried again"),
        "{}",
        again.err
    );
    let audited: i64 = site
        .database()
        .get("SELECT count(*) FROM audit WHERE action = 'mail.retry' AND detail = '1'");
    assert_eq!(audited, 1);
    set(&site, "UPDATE outbox SET state = 'sent' WHERE id = 1");
    assert!(
        site.run(&["mail", "retry", "1"])
            .refusal()
            .contains("sent already")
    );
    assert!(
        site.run(&["mail", "retry", "7"])
            .refusal()
            .contains("no mail 7")
    );
    assert_eq!(site.run(&["mail", "retry"]).code, Some(2));
    assert_eq!(site.run(&["mail", "retry", "1", "--failed"]).code, Some(2));
}

#[test]
fn the_text_of_a_mail_is_shown_without_its_link_and_so_is_its_file() {
    let site = waiting();
    let show = ["mail", "show", "1", "--body"];
    let json = || {
        site.run(&[&show[..], &["--format", "json"]].concat())
            .json()
    };
    let waits = json();
    assert_eq!(waits["subject"], "Reset your miniSASS password");
    let text = waits["text"].as_str().expect("a text");
    assert!(text.starts_with("Hello ada@example.org,\n"), "{text}");
    assert!(text.contains("within the next 60 minutes"), "{text}");
    assert!(text.contains("(the link, which only the mail itself shows)"));
    assert!(!text.contains("http"), "{text}");
    assert_eq!(waits["file"], Value::Null);

    let people = site.run(&show).ok();
    let (card, body) = people.split_once("Subject: ").expect("a subject");
    assert!(card.contains("password-reset"), "{card}");
    assert_eq!(body, format!("Reset your miniSASS password\n\n{text}\n"));
    let both = ["mail", "show", "1", "2", "--body", "--format", "csv"];
    let both = site.run(&both).ok();
    assert!(
        both.lines()
            .next()
            .expect("a head")
            .ends_with(",file,subject,text")
    );
    assert!(both.contains("Hello bo@example.org"), "{both}");
    assert!(
        site.run(&["mail", "show", "7", "--body"])
            .refusal()
            .contains("no mail 7")
    );

    let _server = site.start(&[]);
    let file = until("a file", || json()["file"].as_str().map(str::to_owned));
    let written = std::fs::read_to_string(&file).expect("a mail");
    assert!(written.contains("To: ada@example.org"), "{written}");
    let plain = site.run(&["mail", "show", "1", "--format", "json"]).json();
    assert_eq!(plain["file"], file);
    assert_eq!(plain.get("text"), None);
}

#[test]
fn what_waits_is_tried_at_once_if_that_is_asked_for() {
    let site = waiting();
    set(
        &site,
        "UPDATE outbox SET attempts = 9, next_at = 9000000000, error = 'away'",
    );
    set(&site, "UPDATE links SET used_at = 1 WHERE id = 2");
    let retried = site.run(&["mail", "retry", "--queued"]);
    let left = "1 queued mail was left, because the links do not work any more";
    assert!(retried.err.contains(left), "{}", retried.err);
    assert_eq!(
        retried.ok(),
        "mail 1 queued; a running server sends it now\n"
    );
    let mails = site.run(&["mail", "list", "--format", "json"]).json();
    let [next, attempts] = ["next_at", "attempts"].map(|name| &mails[0][name]);
    assert!(
        next.as_str().expect("a time") < "2200" && attempts == 0,
        "{mails}"
    );
    assert_eq!(mails[1]["attempts"], 9);
    set(&site, "UPDATE outbox SET state = 'sent'");
    let none = site.run(&["mail", "retry", "--queued"]);
    assert!(
        none.err.contains("nothing to be tried again"),
        "{}",
        none.err
    );
    for two in [["1", "--queued"], ["--failed", "--queued"]] {
        let said = site.run(&[&["mail", "retry"][..], &two].concat());
        assert_eq!(said.code, Some(2));
    }
}

#[test]
fn a_test_mail_says_what_the_mail_server_said() {
    let (mut mail, site) = (
        MailServer::start(&["--refuse", "bad"]),
        Site::with_database(),
    );
    let url = mail.url();
    let test = |address: &str, more: &[&str]| {
        let test = [
            "mail",
            "test",
            address,
            "--smtp-url",
            &url,
            "--smtp-timeout",
            "1s",
        ];
        site.run(&[&test[..], more].concat())
    };
    let said = test("ada@example.org", &[]).ok();
    assert_eq!(
        said,
        "mail to ada@example.org accepted: 250 2.0.0 Thank you\n"
    );
    assert_eq!(
        mail.received()[0].header("Subject"),
        Some("Test mail of miniSASS")
    );
    let tested = test("ada@example.org", &["--format", "json"]).json();
    assert_eq!(tested["answer"], "250 2.0.0 Thank you");
    let said = test("bad@example.org", &[]).refusal();
    assert!(
        said.contains("RCPT TO: 550 5.1.1 Nobody of that name here"),
        "{said}"
    );
    assert!(test("nobody", &[]).refusal().contains("no e-mail address"));
    mail.restart(&["--mute"]);
    let said = test("ada@example.org", &[]).refusal();
    assert!(said.contains("connecting: no answer within 1s"), "{said}");
    mail.stop();
    let said = test("ada@example.org", &[]).refusal();
    assert!(said.contains("check host and port in smtp_url"), "{said}");
    // Not through the outbox.
    assert_eq!(
        site.run(&["mail", "list", "--format", "json"]).json(),
        json!([])
    );
}

#[test]
fn without_a_mail_server_a_test_mail_is_a_file() {
    let site = Site::with_database();
    let said = site.run(&["mail", "test", "ada@example.org"]).ok();
    let path = said.trim_end().rsplit(' ').next().expect("a path");
    let mail = std::fs::read_to_string(path).expect("a mail");
    assert!(mail.contains("To: ada@example.org"), "{mail}");
}

#[test]
fn a_retried_mail_leaves_a_running_server_at_once() {
    let (mail, site) = (MailServer::start(&["--refuse-data"]), waiting());
    let url = mail.url();
    let mut mail = mail;
    let server = site.start(&["--smtp-url", &url]);
    let failed = || {
        site.run(&["mail", "list", "--state", "failed", "--format", "json"])
            .json()
    };
    until("two failures", || {
        (failed().as_array()?.len() == 2).then_some(())
    });
    mail.restart(&[]);
    site.run(&["mail", "retry", "2"]).ok();
    until("the mail", || (mail.received().len() == 1).then_some(()));
    assert_eq!(mail.received()[0].to, ["bo@example.org"]);
    drop(server);
}

#[test]
fn the_built_in_templates_are_written_out_and_can_be_used_as_they_are() {
    let site = Site::new();
    let folder = site.path("mails");
    let folder = folder.to_str().expect("a path");
    let write = || site.run(&["mail", "templates", "--dir", folder, "--format", "json"]);
    let written = write().json()["templates"].as_array().expect("names").len();
    assert_eq!(
        std::fs::read_dir(folder).expect("a folder").count(),
        written
    );
    assert!(!site.data().exists(), "it needs no database");
    let said = write().refusal();
    assert!(said.contains("another folder"), "{said}");
    site.run(&["config", "check", "--mail-templates", folder])
        .ok();
    let _server = site.start(&["--mail-templates", folder]);
}
