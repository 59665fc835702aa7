//! Bodies that are refused: by type, by size, by what the client would take in answer.

use serde_json::{Value, json};

use crate::app::{App, PASSWORD, WITH_BODY};
use crate::client::{Answer, Request};

#[test]
fn other_media_types_and_encodings_are_unsupported() {
    let app = App::new();
    let unsupported = |answer: Answer, what: &str| {
        let sentence = format!("Unsupported media type \"{what}\" in request.");
        assert_eq!(answer.expect(415).json(), json!({ "detail": sentence }));
    };
    for path in WITH_BODY {
        for content_type in ["text/plain", "application/xml", "application/jsonp", "x"] {
            let request = Request::new("POST", path).body(content_type, "{}");
            unsupported(app.send(request), content_type);
        }
        unsupported(app.send(Request::new("POST", path).bytes("{}")), "");
        for encoding in ["gzip", "br", "deflate", "gzip, identity"] {
            let request = Request::new("POST", path).json(&json!({}));
            let request = request.header("Content-Encoding", encoding);
            unsupported(app.send(request), encoding);
        }
    }
    let plain = Request::new("POST", "token/").json(&json!({}));
    app.send(plain.header("Content-Encoding", "identity"))
        .expect(400);
}

#[test]
fn json_that_is_no_object_is_named_by_its_type() {
    let app = App::new();
    let kinds = [
        ("[]", "list"),
        ("\"x\"", "str"),
        ("1", "int"),
        ("1.5", "float"),
        ("true", "bool"),
    ];
    for path in WITH_BODY {
        for (body, kind) in kinds {
            let answer = app.send(Request::new("POST", path).body("application/json", body));
            let sentence = format!("Invalid data. Expected a dictionary, but got {kind}.");
            assert_eq!(
                answer.expect(400).json()["non_field_errors"],
                json!([sentence])
            );
        }
        let broken = app.send(Request::new("POST", path).body("application/json", "{"));
        assert!(
            broken
                .expect(400)
                .get("detail")
                .starts_with("JSON parse error - ")
        );
        let broken = app.send(Request::new("POST", path).body("multipart/form-data", "{"));
        assert!(
            broken
                .expect(400)
                .get("detail")
                .starts_with("Multipart form parse error - ")
        );
    }
}

#[test]
fn more_than_64_kib_is_too_large_however_it_is_announced() {
    let app = App::new();
    let filler = |length: usize| format!("{{\"refresh\":\"{}\"}}", "x".repeat(length - 14));
    let at_most = filler(64 * 1024);
    let too_much = filler(64 * 1024 + 1);
    for path in WITH_BODY {
        let fits = app.send(Request::new("POST", path).body("application/json", at_most.clone()));
        assert_ne!(fits.status, 413);
        let large = Request::new("POST", path).body("application/json", too_much.clone());
        app.send(large).expect(413).get("detail");
        let chunked = chunks(&too_much, 4096);
        let large = Request::new("POST", path).body("application/json", chunked);
        app.send(large.header("Transfer-Encoding", "chunked"))
            .expect(413);
        // What cannot be read is not read.
        let large = Request::new("POST", path).body("text/plain", too_much.clone());
        app.send(large).expect(415);
    }
    let fits = Request::new("POST", "refresh/").body("application/json", chunks(&at_most, 999));
    app.send(fits.header("Transfer-Encoding", "chunked"))
        .expect(401);
}

fn chunks(body: &str, size: usize) -> Vec<u8> {
    let chunk = |it: &[u8]| [format!("{:x}\r\n", it.len()).as_bytes(), it, b"\r\n"].concat();
    let mut all: Vec<u8> = body.as_bytes().chunks(size).flat_map(chunk).collect();
    all.extend_from_slice(b"0\r\n\r\n");
    all
}

#[test]
fn what_a_client_does_not_accept_is_refused_before_anything_happens() {
    let app = App::new().with_user("ana");
    let access = app.login("ana").get("access_token");
    for accept in [
        "application/xml",
        "application/json;q=0",
        "garbage",
        "image/*",
    ] {
        let refuse = |request: Request| {
            let answer = app.send(request.header("Accept", accept)).expect(406);
            let sentence = "Could not satisfy the request Accept header.";
            assert_eq!(answer.json(), json!({ "detail": sentence }));
        };
        let post = |path: &str, body: Value| Request::new("POST", path).json(&body);
        refuse(post(
            "login/",
            json!({"email": "ana@example.org", "password": PASSWORD}),
        ));
        refuse(post("request-reset/", json!({"email": "ana@example.org"})));
        refuse(post("register/", crate::register::form("bob")));
        refuse(Request::new("POST", "logout/").bearer(&access));
        refuse(Request::new("GET", "check-auth-status/").bearer(&access));
    }
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 1);
    assert_eq!(app.count("SELECT count(*) FROM users"), 1);
    assert_eq!(app.count("SELECT count(*) FROM outbox"), 0);
    for accept in [
        "application/json",
        "*/*",
        "application/*",
        "text/html;q=0.1, */*",
        "a/b, application/json",
    ] {
        let request = Request::new("GET", "check-auth-status/").bearer(&access);
        app.send(request.header("Accept", accept)).expect(200);
    }
}

#[test]
fn media_types_have_no_case() {
    let app = App::new();
    let request = Request::new("POST", "token/").body("Application/JSON;Charset=UTF-8", "{}");
    app.send(request.header("Accept", "Application/Json"))
        .expect(400);
    let request = Request::new("POST", "token/").body("APPLICATION/X-WWW-FORM-URLENCODED", "a=b");
    app.send(request.header("Accept", "APPLICATION/*"))
        .expect(400);
}

#[test]
fn a_deep_body_is_no_way_down() {
    let app = App::new();
    for body in [
        "[".repeat(60_000),
        "{\"a\":".repeat(12_000),
        format!("{{\"a\":{}", "[".repeat(60_000)),
    ] {
        for path in ["login/", "register/", "request-reset/"] {
            let request = Request::new("POST", path).body("application/json", body.clone());
            app.send(request).expect(400);
        }
    }
    app.get("/healthz").expect(200);
}
