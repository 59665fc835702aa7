//! A forgotten password: the mail, the link, and what it ends.

use serde_json::json;

use crate::app::{App, HOUR, PASSWORD, PUBLIC_URL};
use crate::client::{Answer, Request};

const NEW: &str = "An0ther@Pass2";

/// Asks for a link and takes it out of the newest mail: (uid, token).
pub fn link(app: &App, email: &str) -> (String, String) {
    request(app, email);
    let mail = app.mails().pop().expect("a mail");
    let links = links(&mail);
    let parts: Vec<_> = links[0].trim_end_matches('/').rsplit('/').collect();
    (parts[1].to_owned(), parts[0].to_owned())
}

pub fn request(app: &App, email: &str) -> Answer {
    app.post("request-reset/", &json!({ "email": email }))
        .expect(200)
}

/// Everything in a mail that a program may make a link of.
pub fn links(mail: &str) -> Vec<String> {
    let mail = mail.replace("&#x2f;", "/");
    let ends = |c: char| c.is_whitespace() || "\"'<>".contains(c);
    let starts = mail.match_indices("://").map(|(at, _)| {
        mail[..at]
            .rfind(|c: char| !c.is_ascii_alphanumeric())
            .map_or(0, |it| it + 1)
    });
    starts
        .map(|start| {
            let rest = &mail[start..];
            rest[..rest.find(ends).unwrap_or(rest.len())].to_owned()
        })
        .collect()
}

pub fn confirm(app: &App, (uid, token): &(String, String), password: &str) -> Answer {
    let path = format!("update-password-reset/{uid}/{token}/");
    app.post(&path, &json!({ "newPassword": password }))
}

#[test]
fn a_forgotten_password_is_replaced_by_mail() {
    let app = App::new().with_user("ana");
    let sessions = [app.login("ana"), app.login("ana"), app.login("ana")];
    let link = link(&app, "ANA@Example.org");
    app.login("ana");
    let answer = confirm(&app, &link, NEW).expect(200);
    assert_eq!(
        answer.json(),
        json!({"message": "Password updated successfully"})
    );
    assert!(answer.header("set-cookie").is_none());
    for session in sessions {
        app.status(&session.get("access_token")).expect(401);
        app.refresh(&session.get("refresh_token")).expect(401);
    }
    app.try_login("ana", PASSWORD).expect(401);
    app.try_login("ana", NEW).expect(200);
}

#[test]
fn the_mail_says_what_it_has_to() {
    let app = App::new().with_user("ana");
    request(&app, "Ana@EXAMPLE.org");
    let mail = app.mails().pop().expect("a mail");
    for part in [
        "To: ana@example.org",
        "From: minisass@auth.test",
        "Auto-Submitted: auto-generated",
        "Message-ID: <",
        "text/plain",
        "text/html",
        "Hello ana,",
        "Subject: Reset your miniSASS password",
        "60 minutes",
    ] {
        assert!(mail.contains(part), "{part} is not in {mail}");
    }
    let links = links(&mail);
    assert!(links.len() >= 2);
    for link in links {
        let start = format!("{PUBLIC_URL}/authentication/api/verify-password-reset/");
        assert!(link.starts_with(&start), "{link}");
    }
}

#[test]
fn nobody_learns_who_has_an_account() {
    let app = App::new().with_user("ana").with_user("ina");
    app.set_active("ina", false);
    let known = request(&app, "ana@example.org");
    assert_eq!(
        known.json(),
        json!({"message": "Password reset email sent"})
    );
    for email in ["ina@example.org", "nobody@example.org", "ana@example.com"] {
        assert_eq!(request(&app, email).comparable(), known.comparable());
    }
    assert_eq!(app.count("SELECT count(*) FROM outbox"), 4);
    assert_eq!(app.mails().len(), 1);
    assert_eq!(app.count("SELECT count(*) FROM outbox"), 1);
    assert_eq!(app.count("SELECT count(*) FROM links"), 1);
}

