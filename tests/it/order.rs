//! In which order a request is checked: nobody's body is read before it is known who sends it.

use std::io::Write;

use serde_json::json;

use crate::app::{API, App};
use crate::client::{Answer, Request, open, read_answer};
use crate::document;

/// Whatever reads a body and wants a bearer.
fn own_endpoints() -> Vec<String> {
    let paths = document::paths().iter();
    let own = paths.filter(|(_, methods)| {
        let post = &methods["post"];
        post["requestBody"].is_object() && post["security"].to_string().contains("bearer")
    });
    let own: Vec<_> = own.map(|(path, _)| path.clone()).collect();
    assert!(own.len() >= 3, "{own:?}");
    own
}

#[test]
fn method_accept_media_type_credentials_and_limit_come_before_the_body() {
    for path in own_endpoints() {
        let app = App::throttled().with_user("ana");
        let access = app.login("ana").get("access_token");
        let all_wrong = |method: &str| Request::new(method, &path).bytes("[");
        let accept = |it: Request| it.header("Accept", "text/csv");
        let csv = |it: Request| it.header("Content-Type", "text/csv");
        let json = |it: Request| it.header("Content-Type", "application/json");
        app.send(accept(csv(all_wrong("PUT")))).expect(405);
        app.send(accept(csv(all_wrong("POST")))).expect(406);
        app.send(csv(all_wrong("POST"))).expect(415);
        app.send(json(all_wrong("POST"))).expect(401);
        let bad = || app.send(json(all_wrong("POST")).bearer(&access));
        bad().expect(400);
        // A request with a bad body counts too.
        assert!((0..200).any(|_| bad().status == 429), "{path}");
        app.send(json(all_wrong("POST"))).expect(401);
        app.send(csv(all_wrong("POST")).bearer(&access)).expect(415);
    }
}

/// The answer to a head whose body never comes.
fn ask_without_body(app: &App, path: &str, headers: &str) -> Answer {
    let mut stream = open(app.address);
    let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    read_answer(&mut stream, false).expect("an answer")
}

#[test]
fn who_may_not_send_is_answered_before_the_body_has_come() {
    let app = App::throttled();
    let json = "Content-Type: application/json\r\n";
    for path in own_endpoints() {
        assert_eq!(ask_without_body(&app, &path, json).status, 401, "{path}");
        let text = "Content-Type: text/plain\r\n";
        assert_eq!(ask_without_body(&app, &path, text).status, 415, "{path}");
    }
    let ask = || app.post("request-reset/", &json!({"email": "x@example.org"}));
    // One more is let in with each second, of which one may just have gone by; that one waits for its body.
    let limited = |_| {
        assert!((0..200).any(|_| ask().status == 429));
        let answer = ask_without_body(&app, &format!("{API}request-reset/"), json);
        (answer.status == 429).then_some(answer)
    };
    let throttled = (0..5).find_map(limited).expect("a limit");
    assert!(throttled.header("retry-after").is_some());
}
