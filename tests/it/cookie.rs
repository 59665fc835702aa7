//! The session cookie, and pages of other origins.

use serde_json::json;

use crate::app::{App, PASSWORD, PUBLIC_URL, web_url};
use crate::client::{Answer, Request};
use crate::document;

const FRONT_END: &str = "https://minisass.example";

fn cookie(app: &App) -> String {
    let cookie = app.login("ana").cookie().expect("a cookie");
    format!("theme=dark; minisass_session={cookie}; x=y")
}

fn logout(cookie: &str) -> Request {
    Request::new("POST", "logout/").header("Cookie", cookie)
}

#[test]
fn no_script_and_no_other_site_has_the_cookie() {
    let app = App::new().with_user("ana");
    let set = app
        .login("ana")
        .header("set-cookie")
        .expect("a cookie")
        .to_owned();
    let attributes: Vec<_> = set.split("; ").skip(1).collect();
    assert_eq!(
        attributes,
        ["Path=/", "Max-Age=2592000", "HttpOnly", "SameSite=Lax"]
    );
    let app = App::with(|setup| setup.deployment.public_url = web_url("https://auth.test"));
    let answer = app.with_user("ana").login("ana");
    assert!(
        answer
            .header("set-cookie")
            .is_some_and(|it| it.ends_with("; Secure"))
    );
    assert!(answer.header("strict-transport-security").is_some());
}

#[test]
fn no_secret_of_a_session_is_stored() {
    let app = App::new().with_user("ana");
    let session = app.login("ana");
    let secrets = [
        session.cookie().expect("a cookie"),
        session.get("access_token"),
        session.get("refresh_token"),
        PASSWORD.to_owned(),
    ];
    for name in ["auth.db", "auth.db-wal"] {
        let bytes = std::fs::read(app.path(name)).expect("a file");
        for secret in &secrets {
            let is_there = bytes
                .windows(secret.len())
                .any(|it| it == secret.as_bytes());
            assert!(!is_there, "{name} has {secret}");
        }
    }
}

#[test]
fn the_cookie_proves_who_asks_for_the_status_only() {
    let app = App::new().with_user("ana");
    let cookie = cookie(&app);
    let status = |request: Request| app.send(request.header("Cookie", &cookie));
    let get = || Request::new("GET", "check-auth-status/");
    assert_eq!(status(get()).expect(200).get("username"), "ana");
    status(get().bearer("nonsense")).expect(200);
    status(get().header("Authorization", "Basic YTpi")).expect(200);
    for wrong in ["", "x", &"A".repeat(43), &"x".repeat(4000)] {
        let cookie = format!("minisass_session={wrong}");
        app.send(get().header("Cookie", &cookie)).expect(401);
    }
    let refresh = Request::new("POST", "refresh/").header("Cookie", &cookie);
    app.send(refresh.json(&json!({}))).expect(400);
}

