//! What a browser gets where a program gets JSON.

use serde_json::json;

use crate::app::{API, App, PASSWORD};
use crate::client::{self, Answer, Request};
use crate::document::paths;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const FORM: &str = "application/x-www-form-urlencoded";

/// Below the API, unless it starts with a slash. Pages are not in the document.
fn ask(app: &App, method: &str, target: &str) -> Request {
    let target = match target.strip_prefix('/') {
        Some(_) => target.to_owned(),
        None => format!("{API}{target}"),
    };
    let _ = app;
    Request::new(method, &target).header("Accept", BROWSER)
}

fn open(app: &App, target: &str) -> Answer {
    client::send(app.address, &ask(app, "GET", target))
}

/// Posts what the form of a page posts.
fn press(app: &App, target: &str, button: &str, typed: &[(&str, &str)]) -> Answer {
    let body = form(button, typed);
    let own = ask(app, "POST", target).header("Sec-Fetch-Site", "same-origin");
    client::send(app.address, &own.body(FORM, body))
}

fn form(button: &str, typed: &[(&str, &str)]) -> String {
    let encode = |(name, value): &(&str, &str)| {
        let value: String = value.bytes().map(|it| format!("%{it:02x}")).collect();
        format!("&{name}={value}")
    };
    let typed: String = typed.iter().map(encode).collect();
    format!("_send={}{typed}", button.replace(' ', "+"))
}

fn is_page(answer: &Answer) -> bool {
    answer.header("content-type") == Some("text/html; charset=utf-8")
}

/// What stands on a page, without its tags.
fn text(page: &Answer) -> String {
    let mut text = String::new();
    for piece in page.text().split('<') {
        text += piece.split_once('>').map_or(piece, |it| it.1);
    }
    let entities = [
        ("&quot;", "\""),
        ("&#x2f;", "/"),
        ("&#x27;", "'"),
        ("&lt;", "<"),
    ];
    let replace = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
    entities.iter().fold(text, replace).replace("&amp;", "&")
}

