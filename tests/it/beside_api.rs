//! What stands beside the API: health, metrics, keys, the documentation.

use serde_json::json;

use crate::app::{App, PASSWORD};
use crate::client::{self, Request};
use crate::server::Site;
use crate::wire::exchange;

const READ_ONLY: [&str; 12] = [
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/favicon.ico",
    "/openapi.json",
    "/openapi.yaml",
    "/docs",
    "/docs/",
    "/docs/reference/",
    "/docs/pages.css",
    "/docs/pages.js",
];

#[test]
fn what_can_only_be_read_says_so() {
    let app = App::new();
    // Past the check of what every answer to a program has.
    let send = |request| client::send(app.address, &request);
    for path in READ_ONLY {
        for accept in ["*/*", "text/html"] {
            let ask = |method| Request::new(method, path).header("accept", accept);
            for method in ["POST", "PUT", "DELETE", "PROPFIND", "get"] {
                let refused = send(ask(method)).expect(405);
                let sentence = format!("Method \"{method}\" not allowed.");
                assert_eq!(refused.json(), json!({ "detail": sentence }), "{path}");
                assert_eq!(
                    refused.header("allow"),
                    Some("GET, HEAD, OPTIONS"),
                    "{path}"
                );
            }
            let told = send(ask("OPTIONS")).expect(204);
            assert_eq!(told.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
            send(ask("HEAD")).expect(200);
            send(ask("GET")).expect(200);
        }
    }
}

#[test]
fn there_are_no_public_keys_while_tokens_are_signed_with_a_secret() {
    let app = App::new();
    for path in ["/.well-known/jwks.json", "/.well-known/jwks.json/"] {
        let keys = app.get(path).expect(200);
        assert_eq!(keys.json(), json!({"keys": []}));
        assert_eq!(keys.header("cache-control"), Some("max-age=300"));
    }
    app.get("/authentication/api/.well-known/jwks.json")
        .expect(404);
}

#[test]
fn metrics_may_have_an_address_of_their_own() {
    let site = Site::new();
    let mut server = site.start(&["--metrics-listen", "127.0.0.1:0"]);
    let line = server
        .announced
        .lines()
        .find_map(|it| it.split_once("  Metrics "));
    let url = line.expect("a line").1.trim();
    let address = url
        .strip_prefix("http://")
        .and_then(|it| it.strip_suffix("/metrics"));
    let get = |path: &str| {
        let stream = std::net::TcpStream::connect(address.expect("an address"));
        exchange(stream.expect("a connection"), "GET", path, "", "")
    };
    server.get("/healthz", "");
    let counted = get("/metrics");
    assert_eq!(counted.status, 200);
    assert!(
        counted.body.contains("minisass_auth_requests_total"),
        "{counted:?}"
    );
    assert!(
        counted.body.contains("status=\"200\""),
        "of both addresses: {counted:?}"
    );
    assert_eq!(server.get("/metrics", "").status, 404);
    // Whoever looks for a request by its number in the log finds one.
    let number = |answer: crate::wire::Answer| {
        let mut lines = answer.head.lines();
        let id = lines.find_map(|it| it.strip_prefix("x-request-id: "));
        u64::from_str_radix(id.expect("a number"), 16).expect("hexadecimal")
    };
    let first = number(server.get("/healthz", ""));
    assert_eq!(number(get("/metrics")), first + 1);
    assert_eq!(number(server.get("/healthz", "")), first + 2);
    for path in ["/", "/healthz", "/docs/", "/authentication/api/login/"] {
        assert_eq!(get(path).status, 404, "{path}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn metrics_on_a_socket_go_with_the_server() {
    let site = Site::new();
    let socket = site.path("metrics");
    let listen = format!("unix:{}", socket.display());
    let mut server = site.start(&["--metrics-listen", &listen]);
    let stream = std::os::unix::net::UnixStream::connect(&socket).expect("a connection");
    assert_eq!(exchange(stream, "GET", "/metrics", "", "").status, 200);
    assert_eq!(server.stop(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn an_address_that_is_taken_is_named_by_its_own_flag() {
    let site = Site::with_database();
    let server = site.start(&[]);
    let other = Site::new();
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        server.address(),
    ];
    let said = other.run(&serve).refusal();
    assert!(said.contains("--metrics-listen"), "{said}");
}

#[test]
fn readiness_is_told_long_before_writers_give_up() {
    let app = App::new().with_user("ana");
    let other = app.database();
    other.change("BEGIN IMMEDIATE");
    let (sender, answered) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| sender.send(app.try_login("ana", PASSWORD).status));
        let told = app.get("/readyz").expect(503);
        assert!(told.header("retry-after").is_some());
        assert!(answered.try_recv().is_err(), "a login waits for its turn");
        other.change("ROLLBACK");
        assert_eq!(answered.recv(), Ok(200));
    });
}
