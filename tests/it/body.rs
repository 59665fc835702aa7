//! Request bodies: three encodings, equal in effect, and what is refused before it does anything.

use serde_json::{Value, json};

use crate::app::{App, PASSWORD, WITH_BODY};
use crate::client::{Answer, Request};

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const MULTIPART: &str = "multipart/form-data; boundary=XyZ";

/// The same fields in the three encodings.
fn encodings(fields: &Value) -> [(&'static str, String); 3] {
    let pairs: Vec<_> = fields
        .as_object()
        .expect("an object")
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().expect("a text")))
        .collect();
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&pairs)
        .finish();
    let part = |(name, value): &(&str, &str)| {
        format!("--XyZ\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let multipart = pairs.iter().map(part).collect::<String>() + "--XyZ--\r\n";
    [
        ("application/json; charset=latin1", fields.to_string()),
        (FORM, form),
        (MULTIPART, multipart),
    ]
}

fn post_in_all_forms(app: &App, path: &str, fields: &Value) -> Vec<Answer> {
    let bare = path.trim_end_matches('/');
    let mut answers = Vec::new();
    for (content_type, body) in encodings(fields) {
        for spelling in [path, bare] {
            let request = Request::new("POST", spelling).body(content_type, body.clone());
            answers.push(app.send(request));
        }
    }
    answers
}

#[test]
fn the_three_encodings_and_both_spellings_log_in_alike() {
    let app = App::new().with_user("ana");
    let all = [
        (
            "login/",
            json!({"email": "ana@example.org", "password": PASSWORD}),
        ),
        ("token/", json!({"username": "ana", "password": PASSWORD})),
    ];
    for (path, fields) in all {
        for answer in post_in_all_forms(&app, path, &fields) {
            answer.expect(200);
        }
    }
    let refresh = app.login("ana").get("refresh_token");
    for path in ["token/refresh/", "refresh/"] {
        for answer in post_in_all_forms(&app, path, &json!({ "refresh": refresh })) {
            let answer = answer.expect(200);
            assert_eq!(answer.get("access"), answer.get("access_token"));
        }
    }
}

#[test]
fn the_three_encodings_fail_alike() {
    let app = App::new().with_user("ana");
    let all = [
        (
            "login/",
            json!({"email": "ana@example.org", "password": "wrong"}),
        ),
        ("token/", json!({"username": "", "password": ""})),
        ("refresh/", json!({"refresh": "nonsense"})),
        (
            "register/",
            json!({"email": "x", "country": "", "password": "short"}),
        ),
        ("request-reset/", json!({"email": "x"})),
        ("request-reset/", json!({"email": "ana@example.org"})),
        (
            "update-password-reset/MQ/x/",
            json!({"newPassword": "Another1Pass"}),
        ),
    ];
    for (path, fields) in all {
        let answers = post_in_all_forms(&app, path, &fields);
        for answer in &answers {
            assert_eq!(answer.comparable(), answers[0].comparable(), "{path}");
        }
    }
}

#[test]
fn the_three_encodings_register_alike() {
    let app = App::new();
    let encoded = |name: &str| {
        encodings(&json!({
            "username": name, "email": format!("{name}@example.org"), "password": PASSWORD,
            "organizationType": "NGO", "organizationName": "Ünïcode & Söhne", "country": "ZA",
            "agree": "true", "hobby": "rivers", "is_staff": "true", "id": "7",
        }))
    };
    for (place, name) in ["json", "form", "multipart"].into_iter().enumerate() {
        let name = format!("by-{name}");
        let (content_type, body) = encoded(&name)[place].clone();
        app.send(Request::new("POST", "register/").body(content_type, body))
            .expect(201);
        let user = app.wait(app.operator.user(&name)).expect("an account");
        assert!(!user.is_staff && user.is_active && user.id.0 != 7);
        let profile = app
            .wait(app.operator.accounts.profile(user.id))
            .expect("a profile");
        assert_eq!(profile.organisation_name, "Ünïcode & Söhne");
        assert_eq!(profile.additional_fields.as_map()["hobby"], "rivers");
    }
}

#[test]
fn an_empty_body_counts_as_an_empty_object_whatever_its_type() {
    let app = App::new();
    for path in WITH_BODY {
        let object = app.post(path, &json!({}));
        for content_type in ["application/json", FORM, MULTIPART, "text/plain"] {
            let empty = app.send(Request::new("POST", path).body(content_type, ""));
            assert_eq!(
                empty.comparable(),
                object.comparable(),
                "{path} {content_type}"
            );
        }
        let without_a_type = app.send(Request::new("POST", path));
        assert_eq!(without_a_type.comparable(), object.comparable(), "{path}");
    }
}

#[test]
fn a_repeated_field_is_an_error_in_every_encoding() {
    let app = App::new().with_user("ana");
    let right = encodings(&json!({"email": "ana@example.org", "password": PASSWORD}));
    let twice = [
        right[0].1.replace('}', ",\"email\":\"bob@example.org\"}"),
        format!("{}&email=bob%40example.org", right[1].1),
        right[2].1.replace("--XyZ--", "") + &encodings(&json!({"email": "bob@example.org"}))[2].1,
    ];
    for ((content_type, _), body) in right.iter().zip(twice) {
        let answer = app.send(Request::new("POST", "login/").body(content_type, body));
        assert!(answer.expect(400).get("detail").contains("duplicate field"));
    }
    let escaped = r#"{"email":"ana@example.org","password":"x","p\u0061ssword":"y"}"#;
    app.send(Request::new("POST", "login/").body("application/json", escaped))
        .expect(400);
}

#[test]
fn a_file_is_no_text() {
    let app = App::new();
    let body = "--XyZ\r\nContent-Disposition: form-data; name=\"email\"; filename=\"a.txt\"\r\n\
                Content-Type: text/plain\r\n\r\nana@example.org\r\n--XyZ--\r\n";
    let answer = app.send(Request::new("POST", "request-reset/").body(MULTIPART, body));
    assert_eq!(
        answer.expect(400).json()["email"],
        json!(["Not a valid string."])
    );
}

#[test]
fn a_null_character_is_refused_in_every_text() {
    let app = App::new();
    let nul = |path: &str, field: &str| {
        let answer = app
            .post(path, &json!({ field: "a\0b@example.org" }))
            .expect(400);
        let sentences = answer.json()[field].to_string();
        assert!(
            sentences.contains("Null characters are not allowed."),
            "{path} {sentences}"
        );
    };
    nul("login/", "email");
    nul("login/", "usernameForEmailRetrieval");
    nul("token/", "username");
    nul("refresh/", "refresh");
    nul("request-reset/", "email");
    for field in [
        "username",
        "email",
        "first_name",
        "country",
        "organizationName",
    ] {
        nul("register/", field);
    }
}
