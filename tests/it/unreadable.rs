//! Addresses that cannot be read: a parameter in the path that is no text, a query that is none.

use serde_json::Value;

use crate::app::{API, App};
use crate::client::{self, Answer, Request};

/// Not UTF-8, cut off, overlong, half of a pair, a NUL, and what is no escape.
const BAD: [&str; 9] = [
    "%FF",
    "a%FFb",
    "%E2%82",
    "%C0%AF",
    "%ED%A0%80",
    "%F8%88%80%80%80",
    "%00",
    "%",
    "%zz",
];

/// What the framework and its libraries say.
const FOREIGN: [&str; 7] = [
    "Bad Request",
    "URI Too Long",
    "Not Found",
    "parse",
    "invalid",
    "param",
    "utf",
];

/// Paths with parameters, and their methods.
fn paths(app: &App) -> Vec<(String, String)> {
    let document: Value = app.get("/openapi.json").expect(200).json();
    let paths = document["paths"].as_object().expect("paths");
    let with = paths.iter().filter(|(path, _)| path.contains('{'));
    let each = with.flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").keys();
        methods.map(|it| (it.to_uppercase(), path.clone()))
    });
    each.collect()
}

/// The path with `part` for its last parameter, or for all of them.
fn filled(path: &str, part: &str, which: usize) -> String {
    let mut number = 0;
    let parts = path.split('/').map(|it| {
        let is_parameter = it.starts_with('{');
        number += usize::from(is_parameter);
        match is_parameter {
            true if which == 0 || number == which => part,
            true => "eA",
            false => it,
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

fn says_nothing_foreign(answer: &Answer, asked: &str) {
    let detail = answer.text().replace("\"invalid\"", "");
    for words in FOREIGN {
        let is_said =
            answer.header("content-type") == Some("application/json") && detail.contains(words);
        assert!(!is_said, "{asked}: {words}: {}", answer.text());
    }
}

#[test]
fn a_part_of_a_path_that_cannot_be_read_is_a_link_or_a_name_that_nobody_has() {
    let app = App::new().with_user("ada");
    let operator = app.add_user("olga");
    let token = app.login("ada").get("access_token");
    let _ = operator;
    let paths = paths(&app);
    assert!(paths.len() > 6, "{paths:?}");
    for (method, path) in &paths {
        for accept in ["application/json", "text/html"] {
            let ask = |target: &str| {
                let request = Request::new(method, target).header("Accept", accept);
                app.send(request.bearer(&token))
            };
            for which in 0..=2 {
                let right = ask(&filled(path, "nobody", which));
                for bad in BAD {
                    let target = filled(path, bad, which);
                    let answer = ask(&target);
                    assert_eq!(
                        answer.status,
                        right.status,
                        "{method} {target}: {}",
                        answer.text()
                    );
                    says_nothing_foreign(&answer, &target);
                    // A page of the documentation shows the path itself.
                    if accept == "application/json" {
                        assert_eq!(answer.text(), right.text(), "{method} {target}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_query_that_cannot_be_read_changes_nothing() {
    let app = App::new().with_user("ada");
    let login = r#"{"email": "ada@example.org", "password": "wrong"}"#;
    for query in [
        "app=%FF",
        "%FF=%00",
        "app=%C0%AF",
        "&&&==",
        "app",
        "format=%FF",
        "a=%",
        "app=web&app=%FF",
        "app[]=x",
        "%",
    ] {
        let target = format!("{API}login/?{query}");
        let answer = app
            .send(Request::new("POST", &target).json(&serde_json::from_str(login).expect("JSON")));
        assert_eq!(answer.status, 401, "{target}: {}", answer.text());
        assert_eq!(answer.get("error"), "Invalid credentials");
        let answer = app.send(Request::new(
            "GET",
            &format!("{API}check-auth-status/?{query}"),
        ));
        assert_eq!(answer.status, 401, "{query}: {}", answer.text());
        for path in ["/openapi.json", "/docs/", "/", "/nowhere"] {
            let answer = app.send(Request::new("GET", &format!("{path}?{query}")));
            let right = if path == "/nowhere" { 404 } else { 200 };
            assert_eq!(answer.status, right, "{path}?{query}: {}", answer.text());
        }
    }
}

#[test]
fn an_address_that_is_too_long_is_refused_in_our_words() {
    let app = App::new();
    let long = "x".repeat(70_000);
    for target in [
        format!("{API}verify-password-reset/eA/{long}/"),
        format!("{API}check-auth-status/?{long}"),
        format!("/{long}"),
    ] {
        let answer = client::send(app.address, &Request::new("GET", &target));
        assert_eq!(
            (answer.status, &*answer.get("detail")),
            (414, "The address is too long.")
        );
    }
}