/// The value of the input of this name.
fn value(page: &Answer, name: &str) -> String {
    let html = page.text();
    let input = html.split(&format!("name=\"{name}\" value=\"")).nth(1);
    input
        .and_then(|it| it.split('"').next())
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn every_endpoint_has_a_page_with_the_status_of_its_json() {
    let app = App::new();
    for path in paths().keys() {
        let own = ["activate", "confirm-address", "verify-password-reset"];
        if own.iter().any(|it| path.contains(it)) {
            continue;
        }
        let target = path.replace('{', "%7B").replace('}', "%7D");
        let page = open(&app, &target);
        let json = client::send(app.address, &Request::new("GET", &target));
        assert!(is_page(&page), "{path}: {}", page.text());
        assert_eq!(page.status, json.status, "{path}");
        assert_eq!(page.header("allow"), json.header("allow"), "{path}");
        let said = json.json()["detail"].clone();
        assert!(said.is_null() || text(&page).contains(&said.to_string()));
        assert!(text(&page).contains(path.as_str()), "{path}");
    }
}

#[test]
fn a_page_has_a_field_for_each_of_the_documents_and_the_same_request_for_a_shell() {
    let app = App::new();
    let page = open(&app, "register/");
    for field in [
        "username",
        "email",
        "password",
        "organizationName",
        "country",
    ] {
        assert!(
            page.text().contains(&format!("name=\"POST.{field}\"")),
            "{field}"
        );
    }
    for media_type in ["json", "x-www-form-urlencoded", "form-data"] {
        assert!(text(&page).contains(media_type), "{media_type}");
    }
    let asked = press(
        &app,
        "request-reset/",
        "POST",
        &[("POST.email", "o'ada@example.org")],
    );
    let curl = r#"--data-raw '{"email":"o'\''ada@example.org"}'"#;
    assert!(text(&asked).contains(curl), "{}", text(&asked));
    assert_eq!(value(&asked, "POST.email"), "o&#x27;ada@example.org");
}

#[test]
fn one_logs_in_looks_and_logs_out_by_forms_alone() {
    let app = App::new().with_user("ada");
    let typed = [
        ("POST.email", "ada@example.org"),
        ("POST.password", PASSWORD),
    ];
    let page = press(&app, "login/", "POST", &typed);
    assert_eq!(page.status, 200);
    assert!(
        !page.text().contains(PASSWORD),
        "nobody reads it from the screen"
    );
    let token = value(&page, "_token");
    assert_eq!(token.split('.').count(), 3, "{token}");
    let cookie = page.header("set-cookie").expect("a cookie").to_owned();
    let secret = cookie.split(['=', ';']).nth(1).expect("a secret");
    assert!(
        !page.text().contains(secret),
        "scripts cannot read it either"
    );

    let status = press(&app, "check-auth-status/", "GET", &[("_token", &token)]);
    assert_eq!(status.status, 200);
    assert!(
        text(&status).contains("\"username\": \"ada\""),
        "{}",
        text(&status)
    );
    assert_eq!(
        press(&app, "logout/", "POST", &[("_token", &token)]).status,
        200
    );
    let after = press(&app, "check-auth-status/", "GET", &[("_token", &token)]);
    assert_eq!(after.status, 401);
    assert_eq!(value(&after, "_token"), token, "what was typed stays");
}

#[test]
fn a_body_by_hand_goes_out_in_each_media_type() {
    let app = App::new().with_user("ada");
    let bodies = [
        json!({"email": "ada@example.org", "password": PASSWORD}).to_string(),
        "email=ada%40example.org&password=Str0ng%40Pass1".to_owned(),
        ["email", "ada@example.org", "password", PASSWORD]
            .chunks(2)
            .map(|it| {
                format!(
                    "--minisass-auth\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n",
                    it[0], it[1]
                )
            })
            .collect::<String>()
            + "--minisass-auth--\r\n",
    ];
    for (number, body) in bodies.iter().enumerate() {
        let name = format!("POST.body.{number}");
        let page = press(&app, "login/", &format!("POST {number}"), &[(&name, body)]);
        assert_eq!(page.status, 200, "{}", text(&page));
    }
    for (number, body) in bodies.iter().enumerate() {
        let name = format!("POST.body.{number}");
        let body = body.replace("ada", "nobody");
        let page = press(&app, "login/", &format!("POST {number}"), &[(&name, &body)]);
        let secret = PASSWORD.split('@').next().expect("a part");
        assert!(!page.text().contains(secret), "{}", page.text());
    }
    let broken = press(&app, "login/", "POST 0", &[("POST.body.0", "{")]);
    assert!(
        text(&broken).contains("JSON parse error"),
        "{}",
        text(&broken)
    );
    assert_eq!(broken.status, 400);
}

#[test]
fn parameters_of_the_path_and_the_query_are_filled_in() {
    let app = App::new().with_user("ada");
    let token = app.login("ada@example.org").get("access_token");
    let typed = [
        ("_token", token.as_str()),
        ("path.email", "ada@example.org"),
    ];
    let page = press(
        &app,
        "check-registration-status/%7Bemail%7D/",
        "GET",
        &typed,
    );
    assert_eq!(page.status, 200, "{}", text(&page));
    assert_eq!(value(&page, "path.email"), "ada@example.org");
    let typed = [
        ("POST.app", "mobile"),
        ("POST.email", "a"),
        ("POST.password", "b"),
    ];
    let page = press(&app, "login/", "POST", &typed);
    assert!(text(&page).contains("POST /authentication/api/login/?app=mobile HTTP/1.1"));
    assert!(text(&press(&app, "login/", "OPTIONS", &[])).contains("User Login"));
}

#[test]
fn programs_get_json_and_the_query_decides_before_the_header() {
    let app = App::new();
    let asked = |accept: &str, query: &str| {
        let target = format!("{API}check-auth-status/{query}");
        client::send(
            app.address,
            &Request::new("GET", &target).header("Accept", accept),
        )
    };
    for (accept, query, wants_page) in [
        ("*/*", "", false),
        ("application/json", "", false),
        ("application/json, text/html", "", false),
        ("text/html, application/json", "", true),
        ("text/html;q=0.5, application/json", "", false),
        ("text/html;q=0, */*", "", false),
        ("text/html;q=0.1, */*", "", false),
        ("*/*, text/html", "", false),
        ("TEXT/HTML", "", true),
        ("text/*", "", true),
        ("*/*", "?format=html", true),
        ("application/xml", "?format=html", true),
        (BROWSER, "?format=json", false),
        ("application/xml", "?format=json", false),
        (BROWSER, "?a=b&format=json", false),
    ] {
        let answer = asked(accept, query);
        assert_eq!(answer.status, 401, "{accept} {query}: {}", answer.text());
        assert_eq!(is_page(&answer), wants_page, "{accept} {query}");
    }
    assert_eq!(asked("application/xml", "").status, 406);
    let renders = app.send(Request::new("OPTIONS", "login/")).json()["renders"].clone();
    assert_eq!(renders, json!(["application/json", "text/html"]));
}

#[test]
fn the_form_of_a_foreign_page_is_not_read_as_ours() {
    let app = App::new().with_user("ada");
    let token = app.login("ada@example.org").get("access_token");
    let typed = [("_token", token.as_str())];
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
    ] {
        let foreign = ask(&app, "POST", "check-auth-status/").header(name, value);
        let answer = client::send(app.address, &foreign.body(FORM, form("GET", &typed)));
        assert_eq!(answer.status, 405, "{name}: {}", text(&answer));
    }
}

