//! Connections: how many, for how long, and what is said when one is refused or ends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use minisass_auth::crypto::Cost;
use serde_json::json;

use crate::app::{API, App};
use crate::client::{Answer, Request, exchange, open, read_answer};
use crate::server::{Site, until};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

/// One request on a connection that stays open; none if it is closed.
fn ask(stream: &mut TcpStream) -> Option<u16> {
    stream.write_all(HEALTH.as_bytes()).ok()?;
    read_answer(stream, false).map(|it| it.status)
}

/// A connection that is let in.
fn connect(app: &App) -> Option<TcpStream> {
    let mut stream = open(app.address);
    (ask(&mut stream) == Some(200)).then_some(stream)
}

#[test]
fn one_client_has_as_many_connections_as_the_setting_says() {
    let app = App::with(|setup| setup.connections.per_client = 3);
    let mut open: Vec<_> = (0..3).map(|_| connect(&app).expect("a place")).collect();
    for _ in 0..5 {
        assert!(connect(&app).is_none());
    }
    // Those who are in stay in, and whoever leaves makes room.
    assert!(open.iter_mut().all(|it| ask(it) == Some(200)));
    open.pop();
    let next = until("room", || connect(&app));
    assert!(connect(&app).is_none());
    drop((open, next));
}

#[test]
fn whoever_has_enough_connections_is_told_so_and_when_to_come_back() {
    let app = App::with(|setup| setup.connections.per_client = 3);
    let mut inside: Vec<_> = (0..3).map(|_| connect(&app).expect("a place")).collect();
    let login = json!({"email": "a@example.org", "password": "x"}).to_string();
    let post = format!(
        "POST {API}login/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{login}",
        login.len()
    );
    for asked in [HEALTH, &post] {
        let answer = refused(&app, asked.as_bytes());
        assert_eq!(answer.status, 429);
        assert_eq!(answer.header("retry-after"), Some("5"));
        let said = "Too many connections come from this address. Try again later.";
        assert_eq!(answer.get("detail"), said);
    }
    // Of many who say nothing, a few are waited for; nobody who is inside notices.
    let crowd: Vec<_> = (0..50).map(|_| open(app.address)).collect();
    for mut one in crowd {
        assert_eq!(one.read(&mut [0]).unwrap_or(0), 0);
    }
    assert!(inside.iter_mut().all(|it| ask(it) == Some(200)));
    inside.pop();
    until("room", || connect(&app));
}

#[test]
fn a_trusted_proxy_has_as_many_connections_as_there_are() {
    for exempt in ["127.0.0.1/32", "::ffff:127.0.0.1/128", "10.0.0.0/8"] {
        let app = App::with(|setup| {
            setup.connections.per_client = 3;
            setup.connections.exempt = vec![exempt.parse().expect("a network")];
        });
        let open: Vec<_> = (0..10).filter_map(|_| connect(&app)).collect();
        let is_exempt = exempt.starts_with("127.");
        assert_eq!(open.len(), if is_exempt { 10 } else { 3 }, "{exempt}");
    }
}

#[test]
fn a_server_takes_the_number_of_connections_from_its_settings() {
    let site = Site::new();
    let server = site.start(&["--max-connections-per-client", "2"]);
    let connect = || {
        let mut stream = server.connect();
        (ask(&mut stream) == Some(200)).then_some(stream)
    };
    let open: Vec<_> = (0..4).filter_map(|_| connect()).collect();
    assert_eq!(open.len(), 2);
    until("a line about it", || {
        server.log().contains("trusted_proxies").then_some(())
    });
}

#[test]
fn an_idle_connection_is_kept_for_longer_than_a_head_may_take() {
    let app = App::with(|setup| {
        setup.connections.head_deadline = Duration::from_millis(50);
        setup.connections.idle_deadline = Duration::from_secs(3600);
    });
    let mut kept = connect(&app).expect("an answer");
    // By now the deadline of a head has passed, for whoever has sent none and for whoever has begun one.
    let mut silent = open(app.address);
    assert_eq!(silent.read(&mut [0]).expect("an end"), 0);
    assert_eq!(refused(&app, b"GET /hea").status, 408);
    assert_eq!(refused(&app, b"GET / HTTP/1.1\r\nHost: a\r\n").status, 408);
    assert_eq!(ask(&mut kept), Some(200));
    // The next head has its own deadline once it has begun.
    kept.write_all(b"GET /hea").expect("sent");
    let answer = read_answer(&mut kept, false).expect("an answer");
    assert_eq!(answer.status, 408);
    assert_eq!(kept.read(&mut [0]).expect("an end"), 0);
}

#[test]
fn a_connection_on_which_nothing_more_comes_ends() {
    let app = App::with(|setup| setup.connections.idle_deadline = Duration::from_millis(50));
    for _ in 0..20 {
        let mut kept = connect(&app).expect("an answer");
        assert_eq!(kept.read(&mut [0]).expect("an end"), 0);
    }
}

