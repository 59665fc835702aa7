//! A forgotten password: the mail, the link, and what it ends.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::app::{App, HOUR, PASSWORD, PUBLIC_URL};
use crate::client::{Answer, Request};

pub const NEW: &str = "An0ther@Pass2";

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

/// A disk tells whose rows it had to look for: the bench `refusals` measures how well that is hidden.
#[test]
fn an_answer_about_an_address_comes_no_sooner_than_a_whole_step() {
    let app = App::new().with_user("ana");
    for endpoint in ["request-reset/", "resend-activation/"] {
        for email in ["ana@example.org", "nobody@example.org"] {
            let asked = Instant::now();
            app.post(endpoint, &json!({ "email": email })).expect(200);
            assert!(asked.elapsed() >= Duration::from_millis(50), "{endpoint}");
        }
    }
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
        "Hello ana@example.org,",
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
            json!({"email": "a @example.org"}),
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
fn an_account_gets_five_mails_an_hour_and_nobody_is_told() {
    let app = App::throttled().with_user("ana").with_user("bob");
    let first = request(&app, "ana@example.org");
    app.mails();
    let mut newest = None;
    for place in 1..20 {
        assert_eq!(
            request(&app, "ana@example.org").comparable(),
            first.comparable()
        );
        let mails = app.mails();
        if place == 4 {
            newest = mails.into_iter().next_back();
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
    assert_eq!(
        app.mails().len(),
        8,
        "with the note that the password changed"
    );
}

#[test]
fn a_bad_link_is_told_before_the_body_is_read() {
    let app = App::new().with_user("ana");
    let path = "update-password-reset/MQ/x/";
    for (media_type, body) in [
        ("application/json", "{}"),
        ("application/json", "{"),
        ("application/json", "[]"),
        ("application/json", r#"{"newPassword": 5}"#),
        ("application/x-www-form-urlencoded", "newPassword="),
        ("multipart/form-data", "x"),
    ] {
        let answer = app
            .send(Request::new("POST", path).body(media_type, body))
            .expect(401);
        assert_eq!(answer.json(), json!({"error": "Unauthorized"}), "{body}");
    }
    app.send(Request::new("POST", path).body("text/plain", "x"))
        .expect(415);
    // The link decides that, and not the order alone.
    let (uid, token) = link(&app, "ana@example.org");
    let good = format!("update-password-reset/{uid}/{token}/");
    app.post(&good, &json!({})).expect(400);
    let wrong = Request::new("POST", &good).body("application/json", "{");
    app.send(wrong).expect(400);
    confirm(&app, &(uid, token), NEW).expect(200);
}

#[test]
fn a_bad_link_has_the_challenge_of_every_401() {
    let app = App::new();
    let challenge = Some("Bearer realm=\"api\"");
    for accept in ["application/json", "text/html"] {
        for (method, path) in [
            ("GET", "verify-password-reset/MQ/x/"),
            ("POST", "update-password-reset/MQ/x/"),
        ] {
            let answer = app.send(Request::new(method, path).header("accept", accept));
            assert_eq!(
                answer.expect(401).header("www-authenticate"),
                challenge,
                "{path}"
            );
        }
    }
}
