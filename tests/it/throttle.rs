//! Guessing passwords gets slower and slower, and then ends.

use serde_json::json;

use crate::app::{App, HOUR, PASSWORD};
use crate::client::{Answer, Request};
use crate::reset::{confirm, link};

/// Tokens for as many clients as there are addresses, so that the limit of one client, which other
/// tests look at, is not in the way.
struct Clients {
    app: App,
    count: std::cell::Cell<u32>,
}

impl Clients {
    fn new() -> Self {
        let app = App::with(|setup| {
            setup.rules.throttle = true;
            setup.deployment.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
        });
        Self {
            app: app.with_user("ana"),
            count: 0.into(),
        }
    }

    /// A login from an address of its own.
    fn login(&self, name: &str, password: &str) -> Answer {
        self.post("login/", &json!({"email": name, "password": password}))
    }

    fn token(&self, name: &str, password: &str) -> Answer {
        self.post("token/", &json!({"username": name, "password": password}))
    }

    fn post(&self, path: &str, body: &serde_json::Value) -> Answer {
        self.count.set(self.count.get() + 1);
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + self.count.get());
        let request = Request::new("POST", path).json(body);
        self.app
            .send(request.header("X-Forwarded-For", &address.to_string()))
    }
}

fn retry_after(answer: &Answer) -> i64 {
    let seconds = answer.header("retry-after").expect("Retry-After");
    seconds.parse().expect("whole seconds")
}

#[test]
fn after_five_failures_the_next_attempt_waits_twice_as_long_each_time() {
    let clients = Clients::new();
    for name in ["ana", "nobody", "nobody@example.org"] {
        for _ in 0..5 {
            clients.login(name, "wrong").expect(401);
        }
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            let answer = clients.login(name, "wrong").expect(429);
            assert_eq!(retry_after(&answer), wait, "{name}");
            let sentence = format!("Request was throttled. Expected available in {wait} seconds.");
            assert_eq!(answer.json(), json!({ "detail": sentence }));
            clients.app.clock.advance(wait - 1);
            assert_eq!(retry_after(&clients.login(name, PASSWORD).expect(429)), 1);
            clients.app.clock.advance(1);
            clients.login(name, "wrong").expect(401);
        }
    }
    clients.app.clock.advance(900);
    clients.login("ana", PASSWORD).expect(200);
    for _ in 0..5 {
        clients.login("ana", "wrong").expect(401);
    }
    clients.login("ana", "wrong").expect(429);
}

#[test]
fn an_unknown_name_is_throttled_just_as_a_known_one() {
    let clients = Clients::new();
    let answers = |name: &str| -> Vec<_> {
        (0..8)
            .map(|_| clients.login(name, "wrong").comparable())
            .collect()
    };
    assert_eq!(answers("ana"), answers("nobody"));
}

#[test]
fn one_counter_counts_for_all_spellings_and_both_endpoints() {
    let clients = Clients::new();
    let spellings = ["ana", "ANA", "ana@example.org", "Ana@EXAMPLE.org", "ａｎａ"];
    for name in spellings {
        clients.login(name, "wrong").expect(401);
    }
    // Refused as if wrong: a wait would say which names belong together.
    clients.login("ana@example.org", PASSWORD).expect(401);
    clients.token("ANA@example.org", PASSWORD).expect(401);
    clients.token("ａｎａ", PASSWORD).expect(401);
    clients.login("ana", PASSWORD).expect(401);
    assert_eq!(retry_after(&clients.login("ana", PASSWORD).expect(429)), 1);
    clients.app.clock.advance(1);
    clients.token("ana", PASSWORD).expect(200);
}

