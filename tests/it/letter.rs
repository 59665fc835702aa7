//! What mails say, and that nothing somebody typed becomes a header or markup.

use std::fs;
use std::os::unix::fs::symlink;

use minisass_auth::domain::Actor;
use minisass_auth::domain::{Email, MailKind};
use minisass_auth::mail::{Letter, Letters, Values};
use minisass_auth::store::Store;

use crate::app::App;
use crate::server::{Site, run};

const HOUR: u64 = 3600;

fn values() -> Values {
    Values::default()
        .with("public_url", "https://auth.test")
        .with("username", "ada")
}

fn contact(name: &str, email: &str, message: &str) -> Values {
    Values::default()
        .with("name", name)
        .with("email", email)
        .with("phone", "0123")
        .with("message", message)
}

fn write(kind: MailKind, values: Values) -> Letter {
    Letters::compiled_in()
        .write(kind, values)
        .expect("a letter")
}

#[test]
fn every_letter_says_its_own_and_both_parts_say_the_same() {
    for kind in MailKind::ALL {
        let letter = match kind {
            MailKind::Contact => write(kind, contact("Bo", "bo@example.org", "Hello there")),
            MailKind::AddressNotice => write(kind, values().with("email", "new@example.org")),
            MailKind::PasswordChanged => write(kind, values()),
            _ => write(
                kind,
                values().with_link("https://auth.test/x".to_owned(), HOUR),
            ),
        };
        assert!(!letter.subject.is_empty() && letter.text.contains("miniSASS"));
        assert!(
            letter.html.contains("<html lang=\"en\">"),
            "{}",
            letter.html
        );
        assert!(!letter.html.contains("<img") && !letter.html.contains("http-equiv"));
        let said = match kind {
            MailKind::Contact => vec!["Hello there", "bo@example.org", "0123"],
            MailKind::AddressNotice => vec!["ada", "new@example.org"],
            MailKind::PasswordChanged => vec!["ada", "changed"],
            _ => vec!["ada", "https://auth.test/x", "60 minutes"],
        };
        let html = letter.html.replace("&#x2f;", "/");
        for said in said {
            assert!(
                letter.text.contains(said) && html.contains(said),
                "{kind:?}: {said}"
            );
        }
        let has_link = html.contains("class=\"button\" href");
        assert_eq!(
            has_link,
            letter.text.contains("https://auth.test/x"),
            "{kind:?}"
        );
    }
}

#[test]
fn how_long_a_link_works_is_said_as_people_say_it() {
    for (seconds, said) in [
        (60, "next 1 minute."),
        (61, "next 2 minutes"),
        (HOUR, "60 minutes"),
        (12 * HOUR - 3, "12 hours"),
        (47 * HOUR, "47 hours"),
        (7 * 24 * HOUR - 3, "7 days"),
        (6 * 24 * HOUR + 20 * HOUR, "6 days"),
    ] {
        let link = values().with_link("https://auth.test/x".to_owned(), seconds);
        let letter = write(MailKind::PasswordReset, link);
        let letter = format!("{}{}", letter.text, letter.html);
        assert!(letter.contains(said), "{seconds}: {letter}");
    }
}

#[test]
fn what_somebody_types_is_no_markup() {
    let typed = "<script>alert(1)</script> & \"quotes\" {{ username }}";
    let letter = write(MailKind::Contact, contact(typed, typed, typed));
    assert!(letter.text.contains(typed), "{}", letter.text);
    assert!(!letter.html.contains("<script>") && !letter.html.contains("\"quotes\""));
    assert!(letter.html.contains("&lt;script&gt;"), "{}", letter.html);
}

/// The header lines of a message, unfolded.
fn headers(message: &str) -> Vec<String> {
    let head = message.split("\r\n\r\n").next().expect("a head");
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    head.split("\r\n").map(str::to_owned).collect()
}