/// The answer to a head that cannot be read, which closes the connection.
#[track_caller]
fn refused(app: &App, head: &[u8]) -> Answer {
    let answer = exchange(app.address, head, false).expect("an answer");
    is_like_any_other(&answer);
    answer
}

/// A refusal of ours has what every answer has.
#[track_caller]
fn is_like_any_other(answer: &Answer) {
    assert!(!answer.get("detail").is_empty());
    let media_type = answer.header("content-type").expect("a type");
    assert!(media_type.starts_with("application/json"), "{media_type}");
    assert_eq!(answer.header("connection"), Some("close"));
    for name in [
        "content-security-policy",
        "referrer-policy",
        "x-content-type-options",
        "cache-control",
        "x-request-id",
        "date",
    ] {
        assert!(answer.header(name).is_some(), "{name}: {answer:?}");
    }
}

/// What clients begin with that speak HTTP badly, or another language.
const MALFORMED: [&[u8]; 17] = [
    b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nBad Header\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    b"{}\r\n\r\n",
    b"GET /\r\n",
    b"EHLO a\r\n",
    b"SSH-2.0-a\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    b"\r\n\r\n\0\r\nQUIT\n",
    b"\x05\x01\0",
    b"\xff\xfe",
    // HTTP/2 without TLS: all of its preface, what comes behind it, and its first line.
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    b"PRI * HTTP/2.0\r\n\r\n",
];

#[test]
fn a_head_that_cannot_be_read_is_refused_in_json() {
    let app = App::new();
    // TLS where there is none: a browser that was told https.
    let tls = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 506]].concat();
    for head in MALFORMED.into_iter().chain([&*tls]) {
        let shown = String::from_utf8_lossy(head);
        assert_eq!(refused(&app, head).status, 400, "{shown:?}");
        // The same behind a request that was in order.
        let mut stream = open(app.address);
        assert_eq!(ask(&mut stream), Some(200));
        stream.write_all(head).expect("sent");
        let answer = read_answer(&mut stream, false).expect("an answer");
        assert_eq!(answer.status, 400, "{shown:?}");
        is_like_any_other(&answer);
        let mut stream = open(app.address);
        let both = [HEALTH.as_bytes(), head].concat();
        stream.write_all(&both).expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("both answers");
        assert!(text.contains("200 OK") && text.contains("400 Bad Request"));
        assert!(
            text.ends_with("{\"detail\":\"The request is malformed.\"}"),
            "{text}"
        );
    }
}

#[test]
fn a_head_that_ends_in_its_middle_is_refused_in_json() {
    let app = App::new();
    for before in ["", HEALTH] {
        for begun in ["G", "GET /hea", "GET / HTTP/1.1\r\nHost: a\r\n", "PRI * H"] {
            let mut stream = open(app.address);
            if !before.is_empty() {
                assert_eq!(ask(&mut stream), Some(200));
            }
            stream.write_all(begun.as_bytes()).expect("sent");
            stream.shutdown(Shutdown::Write).expect("an end");
            let answer = read_answer(&mut stream, false).expect("an answer");
            assert_eq!(answer.status, 400, "{begun:?}");
            is_like_any_other(&answer);
        }
    }
    // Who leaves between two requests is not refused anything.
    for nothing in ["", "\r\n"] {
        let mut stream = open(app.address);
        assert_eq!(ask(&mut stream), Some(200));
        stream.write_all(nothing.as_bytes()).expect("sent");
        stream.shutdown(Shutdown::Write).expect("an end");
        assert!(read_answer(&mut stream, false).is_none());
    }
}

#[test]
fn what_was_refused_before_it_was_a_request_is_counted_and_logged() {
    let site = Site::new();
    let server = site.start(&[]);
    let form = "x".repeat(70_000);
    let form = format!(
        "POST {API}login/ HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    let long = format!("GET /{}", "x".repeat(70_000));
    for (status, sent) in [
        (400, MALFORMED[14]),
        (414, long.as_bytes()),
        (413, form.as_bytes()),
    ] {
        let mut stream = server.connect();
        // It may be refused before all of it is sent.
        let _ = stream.write_all(sent);
        let answer = read_answer(&mut stream, false).expect("an answer");
        assert_eq!(answer.status, status);
        is_like_any_other(&answer);
        let line = format!("\"route\":\"-\",\"status\":{status},");
        until("its line", || server.log().contains(&line).then_some(()));
        let count = format!("requests_total{{route=\"-\",status=\"{status}\"}} 1");
        let counted = server.get("/metrics", "").body;
        assert!(counted.contains(&count), "{counted}");
    }
}

#[test]
fn a_head_of_more_than_16_kib_is_refused() {
    let app = App::new();
    let head = |filler: usize| {
        format!(
            "GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}",
            "y".repeat(filler)
        )
    };
    let fits = format!("{}\r\nConnection: close\r\n\r\n", head(16_000));
    let fits = exchange(app.address, fits.as_bytes(), false).expect("an answer");
    assert_eq!(fits.status, 200);
    // The end of the head is not waited for.
    for filler in [17_000, 400_000, 1_000_000] {
        assert_eq!(refused(&app, head(filler).as_bytes()).status, 431);
        assert_eq!(
            refused(&app, format!("{}\r\n\r\n", head(filler)).as_bytes()).status,
            431
        );
    }
    let many: String = (0..500).map(|it| format!("X-{it}: y\r\n")).collect();
    let many = format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{many}\r\n");
    assert_eq!(refused(&app, many.as_bytes()).status, 431);
    for length in [17_000, 70_000] {
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(length));
        assert_eq!(refused(&app, long.as_bytes()).status, 414);
    }
    app.get("/healthz").expect(200);
}

