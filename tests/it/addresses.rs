//! Addresses that are the same in other letters: one definition of an address, for every endpoint.

use serde_json::{Value, json};

use crate::app::{App, PASSWORD};
use crate::body::{FORM, MULTIPART};
use crate::client::{Answer, Request};
use crate::server::Site;

/// What the domain takes for an address, in letters that it maps to others.
const MAPPED: [&str; 7] = [
    "a@example。org",
    "a@exam\u{ad}ple.org",
    "a@example.org\u{200b}",
    "a@☃.example",
    "a@á\u{301}.example",
    "a@ＥＸＡＭＰＬＥ.org",
    "a@bücher.example",
];

/// What it does not take, beside what is plainly none.
const NONE: [&str; 8] = [
    "a@exam。。ple.org",
    "a@\u{ad}",
    "a@xn--.example",
    "ä@example.org",
    "a@[127.0.0.1]",
    "\"a\"@example.org",
    "Ada <a@example.org>",
    "a@example.org\nBcc: b@example.org",
];

/// In JSON, as a form and in parts.
fn in_all_forms(app: &App, path: &str, token: &str, fields: &Value) -> Vec<Answer> {
    let pairs = || fields.as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs().map(|(name, value)| (name, text(value))))
        .finish();
    let part = |(name, value): (&String, &Value)| {
        let value = text(value);
        format!("--XyZ\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts = pairs().map(part).collect::<String>() + "--XyZ--\r\n";
    let bodies = [
        ("application/json", fields.to_string()),
        (FORM, form),
        (MULTIPART, parts),
    ];
    let send = |(media_type, body)| {
        app.send(
            Request::new("POST", path)
                .bearer(token)
                .body(media_type, body),
        )
    };
    bodies.map(send).into()
}

/// Every endpoint that reads an address, with what else it wants.
fn readers(email: &str) -> Vec<(&'static str, Value)> {
    let new = json!({
        "email": email, "password": PASSWORD, "organizationType": "NGO", "organizationName": "o",
        "country": "ZA", "username": "newcomer",
    });
    let own = json!({
        "email": email, "name": "A", "surname": "B", "upload_preference": "wifi",
    });
    vec![
        ("request-reset/", json!({ "email": email })),
        ("resend-activation/", json!({ "email": email })),
        (
            "contact-us",
            json!({"name": "A", "email": email, "message": "Hello"}),
        ),
        ("user/update/", own),
        ("register/", new),
    ]
}

fn app() -> App {
    App::with(|setup| {
        setup.rules.contact_to = minisass_auth::domain::Email::parse("desk@example.org").ok();
    })
    .with_user("ana")
}

#[test]
fn every_address_that_can_be_stored_is_taken_at_every_endpoint() {
    for email in MAPPED {
        let app = app();
        let token = app.login("ana").get("access_token");
        for (path, fields) in readers(email) {
            for (number, answer) in in_all_forms(&app, path, &token, &fields).iter().enumerate() {
                let shown = format!("{path} {email:?}: {}", answer.text());
                match (path, number) {
                    ("register/", 0) => assert_eq!(answer.status, 201, "{shown}"),
                    // The first one has it now.
                    ("register/", _) => assert_eq!(
                        answer.get("error"),
                        "This email is already registered.",
                        "{shown}"
                    ),
                    _ => assert_eq!(answer.status, 200, "{shown}"),
                }
            }
        }
        app.try_login(email, PASSWORD).expect(200);
        let sent = app.mails();
        assert!(
            sent.iter().any(|it| it.contains("\r\nTo: a@")),
            "{email}: {sent:#?}"
        );
    }
}

#[test]
fn what_is_no_address_gets_the_same_words_at_every_endpoint() {
    let app = app();
    let token = app.login("ana").get("access_token");
    for email in NONE {
        for (path, fields) in readers(email) {
            for answer in in_all_forms(&app, path, &token, &fields) {
                let shown = format!("{path} {email:?}: {}", answer.text());
                assert_eq!(answer.status, 400, "{shown}");
                assert_eq!(
                    answer.json()["email"],
                    json!(["Enter a valid email address."]),
                    "{shown}"
                );
            }
        }
    }
}

#[test]
fn a_user_is_found_by_every_spelling_of_a_part_of_name_and_address() {
    let site = Site::with_database();
    let line = |name: &str, email: &str| json!({"username": name, "email": email}).to_string();
    let lines = [
        line("user²", "uli@bücher.example"),
        line("ﬁsher", "Fish@example.org"),
        line("ŞEYMA", "s@example.org"),
    ];
    site.run_with(&["user", "import", "-"], &lines.join("\n"))
        .ok();
    for (typed, id) in [
        ("user²", 1),
        ("USER2", 1),
        ("uli@bücher.example", 1),
        ("BÜCHER.example", 1),
        ("uli@xn--bcher-kva.example", 1),
        ("ﬁsh", 2),
        ("fishe", 2),
        ("ｆｉｓｈ@", 2),
        ("şeyma", 3),
    ] {
        let list = ["user", "list", "--format", "json", "--search", typed];
        let found = site.run(&list).json();
        let numbers: Vec<&Value> = found
            .as_array()
            .expect("users")
            .iter()
            .map(|it| &it["id"])
            .collect();
        assert_eq!(numbers, [&json!(id)], "{typed}");
    }
}