#[test]
fn what_is_typed_is_shown_and_never_run() {
    let app = App::new();
    let evil = "\"><script>alert(1)</script>{{123457*3}}";
    let pages = [
        press(
            &app,
            "login/",
            "POST",
            &[("POST.email", evil), ("_token", evil)],
        ),
        press(&app, "login/", "POST 0", &[("POST.body.0", evil)]),
        press(
            &app,
            "check-registration-status/x/",
            "GET",
            &[("path.email", evil)],
        ),
        open(&app, "/%22%3E%3Cscript%3Ealert(1)%3C/script%3E"),
        open(
            &app,
            "check-registration-status/%22%3E%3Cscript%3Ealert(1)/",
        ),
    ];
    for page in pages {
        assert!(is_page(&page), "{}", page.text());
        assert!(!page.text().contains("<script>"), "{}", page.text());
        assert!(!page.text().contains("370371"), "{}", page.text());
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("script-src 'self'"), "{policy}");
    }
}

#[test]
fn a_form_that_is_too_large_or_no_form_of_ours_does_no_harm() {
    let app = App::new().with_user("ada");
    let large = "x".repeat(70_000);
    let page = press(&app, "login/", "POST", &[("POST.email", &large)]);
    assert_eq!(page.status, 413);
    assert!(page.header("x-request-id").is_some(), "{page:?}");
    // The form of somebody else's page with our names for the fields.
    let plain = "email=ada%40example.org&password=Str0ng%40Pass1";
    let request = ask(&app, "POST", "login/").body(FORM, plain);
    let answer = client::send(app.address, &request);
    assert_eq!(answer.status, 200, "{}", text(&answer));
    for button in ["GET POST", "POST 9", "POST -1", "", "DELETE", "G\u{e9}T"] {
        let page = press(&app, "login/", button, &[]);
        assert!(
            (400..500).contains(&page.status),
            "{button}: {}",
            page.status
        );
    }
}

#[test]
fn the_front_page_lists_every_endpoint_and_says_what_this_is_to_programs() {
    let app = App::new();
    let page = open(&app, "/");
    assert_eq!(page.status, 200);
    assert!(is_page(&page));
    for path in paths().keys() {
        assert!(text(&page).contains(path.as_str()), "{path}");
    }
    assert!(text(&page).contains("The service is well."));
    let json = client::send(app.address, &Request::new("GET", "/")).json();
    assert_eq!(json["name"], "minisass-auth");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["documentation"], "http://auth.test/docs/");
}

#[test]
fn an_unknown_path_is_a_page_too() {
    let app = App::new();
    for target in ["/nowhere", "nowhere/"] {
        let page = open(&app, target);
        assert_eq!(page.status, 404);
        assert!(
            is_page(&page) && text(&page).contains("front page"),
            "{}",
            page.text()
        );
    }
    let icon = client::send(app.address, &Request::new("GET", "/favicon.ico"));
    assert_eq!(icon.header("content-type"), Some("image/x-icon"));
}

#[test]
fn without_documentation_only_the_pages_of_mailed_links_are_left() {
    let app = App::with(|setup| setup.deployment.docs = false);
    for target in [
        "/",
        "/docs/",
        "/docs",
        "/openapi.json",
        "/docs/pages.css",
        "/favicon.ico",
    ] {
        assert_eq!(open(&app, target).status, 404, "{target}");
    }
    assert_eq!(open(&app, "check-auth-status/").status, 401);
    let only =
        Request::new("GET", &format!("{API}check-auth-status/")).header("Accept", "text/html");
    assert_eq!(client::send(app.address, &only).status, 406);
    assert!(is_page(&open(&app, "activate/MQ/no-such-token/")));
    let renders = app.send(Request::new("OPTIONS", "login/")).json()["renders"].clone();
    assert_eq!(renders, json!(["application/json"]));
}

#[test]
fn behind_a_proxy_that_cuts_off_a_path_pages_have_the_whole_one() {
    let app = App::with(|setup| {
        setup.deployment.public_url = crate::app::web_url("https://www.example.org/auth");
    });
    let page = open(&app, "login/").text().replace("&#x2f;", "/");
    assert!(page.contains("href=\"/auth/docs/pages.css\""), "{page}");
    assert!(
        page.contains("action=\"/auth/authentication/api/login/#answer\""),
        "{page}"
    );
    assert!(
        page.contains("https://www.example.org/auth/authentication/api/login/"),
        "{page}"
    );
}
