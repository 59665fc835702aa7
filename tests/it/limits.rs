//! The edge of HTTP: what is refused before anybody looks at a path.

use std::io::Write;

use crate::app::{API, App};
use crate::client::{Answer, Request, exchange, open, read_answer};

fn raw(app: &App, request: &str) -> Option<Answer> {
    exchange(app.address, request.replace('\n', "\r\n").as_bytes(), false)
}

#[track_caller]
fn refused(app: &App, request: &str) {
    // No answer is an answer too: the connection was closed.
    if let Some(answer) = raw(app, request) {
        assert_eq!(answer.status, 400, "{request:?}: {}", answer.text());
        assert!(answer.json().is_object(), "{request:?}");
    }
}

fn get(host: &str) -> String {
    format!("GET {API}check-auth-status/ HTTP/1.1\n{host}Connection: close\n\n")
}

#[test]
fn what_is_said_once_is_not_said_twice() {
    let app = App::new().with_user("ana");
    let access = app.login("ana").get("access_token");
    let bearer = format!("Bearer {access}");
    let ask = |name: &str, values: [&str; 2]| {
        let request = Request::new("POST", "logout/");
        let request = request.header(name, values[0]).header(name, values[1]);
        let answer = app.send(request).expect(400);
        assert!(answer.get("detail").contains(name), "{}", answer.text());
    };
    ask("Authorization", [&bearer, &bearer]);
    ask("Authorization", [&bearer, "Basic YTpi"]);
    ask("Authorization", ["", &bearer]);
    ask("Content-Type", ["application/json", "text/plain"]);
    ask("Origin", ["http://auth.test", "https://evil.example"]);
    app.status(&access).expect(200);
}

const BAD_HOSTS: &[&str] = &[
    "",
    "Host:\n",
    "Host: a b\n",
    "Host: a\nHost: a\n",
    "Host: a\nHost: b\n",
    "Host: user@a\n",
    "Host: a/b\n",
    "Host: a:b:c\n",
    "Host: a?b\n",
    "Host: a#b\n",
    "Host: <a>\n",
    "Host: \"a\"\n",
    "Host: a\tb\n",
    "Host: @\n",
];