#[test]
fn an_address_that_is_none_is_a_field_error() {
    let app = App::new();
    let all = [
        (json!({}), "This field is required."),
        (json!({"email": ""}), "This field may not be blank."),
        (json!({"email": null}), "This field may not be null."),
        (json!({"email": 5}), "Not a valid string."),
        (json!({"email": "x"}), "Enter a valid email address."),
        (
            json!({"email": "a@b@c.org"}),
            "Enter a valid email address.",
        ),
        (
            json!({"email": "a@example.org\r\nBcc: b@example.org"}),
            "Enter a valid email address.",
        ),
        (
            json!({"email": " a@example.org"}),
            "Enter a valid email address.",
        ),
    ];
    for (body, sentence) in all {
        let answer = app.post("request-reset/", &body).expect(400).json();
        assert_eq!(answer, json!({"email": [sentence], "error": sentence}));
    }
    assert_eq!(app.count("SELECT count(*) FROM outbox"), 0);
}

#[test]
fn a_link_works_once() {
    let app = App::new().with_user("ana");
    let link = link(&app, "ana@example.org");
    confirm(&app, &link, NEW).expect(200);
    let again = confirm(&app, &link, "Y3t@Another").expect(401);
    assert_eq!(again.json(), json!({"error": "Unauthorized"}));
    app.try_login("ana", NEW).expect(200);
    let path = format!("verify-password-reset/{}/{}/", link.0, link.1);
    app.get(&path).expect(401);
}

#[test]
fn a_link_ends_after_an_hour() {
    let app = App::new().with_user("ana");
    let first = link(&app, "ana@example.org");
    app.clock.advance(61 * 60);
    confirm(&app, &first, NEW).expect(401);
    let second = link(&app, "ana@example.org");
    app.clock.advance(59 * 60);
    confirm(&app, &second, NEW).expect(200);
    let third = link(&app, "ana@example.org");
    app.clock.advance(HOUR);
    confirm(&app, &third, NEW).expect(401);
}

#[test]
fn a_newer_link_voids_the_older_one() {
    let app = App::new().with_user("ana").with_user("bob");
    let old = link(&app, "ana@example.org");
    let other = link(&app, "bob@example.org");
    let new = link(&app, "ana@example.org");
    confirm(&app, &old, NEW).expect(401);
    confirm(&app, &new, NEW).expect(200);
    confirm(&app, &other, NEW).expect(200);
}

#[test]
fn a_link_dies_with_the_right_to_log_in() {
    let app = App::new().with_user("ana");
    let link = link(&app, "ana@example.org");
    app.set_active("ana", false);
    confirm(&app, &link, NEW).expect(401);
}

#[test]
fn a_bad_password_does_not_use_the_link_up() {
    let app = App::new().with_user("anastasia");
    let link = link(&app, "anastasia@example.org");
    let session = app.login("anastasia").get("access_token");
    for (password, reason) in [
        ("", "blank"),
        ("short", "too short"),
        ("password1", "too common"),
        ("anastasia1", "too similar"),
        ("kartoza77", "too similar"),
        ("minisass1", "too similar"),
        (&"x".repeat(129), "no more than 128"),
        ("nul\0nul\0nul", "Null characters"),
    ] {
        let answer = confirm(&app, &link, password).expect(400).json();
        let sentence = answer["newPassword"][0].as_str().unwrap_or_default();
        assert!(sentence.contains(reason), "{password}: {answer}");
        assert_eq!(answer["error"], sentence);
    }
    let path = format!("update-password-reset/{}/{}/", link.0, link.1);
    for body in [
        json!({}),
        json!({"newPassword": null}),
        json!({"newPassword": ["x"]}),
        json!({"password": NEW}),
    ] {
        assert!(app.post(&path, &body).expect(400).json()["newPassword"].is_array());
    }
    app.status(&session).expect(200);
    confirm(&app, &link, NEW).expect(200);
}