#[test]
fn the_spellings_of_a_name_that_nobody_has_count_together_too() {
    for spellings in [
        ["nobody", "NOBODY", "ｎobody", "nobodY", "ｎOBODY"],
        [
            "x@bücher.example",
            "X@BÜCHER.example",
            "x@xn--bcher-kva.example",
            "x@bu\u{308}cher.example",
            "x@BÜCHER.EXAMPLE",
        ],
    ] {
        let clients = Clients::new();
        for name in spellings {
            clients.login(name, "wrong").expect(401);
        }
        for name in spellings {
            assert_eq!(clients.login(name, "wrong").status, 429, "{name}");
        }
    }
}

#[test]
fn a_success_clears_the_counter() {
    let clients = Clients::new();
    for _ in 0..10 {
        for _ in 0..4 {
            clients.login("ana", "wrong").expect(401);
        }
        clients.token("ana", PASSWORD).expect(200);
    }
}

#[test]
fn after_a_hundred_failures_only_a_reset_helps() {
    let clients = Clients::new();
    let app = &clients.app;
    let session = app.login("ana");
    for _ in 0..100 {
        clients.login("ana", "wrong").expect(401);
        app.clock.advance(900);
    }
    let wrong = clients.login("ana", "wrong").expect(401);
    for _ in 0..3 {
        assert_eq!(
            clients.login("ana", PASSWORD).comparable(),
            wrong.comparable()
        );
        clients.token("ana@example.org", PASSWORD).expect(401);
        app.clock.advance(HOUR);
    }
    // A stranger's guesses end neither sessions nor the way back.
    app.refresh(&session.get("refresh_token")).expect(200);
    let link = link(app, "ana@example.org");
    confirm(app, &link, "An0ther@Pass2").expect(200);
    clients.login("ana", "An0ther@Pass2").expect(200);
}

#[test]
fn a_reset_clears_the_wait() {
    let clients = Clients::new();
    for _ in 0..5 {
        clients.login("ana", "wrong").expect(401);
    }
    clients.login("ana", PASSWORD).expect(429);
    let link = link(&clients.app, "ana@example.org");
    confirm(&clients.app, &link, "An0ther@Pass2").expect(200);
    clients.login("ana", "An0ther@Pass2").expect(200);
}

#[test]
fn whoever_a_stranger_locks_out_stays_logged_in() {
    let clients = Clients::new();
    let session = clients.app.login("ana");
    for _ in 0..5 {
        clients.login("ana", "wrong").expect(401);
    }
    clients.login("ana", PASSWORD).expect(429);
    clients.app.status(&session.get("access_token")).expect(200);
    let refreshed = clients
        .app
        .refresh(&session.get("refresh_token"))
        .expect(200);
    clients.app.status(&refreshed.get("access")).expect(200);
    // Being locked out is no reason to stay logged in either.
    let access = refreshed.get("access");
    clients.app.logout(&access).expect(200);
    clients.app.status(&access).expect(401);
}

#[test]
fn a_restart_forgets_no_failure() {
    let app = App::throttled().with_user("ana");
    for _ in 0..5 {
        app.try_login("ana", "wrong").expect(401);
    }
    let app = app.restart(|setup| setup.rules.throttle = true);
    app.try_login("ana", PASSWORD).expect(429);
}

#[test]
fn one_client_is_limited_whatever_it_calls_itself_and_whoever_it_guesses() {
    let app = App::throttled().with_user("own");
    let mut refused = 0;
    for place in 0..100 {
        let body = if place % 4 == 0 {
            json!({"email": "own", "password": PASSWORD})
        } else {
            json!({"email": format!("victim{place}"), "password": "wrong"})
        };
        let request = Request::new("POST", "login/").json(&body);
        let request = request
            .header("X-Forwarded-For", &format!("10.0.0.{place}"))
            .header("X-Real-IP", &format!("10.0.1.{place}"))
            .header("Forwarded", &format!("for=10.0.2.{place}"));
        let answer = app.send(request);
        if answer.status == 429 {
            assert!(retry_after(&answer) >= 1);
            refused += 1;
        }
    }
    assert!(refused > 0);
    app.get("check-auth-status/").expect(401);
}