#[test]
fn no_value_starts_a_header_or_reaches_another_recipient() {
    let attacks = [
        "Bo\r\nBcc: victim@example.org",
        "Bo\nBcc: victim@example.org",
        "Bo\rBcc: victim@example.org",
        "Bo\u{b}Bcc: victim@example.org\u{c}",
        "Bo\u{2028}Bcc: victim@example.org",
        "Bo\u{85}Bcc: victim@example.org",
        "Bo\r\n\r\n<b>body</b>",
        "=?utf-8?q?Bo=0d=0aBcc:_victim=40example.org?=",
        "Bo\0",
        "bo@example.org\r\nRCPT TO:<victim@example.org>",
        "bo@example.org>, <victim@example.org",
        "bo@example.org,victim@example.org",
        &"long ".repeat(1000),
    ];
    let app = App::new();
    let store = Store::open(&app.place).expect("the database");
    for attack in attacks {
        let details = serde_json::json!({
            "name": attack, "email": attack, "phone": attack, "message": attack
        });
        let actor = Actor {
            name: "test".into(),
            address: None,
            user_agent: None,
        }
        .at(minisass_auth::domain::Timestamp(crate::app::START));
        let to = Email::parse("team@example.org").expect("an address");
        app.wait(store.add_mail(MailKind::Contact, to, details.to_string(), actor))
            .expect("a mail");
    }
    app.mails();
    let folder = fs::read_dir(app.path("outbox")).expect("the outbox");
    let mut count = 0;
    for entry in folder {
        let message = fs::read_to_string(entry.expect("a mail").path()).expect("a mail");
        let names: Vec<String> = headers(&message)
            .iter()
            .map(|it| it.split(':').next().expect("a name").to_lowercase())
            .collect();
        let mut expected = vec!["from", "to", "subject", "message-id", "date"];
        expected.extend(["mime-version", "content-type", "auto-submitted"]);
        let mut sorted = names.clone();
        sorted.sort();
        expected.sort_unstable();
        assert_eq!(sorted, expected, "{message}");
        assert!(headers(&message).contains(&"To: team@example.org".to_owned()));
        count += 1;
    }
    assert_eq!(count, attacks.len());
}

#[test]
fn nothing_in_a_subject_is_decoded_by_the_program_that_shows_it() {
    for name in [
        "=?utf-8?q?x=0d=0aBcc:e@e.org?=",
        "Bo =?UTF-8?B?eA0KQmNjOmVAZS5vcmc=?=",
        "==?utf-8?q?x?=",
        "=\u{1}?utf-8?q?x?=",
    ] {
        let subject = write(MailKind::Contact, contact(name, "bo@example.org", "Hello")).subject;
        assert!(!subject.contains("=?"), "{subject}");
    }
}

#[test]
fn the_mark_of_an_editor_in_front_of_a_template_is_not_in_the_mail() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("contact.txt", "{{ message }}"),
        ("contact.subject.txt", "From {{ name }}"),
    ] {
        fs::write(folder.path().join(name), format!("\u{feff}{text}")).expect("a template");
    }
    let letters = Letters::overridden_by(folder.path()).expect("templates");
    let letter = letters
        .write(MailKind::Contact, contact("Bo", "bo@example.org", "Hello"))
        .expect("a letter");
    assert_eq!(
        (letter.subject.as_str(), letter.text.as_str()),
        ("From Bo", "Hello")
    );
}

#[test]
fn answers_to_the_contact_form_go_to_whoever_wrote() {
    let letter = write(MailKind::Contact, contact("Bo", "bo@example.org", "Hello"));
    assert_eq!(letter.reply_to.as_deref(), Some("bo@example.org"));
    assert_eq!(letter.subject, "Contact form: Bo");
    let other = write(
        MailKind::AddressNotice,
        values().with("email", "new@example.org"),
    );
    assert_eq!(other.reply_to, None, "that mail is not from there");
}

/// Starts a command that reads the templates in a folder with this file.
fn overridden(name: &str, template: &str) -> crate::server::Outcome {
    let site = Site::with_database();
    fs::create_dir(site.path("mails")).expect("a folder");
    fs::write(site.path("mails").join(name), template).expect("a template");
    run(
        site.command(&["mail", "list", "--mail-templates"])
            .arg(site.path("mails")),
        "",
    )
}