/// Posts a body to a path that does not want it, and keeps the connection if the answer says so.
fn post(stream: &mut TcpStream, path: &str, headers: &str, body: &str) -> Answer {
    let request = format!("POST {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}");
    stream.write_all(request.as_bytes()).expect("sent");
    read_answer(stream, false).expect("an answer")
}

/// Where a body is not read, and the answer.
fn unread() -> [(String, u16); 4] {
    [
        ("/nothing/".to_owned(), 404),
        (format!("{API}check-auth-status/"), 405),
        (format!("{API}logout/"), 401),
        (format!("{API}user/delete/"), 401),
    ]
}

#[test]
fn a_body_that_nobody_wanted_does_not_end_the_connection() {
    let app = App::new();
    let mut stream = open(app.address);
    let json = "Content-Type: application/json\r\n";
    for (path, status) in unread() {
        let length = format!("{json}Content-Length: 9\r\n");
        let answer = post(&mut stream, &path, &length, "{\"a\":\"b\"}");
        assert_eq!(
            (answer.status, answer.header("connection")),
            (status, None),
            "{path}"
        );
    }
    assert_eq!(ask(&mut stream), Some(200));
}

#[test]
fn a_body_that_does_not_come_ends_the_connection_and_the_answer_says_so() {
    let app = App::new();
    let json = "Content-Type: application/json\r\n";
    let long = "x".repeat(200_000);
    for (path, status) in unread() {
        for (more, body) in [
            ("Content-Length: 9\r\n", "{"),
            ("Content-Length: 9\r\nExpect: 100-continue\r\n", ""),
            ("Content-Length: 1000000\r\n", long.as_str()),
            ("Transfer-Encoding: chunked\r\n", "1\r\n{\r\n"),
        ] {
            let mut stream = open(app.address);
            let answer = post(&mut stream, &path, &format!("{json}{more}"), body);
            assert_eq!(answer.status, status, "{path} {more}");
            assert_eq!(answer.header("connection"), Some("close"), "{path} {more}");
            assert_eq!(stream.read(&mut [0]).expect("an end"), 0, "{path} {more}");
        }
    }
}

#[test]
fn a_stop_answers_every_login_that_waits() {
    let app = App::with(|setup| {
        setup.cost = Cost { ln: 15, r: 8, p: 1 };
        setup.connections.grace = Duration::from_secs(2);
    });
    let mut app = app.with_user("ana");
    let body = json!({"email": "ana", "password": "wrong"}).to_string();
    let head = format!(
        "POST {API}login/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    let begin = |_| {
        let mut stream = open(app.address);
        stream.write_all(head.as_bytes()).expect("sent");
        // The server asks for the body: it has begun to answer.
        stream.read_exact(&mut [0; 25]).expect("100 Continue");
        stream.write_all(body.as_bytes()).expect("sent");
        stream
    };
    let waiting: Vec<_> = (0..80).map(begin).collect();
    app.stop();
    let mut statuses = Vec::new();
    for mut stream in waiting {
        let answer = read_answer(&mut stream, false).expect("an answer");
        if answer.status == 503 {
            assert!(answer.header("retry-after").is_some());
            answer.get("detail");
        }
        statuses.push(answer.status);
    }
    assert!(
        statuses.iter().all(|it| [401, 503].contains(it)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&503), "{statuses:?}");
}

#[test]
fn readiness_costs_one_write_a_second_however_many_ask() {
    let app = App::new();
    let log = || std::fs::metadata(app.path("auth.db-wal")).map_or(0, |it| it.len());
    app.get("/readyz").expect(200);
    let before = log();
    let started = std::time::Instant::now();
    for _ in 0..300 {
        app.send(Request::new("GET", "/readyz")).expect(200);
    }
    let probes = started.elapsed().as_secs() + 1;
    // A probe writes a page or two.
    assert!(
        log() - before <= probes * 3 * 4200,
        "{} bytes",
        log() - before
    );
}