#[test]
fn one_client_sends_a_hundred_forms_and_then_has_to_wait() {
    let app = App::throttled();
    let ask = || app.post("request-reset/", &json!({"email": "x@example.org"}));
    for _ in 0..100 {
        ask().expect(200);
    }
    let refused = (0..40).map(|_| ask()).find(|it| it.status == 429);
    assert!(retry_after(&refused.expect("a limit")) >= 1);
}

#[test]
fn without_throttle_nothing_is_limited() {
    let app = App::new().with_user("ana");
    for _ in 0..120 {
        app.try_login("ana", "wrong").expect(401);
    }
    app.login("ana");
    assert_eq!(app.count("SELECT count(*) FROM login_attempts"), 0);
}

#[test]
fn what_a_client_writes_before_an_address_that_cannot_be_read_is_not_believed() {
    let clients = Clients::new();
    let mut refused = 0;
    for place in 0..100 {
        // The proxy adds what it saw, here nothing; before it stands what the client wrote.
        let forwarded = format!("10.0.0.{place}, unknown");
        let request = Request::new("POST", "login/")
            .json(&json!({"email": format!("v{place}"), "password": "x"}));
        let answer = clients
            .app
            .send(request.header("X-Forwarded-For", &forwarded));
        refused += usize::from(answer.status == 429);
    }
    assert!(refused > 0);
}

/// Whoever has used up a hundred requests gets one more with each second, of which one may just have gone by.
fn is_limited(ask: impl Fn() -> u16) -> bool {
    (0..3).any(|_| ask() == 429)
}

#[test]
fn a_byte_that_is_no_text_hides_no_address_behind_it() {
    for before in ["1.1.1.1\u{ff}", "\u{e9}", "10.0.0.1, \u{80}"] {
        let clients = Clients::new();
        let ask = |address: &str| {
            let request = Request::new("POST", "request-reset/");
            let request = request.json(&json!({"email": "nobody@example.org"}));
            let forwarded = format!("{before}, {address}");
            let request = request.header("X-Forwarded-For", &forwarded);
            clients.app.send(request).status
        };
        assert!((0..200).any(|_| ask("203.0.113.7") == 429));
        assert!(is_limited(|| ask("203.0.113.7")));
        assert_eq!(
            ask("203.0.113.8"),
            200,
            "{before}: the proxy is not the client"
        );
    }
}

#[test]
fn a_forwarded_address_may_have_a_port_brackets_or_a_zone() {
    for (first, second, other) in [
        (
            "203.0.113.7:51234",
            "203.0.113.7:51235",
            "203.0.113.8:51234",
        ),
        ("203.0.113.7", "203.0.113.7:1", "203.0.113.8"),
        ("[2001:db8::1]:443", "2001:db8::2", "[2001:db8:1::1]:443"),
        ("[2001:db8::1]", "[2001:db8::1]:9", "[2001:db8:1::1]"),
        (
            "2001:db8::1%eth0",
            "[2001:db8::1%eth1]:443",
            "2001:db8:1::1%eth0",
        ),
        (
            "[::ffff:203.0.113.7]:80",
            " 203.0.113.7 ",
            "[::ffff:203.0.113.8]:80",
        ),
        (
            "10.9.9.9, 203.0.113.7:51234",
            "10.9.9.8,203.0.113.7",
            "203.0.113.7, 203.0.113.8",
        ),
    ] {
        let clients = Clients::new();
        let ask = |forwarded: &str| {
            let request = Request::new("POST", "request-reset/");
            let request = request.json(&json!({"email": "nobody@example.org"}));
            let request = request.header("X-Forwarded-For", forwarded);
            clients.app.send(request).status
        };
        assert!((0..200).any(|_| ask(first) == 429), "{first}");
        assert!(is_limited(|| ask(second)), "{second} is {first}");
        assert_eq!(ask(other), 200, "{other} is not {first}");
    }
}