#[test]
fn a_request_has_one_well_formed_host() {
    let app = App::new();
    for host in [
        "Host: auth.test\n",
        "Host: auth.test:80\n",
        "Host: 127.0.0.1:8000\n",
        "Host: [::1]:8000\n",
        "hOST:x\n",
    ] {
        assert_eq!(
            raw(&app, &get(host)).expect("an answer").status,
            401,
            "{host}"
        );
    }
    for host in BAD_HOSTS {
        let answer = raw(&app, &get(host)).expect("an answer");
        assert_eq!(answer.status, 400, "{host:?}");
        assert!(answer.get("detail").contains("Host"), "{host:?}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let old = format!("GET {API}check-auth-status/ HTTP/1.0\n\n");
    assert_eq!(raw(&app, &old).expect("an answer").status, 401);
}

#[test]
fn a_body_has_one_length() {
    let app = App::new();
    let post = |headers: &str, body: &str| {
        format!(
            "POST {API}refresh/ HTTP/1.1\nHost: a\nContent-Type: application/json\n{headers}\n{body}"
        )
    };
    let chunked = "0\n\nGET /healthz HTTP/1.1\nHost: a\n\n";
    for headers in [
        "Content-Length: 4\nTransfer-Encoding: chunked\n",
        "Transfer-Encoding: chunked\nContent-Length: 4\n",
        "Content-Length: 4\nContent-Length: 5\n",
        "Content-Length: 4, 5\n",
        "Content-Length: +4\n",
        "Content-Length: -4\n",
        "Content-Length: 0x4\n",
        "Content-Length: 99999999999999999999\n",
        "Transfer-Encoding: gzip\n",
        "Transfer-Encoding: chunked, gzip\n",
        "Transfer-Encoding: xchunked\n",
        "Transfer-Encoding : chunked\n",
        "Transfer-Encoding: identity\n",
    ] {
        refused(&app, &post(headers, chunked));
    }
}

#[test]
fn nothing_is_read_behind_a_request_that_was_not_understood() {
    let app = App::new();
    for headers in [
        "Content-Length: 4\nTransfer-Encoding: chunked\n",
        "Transfer-Encoding: chunked\nContent-Length: 4\n",
    ] {
        let request = format!(
            "POST {API}refresh/ HTTP/1.1\nHost: a\nContent-Type: application/json\n{headers}\n0\n\n\
             GET /healthz HTTP/1.1\nHost: a\n\n"
        );
        let mut stream = open(app.address);
        stream
            .write_all(request.replace('\n', "\r\n").as_bytes())
            .expect("sent");
        let first = read_answer(&mut stream, false).expect("an answer");
        assert_eq!(first.status, 400);
        assert!(read_answer(&mut stream, false).is_none(), "{headers:?}");
    }
}

#[test]
fn what_is_no_http_1_is_refused() {
    let app = App::new();
    for garbage in [
        "PRI * HTTP/2.0\n\nSM\n\n",
        "GET / HTTP/2.0\nHost: a\n\n",
        "GET / HTTP/1.2\nHost: a\n\n",
        "GET /\n\n",
        "GET / HTTP/1.1\nHost: a\nBad Header\n\n",
        "GET / HTTP/1.1\nHost: a\n: x\n\n",
        "\0\0\0\0\n\n",
        "{}\n\n",
        "GET / HTTP/1.1\nHost: a\nX: a\0b\n\n",
        "GET /\u{7f} HTTP/1.1\nHost: a\n\n",
        "G(T / HTTP/1.1\nHost: a\n\n",
        "\u{16}\u{3}\u{1}\u{2}\n\n",
        "GET  / HTTP/1.1\nHost: a\n\n",
    ] {
        refused(&app, garbage);
    }
    let upgrade = "GET /healthz HTTP/1.1\nHost: a\nConnection: Upgrade, HTTP2-Settings, close\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\n\n";
    assert_eq!(raw(&app, upgrade).expect("an answer").status, 200);
    app.get("/healthz").expect(200);
}

#[test]
fn stalled_connections_keep_nobody_waiting() {
    let app = App::new();
    let stalled: Vec<_> = (0..200)
        .map(|place| {
            let mut stream = open(app.address);
            let bytes: &[u8] = [&b"GET /hea"[..], b"", b"POST /authentication/api/login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"][place % 3];
            stream.write_all(bytes).expect("sent");
            stream
        })
        .collect();
    app.get("/healthz").expect(200);
    app.get("check-auth-status/").expect(401);
    drop(stalled);
    app.get("/healthz").expect(200);
}

#[test]
fn several_requests_share_a_connection() {
    let app = App::new();
    let mut stream = open(app.address);
    let request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut ids = Vec::new();
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).expect("sent");
        let answer = read_answer(&mut stream, false).expect("an answer");
        assert_eq!(answer.status, 200);
        ids.push(answer.header("x-request-id").map(str::to_owned));
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn an_odd_path_is_no_way_around_anything() {
    let app = App::new();
    for path in [
        "/authentication/api/../api/login/",
        "/authentication//api/login/",
        "/authentication/api/login/%2e%2e/",
        "/%00",
        "/authentication/api/login%2f",
        "/authentication/api/login/;x",
        "/authentication/api/%6cogin/..",
        "/..%2f..%2fetc/passwd",
        "/docs/../keys",
        "/authentication/api/check-auth-status/%0d%0aX:y",
    ] {
        let answer = app.get(path);
        assert!(
            [404, 400].contains(&answer.status),
            "{path}: {}",
            answer.status
        );
    }
}

#[test]
fn readiness_and_health_are_told_to_everybody() {
    let app = App::new();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(app.get(path).expect(200).get("status"), "ok");
        assert!(
            app.send(Request::new("HEAD", path))
                .expect(200)
                .body
                .is_empty()
        );
        app.send(Request::new("POST", path)).expect(405);
    }
}

#[test]
fn no_answer_says_what_serves() {
    let app = App::new();
    for path in ["/healthz", "login/", "/nothing"] {
        let answer = app.get(path);
        for name in ["server", "x-powered-by", "via"] {
            assert_eq!(answer.header(name), None);
        }
    }
}