/// Where a request with the cookie may not come from.
const FOREIGN: [(&str, &str); 11] = [
    ("Origin", "https://evil.example"),
    ("Origin", "null"),
    ("Origin", ""),
    ("Origin", "http://auth.test.evil.example"),
    ("Origin", "http://auth.test:81"),
    ("Origin", "https://auth.test"),
    ("Origin", "http://auth.test/"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Site", "same-site"),
    ("Sec-Fetch-Site", "none"),
    ("Referer", "http://auth.test/"),
];

#[test]
fn a_cookie_logs_out_from_our_own_pages_only() {
    let configure = |setup: &mut crate::app::Setup| {
        setup.deployment.cors_origins = vec![FRONT_END.to_owned()];
    };
    let app = App::with(configure).with_user("ana");
    let kept = cookie(&app);
    app.send(logout(&kept)).expect(401);
    for (name, value) in FOREIGN {
        app.send(logout(&kept).header(name, value)).expect(401);
    }
    let evil = logout(&kept).header("Origin", "https://evil.example");
    app.send(evil.header("Sec-Fetch-Site", "same-origin"))
        .expect(401);
    app.send(
        logout(&kept)
            .bearer("nonsense")
            .header("Origin", PUBLIC_URL),
    )
    .expect(401);
    let status = Request::new("GET", "check-auth-status/").header("Cookie", &kept);
    app.send(status.clone()).expect(200);

    app.send(logout(&kept).header("Sec-Fetch-Site", "same-origin"))
        .expect(200);
    app.send(status).expect(401);
    for own in [PUBLIC_URL, FRONT_END] {
        let ended = cookie(&app);
        let answer = app.send(logout(&ended).header("Origin", own)).expect(200);
        assert_eq!(answer.cookie().as_deref(), Some(""));
        app.send(logout(&ended).header("Origin", own)).expect(401);
    }
}

/// A login that some page sends to its own visitors' harm.
fn login_of(app: &App, headers: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("email", "ana")
        .append_pair("password", PASSWORD)
        .finish();
    let request = Request::new("POST", "login/").body("application/x-www-form-urlencoded", body);
    let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
    app.send(headers.iter().fold(request, add))
}

#[test]
fn no_foreign_page_logs_its_visitor_in() {
    let configure = |setup: &mut crate::app::Setup| {
        setup.deployment.cors_origins = vec![FRONT_END.to_owned()];
    };
    let app = App::with(configure).with_user("ana");
    for foreign in [
        &[("Origin", "https://evil.example")][..],
        &[("Origin", "null")],
        &[("Origin", "")],
        &[("Origin", "http://auth.test.evil.example")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[
            ("Origin", "https://evil.example"),
            ("Sec-Fetch-Site", "cross-site"),
        ],
        &[
            ("Origin", "https://www.auth.test"),
            ("Sec-Fetch-Site", "same-site"),
        ],
    ] {
        let answer = login_of(&app, foreign).expect(403);
        assert_eq!(answer.header("set-cookie"), None, "{foreign:?}");
        assert!(!answer.get("error").is_empty());
    }
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 0);
    for own in [
        &[][..],
        &[("Origin", PUBLIC_URL)],
        &[("Origin", PUBLIC_URL), ("Sec-Fetch-Site", "same-origin")],
        &[("Origin", FRONT_END), ("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "none")],
    ] {
        assert!(
            login_of(&app, own).expect(200).cookie().is_some(),
            "{own:?}"
        );
    }
    // The same page under another name of this machine: it may log in, by the tokens.
    let alias = [
        ("Origin", "http://localhost:8000"),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    let answer = login_of(&app, &alias).expect(200);
    assert_eq!(answer.header("set-cookie"), None);
    app.status(&answer.get("access_token")).expect(200);
}

#[test]
fn no_foreign_page_is_believed_by_a_cookie_or_gets_one() {
    let app = App::new().with_user("ana");
    let kept = cookie(&app);
    let status = || Request::new("GET", "check-auth-status/");
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
    ] {
        let asked = status().header("Cookie", &kept).header(name, value);
        app.send(asked).expect(401);
        // A token is no cookie: no page has one that its owner did not give to it.
        let access = app.login("ana").get("access_token");
        app.send(status().bearer(&access).header(name, value))
            .expect(200);
        let logout = Request::new("POST", "logout/").bearer(&access);
        let answer = app.send(logout.header(name, value)).expect(200);
        assert_eq!(answer.header("set-cookie"), None);
    }
    for (name, value) in [("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Site", "none")] {
        let asked = status().header("Cookie", &kept).header(name, value);
        app.send(asked).expect(200);
    }
}

fn cors(app: &App, method: &str, origin: &str) -> Answer {
    let body = json!({"email": "ana", "password": PASSWORD});
    let request = Request::new(method, "login/").header("Origin", origin);
    app.send(match method {
        "OPTIONS" => request
            .header("Access-Control-Request-Method", "POST")
            .header(
                "Access-Control-Request-Headers",
                "authorization, content-type",
            ),
        _ => request.json(&body),
    })
}

#[test]
fn a_configured_origin_may_call_the_api() {
    let app = App::with(|setup| setup.deployment.cors_origins = vec![FRONT_END.to_owned()]);
    let app = app.with_user("ana");
    let preflight = cors(&app, "OPTIONS", FRONT_END).expect(200);
    let allowed = |name: &str| preflight.header(name).unwrap_or_default().to_lowercase();
    assert_eq!(allowed("access-control-allow-origin"), FRONT_END);
    assert_eq!(allowed("access-control-allow-credentials"), "true");
    let methods = allowed("access-control-allow-methods");
    let mut methods: Vec<&str> = methods.split(',').map(str::trim).collect();
    methods.sort_unstable();
    let mut known = document::methods();
    known.extend(["head", "options"].map(str::to_owned));
    assert_eq!(methods, known.into_iter().collect::<Vec<_>>());
    for name in ["authorization", "content-type"] {
        assert!(allowed("access-control-allow-headers").contains(name));
    }
    let simple = cors(&app, "POST", FRONT_END).expect(200);
    assert_eq!(
        simple.header("access-control-allow-origin"),
        Some(FRONT_END)
    );
    assert_eq!(
        simple.header("access-control-allow-credentials"),
        Some("true")
    );
    assert!(
        simple
            .header("vary")
            .is_some_and(|it| it.to_lowercase().contains("origin"))
    );
    let plain = Request::new("OPTIONS", "login/").header("Origin", FRONT_END);
    assert_eq!(app.send(plain).expect(200).json()["name"], "User Login");
}

#[test]
fn a_refusal_can_be_read_by_a_configured_origin_too() {
    let app = App::with(|setup| setup.deployment.cors_origins = vec![FRONT_END.to_owned()]);
    let refused = [
        Request::new("POST", "login/").json(&json!({})),
        Request::new("GET", "login/"),
        Request::new("GET", "check-auth-status/"),
        Request::new("POST", "refresh/").json(&json!({})),
        Request::new("POST", "token/").body("text/plain", "x"),
        Request::new("GET", "nothing/"),
    ];
    for request in refused {
        let answer = app.send(request.header("Origin", FRONT_END));
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(FRONT_END),
            "{}",
            answer.status
        );
    }
}

#[test]
fn no_other_origin_is_told_that_it_may() {
    for configured in [vec![], vec![FRONT_END.to_owned()]] {
        let app = App::with(|setup| setup.deployment.cors_origins = configured).with_user("ana");
        let evil = [
            "https://evil.example",
            "null",
            "https://minisass.example.evil.example",
            "http://minisass.example",
            "https://evilminisass.example",
            "https://minisass.example:444",
            "https://minisass.example/",
            "*",
            "",
            "https://MINISASS.example",
            "https://minisass.exampl",
        ];
        for origin in evil {
            for (method, status) in [("OPTIONS", 200), ("POST", 403)] {
                let answer = cors(&app, method, origin).expect(status);
                let told = answer
                    .headers
                    .iter()
                    .find(|(name, _)| name.starts_with("access-control-"));
                assert_eq!(told, None, "{origin}");
            }
        }
    }
}

#[test]
fn while_nobody_has_set_an_address_this_machine_has_several_names() {
    let login = |origin: &str| {
        let body = json!({"email": "ana@example.org", "password": PASSWORD});
        let request = Request::new("POST", "login/").json(&body);
        request.header("Origin", origin)
    };
    let app = App::with(|setup| {
        setup.deployment.public_url = web_url("http://127.0.0.1:8000");
        setup.deployment.is_made_up = true;
    });
    let app = app.with_user("ana");
    let own = [
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
    ];
    for origin in own {
        let answer = app.send(login(origin)).expect(200);
        let cookie = format!("minisass_session={}", answer.cookie().expect("a cookie"));
        app.send(logout(&cookie).header("Origin", origin))
            .expect(200);
    }
    for origin in [
        "http://localhost:8001",
        "http://localhost",
        "https://localhost:8000",
        "http://localhost.example.org:8000",
        "http://example.org:8000",
        "null",
    ] {
        app.send(login(origin)).expect(403);
    }
    // Whoever has set an address has said which name is right.
    let app = app.restart(|setup| setup.deployment.public_url = web_url("http://127.0.0.1:8000"));
    app.send(login("http://localhost:8000")).expect(403);
    app.send(login("http://127.0.0.1:8000")).expect(200);
}