#[test]
fn templates_of_a_folder_replace_the_built_in_ones_one_by_one() {
    let site = Site::new();
    fs::create_dir(site.path("mails")).expect("a folder");
    let own = "Sawubona {{ username }}, {{ link }} ({{ lasts }})";
    fs::write(site.path("mails/password-reset.txt"), own).expect("a template");
    site.add_user("ada", &[]);
    site.run(&["reset", "send", "ada"]).ok();
    let templates = site.path("mails");
    let server = site.start(&["--mail-templates", templates.to_str().expect("UTF-8")]);
    let mail = crate::server::until("a mail", || {
        let path = site.data().join("outbox/00000001-password-reset.eml");
        fs::read_to_string(path).ok()
    });
    assert!(mail.contains("Sawubona ada"), "{mail}");
    assert!(
        mail.contains("Subject: Reset your miniSASS password"),
        "{mail}"
    );
    drop(server);
}

#[test]
fn a_template_that_is_wrong_stops_the_start_and_is_named() {
    overridden("contact.html", "<p>{{ name }}: {{ message }}</p>").ok();
    for (name, template, says) in [
        ("contact.txt", "{{ naem }}", "contact.txt:1"),
        ("activation.html", "\n{% if %}", "activation.html:2"),
        ("layout.html", "{{ nothing }}", "layout.html:1"),
        (
            "password-changed.txt",
            "{{ link }}",
            "password-changed.txt:1",
        ),
        (
            "invitation.txt",
            "{{ lnk }}",
            "this mail knows: lasts, link, public_url, username",
        ),
        (
            "password-reset.txt",
            "Hello",
            "password-reset.txt has no link",
        ),
        (
            "invitation.html",
            "<p>Hello</p>",
            "invitation.html has no link",
        ),
        ("layout.html", "<p>Hello</p>", "into layout.html"),
        ("activation.md", "Hello", "activation.md"),
        ("activation.txt~", "Hello", "activation.subject.txt"),
    ] {
        let said = overridden(name, template).refusal();
        assert!(
            said.contains("mail templates") && said.contains(says),
            "{said}"
        );
    }
    let site = Site::with_database();
    let said = site
        .run(&["mail", "list", "--mail-templates", "nowhere"])
        .refusal();
    assert!(said.contains("nowhere"), "{said}");
}

#[test]
fn folders_and_names_with_a_dot_first_are_no_templates() {
    let site = Site::new();
    let folder = site.path("mails");
    // As Kubernetes mounts a ConfigMap.
    fs::create_dir_all(folder.join("..2026_11_26")).expect("a folder");
    symlink("..2026_11_26", folder.join("..data")).expect("a link");
    let subject = folder.join("..2026_11_26/activation.subject.txt");
    fs::write(subject, "\u{feff}Sawubona").expect("a template");
    let name = "activation.subject.txt";
    symlink(format!("..data/{name}"), folder.join(name)).expect("a link");
    fs::create_dir(folder.join("old")).expect("a folder");
    fs::write(folder.join("old/activation.md"), "Hello").expect("a file");
    fs::write(folder.join(".DS_Store"), [0xff, 0]).expect("a file");
    fs::write(folder.join(".activation.txt.swp"), [0xff, 0]).expect("a file");

    let server = site.start(&["--mail-templates", folder.to_str().expect("UTF-8")]);
    assert_eq!(server.register("ada"), 201);
    let mail = crate::server::until("a mail", || {
        fs::read_to_string(site.data().join("outbox/00000001-activation.eml")).ok()
    });
    assert!(mail.contains("\r\nSubject: Sawubona\r\n"), "{mail}");
    for command in [
        ["config", "check"],
        ["mail", "list"],
        ["doctor", "--format=json"],
    ] {
        let more = ["--mail-templates", folder.to_str().expect("UTF-8")];
        let said = site.run(&[&command[..], &more].concat());
        assert!(!said.err.contains("templates"), "{command:?}: {}", said.err);
    }
}