#[test]
fn looking_at_a_link_changes_nothing() {
    let app = App::new().with_user("ana");
    let link = link(&app, "ana@example.org");
    let watcher = app.database();
    let version = || watcher.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0));
    let before = version().expect("a version");
    let path = format!("verify-password-reset/{}/{}", link.0, link.1);
    for method in ["GET", "HEAD", "GET", "OPTIONS", "GET"] {
        let browser = Request::new(method, &path).header("Accept", "text/html, */*;q=0.8");
        app.send(browser).expect(200);
    }
    assert_eq!(version().expect("a version"), before);
    confirm(&app, &link, NEW).expect(200);
}

#[test]
fn no_other_token_is_a_link() {
    let app = App::new().with_user("ana").with_user("bob");
    app.add_user("never-asked");
    let (uid, token) = link(&app, "ana@example.org");
    let (other, _) = link(&app, "bob@example.org");
    let changed = |it: &str| it.replace(it.chars().next().expect("a character"), "~");
    let pairs = [
        (&*other, &*token),
        (&uid, "0"),
        (&uid, "null"),
        (&uid, "undefined"),
        (&uid, "%20"),
        (&uid, "%00"),
        (&uid, &token[1..]),
        (&uid, &token[..token.len() - 1]),
        (&uid, &format!("{token}=")),
        (&uid, "[]"),
        (&uid, &format!("{token}%20")),
        (&uid, &format!("%20{token}")),
        (&uid, &changed(&token)),
        ("0", &token),
        (&uid, &token.to_uppercase()),
        (&uid, &"A".repeat(43)),
        (&uid, &"A".repeat(5000)),
        ("%ff", "%ff"),
        ("MQ==", &token),
        ("1", &token),
        ("Mw", &"A".repeat(43)),
        ("", ""),
        (&uid, ""),
    ];
    for (uid, token) in pairs {
        for bad in [
            app.get(&format!("verify-password-reset/{uid}/{token}/")),
            confirm(&app, &(uid.to_owned(), token.to_owned()), NEW),
        ] {
            assert!(
                [400, 401, 404].contains(&bad.status),
                "{uid}/{token}: {}",
                bad.status
            );
        }
    }
    app.login("ana");
    confirm(&app, &(uid, token), NEW).expect(200);
}

#[test]
fn the_token_is_stored_nowhere() {
    let app = App::new().with_user("ana");
    request(&app, "ana@example.org");
    let look = |token: &str| {
        for name in ["auth.db", "auth.db-wal"] {
            let bytes = std::fs::read(app.path(name)).expect("a file");
            assert!(
                !bytes.windows(token.len()).any(|it| it == token.as_bytes()),
                "{name}"
            );
        }
    };
    let mail = app.mails().pop().expect("a mail");
    let link = &links(&mail)[0];
    let token = link
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .expect("a token");
    assert_eq!(token.len(), 43);
    look(token);
    look(&token[..20]);
}

#[test]
fn a_mail_that_is_late_carries_no_dead_link() {
    let app = App::new().with_user("ana");
    request(&app, "ana@example.org");
    app.clock.advance(2 * HOUR);
    assert_eq!(app.mails().len(), 0);
    assert_eq!(
        app.count("SELECT count(*) FROM outbox WHERE state = 'expired'"),
        1
    );
}

#[test]
fn an_account_gets_five_mails_an_hour_and_nobody_is_told() {
    let app = App::throttled().with_user("ana").with_user("bob");
    let first = request(&app, "ana@example.org");
    let mut newest = None;
    for place in 1..20 {
        assert_eq!(
            request(&app, "ana@example.org").comparable(),
            first.comparable()
        );
        if place == 4 {
            newest = app.mails().pop();
        }
    }
    assert_eq!(app.mails().len(), 5);
    request(&app, "bob@example.org");
    assert_eq!(app.mails().len(), 6);
    let link = links(&newest.expect("a mail"))[0].clone();
    let mut parts = link.trim_end_matches('/').rsplit('/').map(str::to_owned);
    let token = parts.next().expect("a token");
    let pair = (parts.next().expect("a uid"), token);
    app.clock.advance(HOUR / 2);
    confirm(&app, &pair, NEW).expect(200);
    app.clock.advance(HOUR);
    request(&app, "ana@example.org");
    assert_eq!(app.mails().len(), 7);
}
