//! The OpenAPI document: current, and true of every answer that any test sees.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::app::{API, App};
use crate::client::{Answer, Request};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/minisass-auth.json");

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = std::fs::read_to_string(COMMITTED).expect("openapi/ is committed");
    serde_json::from_str(&text).expect("openapi/ is JSON")
});

/// The methods of every path that the document has.
pub fn paths() -> &'static serde_json::Map<String, Value> {
    DOCUMENT["paths"].as_object().expect("paths")
}

/// The methods that some path has, in lower case.
pub fn methods() -> BTreeSet<String> {
    let operations = paths().values().filter_map(Value::as_object);
    operations.flat_map(|it| it.keys().cloned()).collect()
}

fn allowed(path: &str) -> BTreeSet<String> {
    let methods = paths()[path].as_object().expect("operations").keys();
    let mut allowed: BTreeSet<_> = methods.map(|it| it.to_uppercase()).collect();
    if allowed.contains("GET") {
        allowed.insert("HEAD".to_owned());
    }
    allowed
}

/// The path of the document that a request is for.
fn path_of(target: &str) -> Option<&'static str> {
    let path = target.split('?').next()?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let fits = |documented: &&String| {
        let documented = documented.trim_end_matches('/').split('/');
        let (mut ours, mut same) = (path.split('/'), true);
        for part in documented {
            let given = ours.next();
            same &= given.is_some_and(|it| it == part || part.starts_with('{'));
        }
        same && ours.next().is_none()
    };
    paths().keys().find(fits).map(String::as_str)
}

/// Holds an answer against the document, and against what is promised of every answer.
#[track_caller]
pub fn check(request: &Request, answer: &Answer) {
    let Request { method, target, .. } = request;
    let (status, text) = (answer.status, answer.text());
    let shown = format!("{method} {target} answered {status}: {text}");
    let is_told_when = answer.header("retry-after").is_some();
    assert!(status < 500 || status == 503 && is_told_when, "{shown}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}: {shown}");
    }
    assert!(
        answer.header("content-security-policy").is_some(),
        "{shown}"
    );
    assert!(answer.header("x-request-id").is_some(), "{shown}");
    assert!(
        status < 400 || method == "HEAD" || !text.is_empty(),
        "{shown}"
    );
    // The framework's own words name types of ours.
    for words in [
        "failed to parse",
        "occurred while parsing",
        "Expected input type",
        "string_",
    ] {
        let is_json = answer.header("content-type") == Some("application/json");
        assert!(!(is_json && text.contains(words)), "{shown}");
    }
    if !target.starts_with(API) {
        return;
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{shown}");
    let Some(path) = path_of(target) else {
        assert_eq!(status, 404, "{shown}");
        return assert_eq!(answer.json(), json!({"detail": "Not found."}));
    };
    if answer.header("access-control-allow-methods").is_some() {
        return; // A preflight is answered as CORS.
    }
    let allow = answer.header("allow").unwrap_or_default().split(", ");
    assert_eq!(
        allow.map(str::to_owned).collect::<BTreeSet<_>>(),
        allowed(path),
        "{shown}"
    );
    check_declared(path, method, answer, &shown);
}

fn check_declared(path: &str, method: &str, answer: &Answer, shown: &str) {
    let operation = match method {
        "HEAD" => "get".to_owned(),
        // Methods are case-sensitive (RFC 9110, section 9.1).
        other if other.bytes().all(|b| b.is_ascii_uppercase()) => other.to_lowercase(),
        other => other.to_uppercase(),
    };
    let operation = &paths()[path][operation];
    if operation.is_null() {
        let is_refused = answer.status == 405 || answer.status == 406;
        return assert!(is_refused, "not declared and not refused: {shown}");
    }
    let declared = &operation["responses"][answer.status.to_string()];
    assert!(!declared.is_null(), "openapi/ does not declare it: {shown}");
    let content = declared["content"].as_object();
    let media_type = answer.header("content-type").unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default();
    if let Some(content) = content {
        // A browser gets the page of an answer in JSON.
        let is_page = essence == "text/html" && content.contains_key("application/json");
        assert!(
            is_page || content.contains_key(essence),
            "{essence} is not declared: {shown}"
        );
    }
    for (name, header) in declared["headers"].as_object().into_iter().flatten() {
        let is_there = answer.header(name).is_some() || header["required"] != true;
        assert!(is_there, "{name} is declared and missing: {shown}");
    }
    if method != "HEAD" && essence == "application/json" {
        check_schema(
            &content.expect("declared")[essence]["schema"],
            &answer.json(),
            shown,
        );
    }
}

/// Required and known fields, and their types: as deep as our schemas go.
fn check_schema(schema: &Value, value: &Value, shown: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = DOCUMENT.pointer(reference.trim_start_matches('#'));
        return check_schema(found.expect("a schema"), value, shown);
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string() || value.is_null(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    assert!(fits, "{value} is no {schema}: {shown}");
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().expect("a name");
        assert!(value.get(name).is_some(), "{name} is missing: {shown}");
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let declared = match &schema["properties"][name] {
            Value::Null => &schema["additionalProperties"],
            declared => declared,
        };
        assert!(!declared.is_null(), "{name} is not declared: {shown}");
        check_schema(declared, inner, shown);
    }
    for inner in value.as_array().into_iter().flatten() {
        check_schema(&schema["items"], inner, shown);
    }
}

/// A path that names something, for one of the document's.
fn example(path: &str) -> String {
    path.replace("{uid}", "MQ")
        .replace("{token}", "no-such-token")
}

#[test]
fn the_served_document_is_the_committed_one() {
    let app = App::new();
    assert_eq!(app.get("/openapi.json").expect(200).json(), *DOCUMENT);
    assert!(app.get("/docs/").expect(200).text().contains("swagger"));
    app.get("/docs").expect(200);
}

#[test]
fn every_endpoint_refuses_every_other_method_at_both_spellings() {
    let app = App::new();
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "FOO", "post",
    ];
    for path in paths().keys() {
        let allowed = allowed(path);
        for method in methods.into_iter().filter(|it| !allowed.contains(*it)) {
            for spelling in [example(path), example(path.trim_end_matches('/'))] {
                let answer = app.send(Request::new(method, &spelling)).expect(405);
                if method != "HEAD" {
                    let sentence = format!("Method \"{method}\" not allowed.");
                    assert_eq!(answer.json(), json!({ "detail": sentence }));
                }
            }
        }
    }
}

/// What clients may read in OPTIONS, as the Django service has it.
const NAMES: [(&str, &str); 8] = [
    ("login/", "User Login"),
    ("token/", "Token Obtain Pair"),
    ("token/refresh/", "Token Refresh"),
    ("refresh/", "Token Refresh"),
    ("check-auth-status/", "Check Authentication Status"),
    ("logout/", "User Logout"),
    ("register/", "Register"),
    ("request-reset/", "Request Password Reset"),
];

#[test]
fn every_endpoint_describes_itself_to_everybody() {
    let app = App::new();
    for path in paths().keys() {
        let described = app
            .send(Request::new("OPTIONS", &example(path)))
            .expect(200)
            .json();
        let bare = example(path.trim_end_matches('/'));
        assert_eq!(app.send(Request::new("OPTIONS", &bare)).json(), described);
        if let Some((_, name)) = NAMES.iter().find(|(it, _)| format!("{API}{it}") == *path) {
            assert_eq!(described["name"], *name);
            assert_eq!(
                described["renders"],
                json!(["application/json", "text/html"])
            );
        }
        assert!(
            described["description"]
                .as_str()
                .is_some_and(|it| !it.is_empty())
        );
        let parses = [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ];
        assert_eq!(described["parses"], json!(parses));
        let request_body = &paths()[path]["post"]["requestBody"];
        assert_eq!(
            described["actions"]["POST"].is_object(),
            request_body.is_object(),
            "{path}"
        );
    }
}

#[test]
fn options_tell_what_an_endpoint_needs_and_what_a_field_means() {
    let app = App::new();
    let described = |path: &str| app.send(Request::new("OPTIONS", path)).expect(200).json();
    for path in paths().keys() {
        let actions = &described(&example(path))["actions"];
        assert!(actions.is_object(), "{path}");
        for fields in actions.as_object().into_iter().flat_map(|it| it.values()) {
            for (name, field) in fields.as_object().expect("fields") {
                let help = field["help_text"].as_str().unwrap_or_default();
                assert!(help.split(' ').count() >= 3, "{path}: {name}: {help}");
                assert_eq!(field["type"] == "choice", field["choices"].is_array());
            }
        }
    }
    let login = described("login/");
    let fields = &login["actions"]["POST"];
    let needed = ["email", "password", "usernameForEmailRetrieval"];
    let needed = needed.map(|it| fields[it]["required"] == true);
    assert_eq!(
        needed,
        [false, true, false],
        "one of two names stands in for the other"
    );
    let told = login["description"].as_str().expect("a text");
    assert!(
        told.contains("?app=mobile") && told.contains("lasts longer"),
        "{told}"
    );
    let choices = &described("user/update/")["actions"]["POST"]["upload_preference"]["choices"];
    let values: Vec<_> = choices
        .as_array()
        .expect("choices")
        .iter()
        .map(|it| &it["value"])
        .collect();
    assert_eq!(values, ["wifi", "mobile", "both"]);
}

/// Holds an answer against the example of its status, which there has to be.
#[track_caller]
fn assert_example(path: &str, method: &str, answer: &Answer) {
    let declared = &paths()[path][method]["responses"][answer.status.to_string()]["content"];
    let example = &declared["application/json"]["example"];
    assert_eq!(answer.json(), *example, "{method} {path} {}", answer.status);
}

/// The operations of the document: path, method, description.
fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    paths().iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().expect("operations").iter();
        operations.map(move |(method, it)| (path.as_str(), method.as_str(), it))
    })
}

#[test]
fn every_body_and_every_answer_of_the_document_has_an_example() {
    for (path, method, operation) in operations() {
        let responses = operation["responses"].as_object().expect("answers");
        let bodies = [&operation["requestBody"]]
            .into_iter()
            .chain(responses.values());
        for content in bodies.filter_map(|it| it["content"].as_object()) {
            // What a person gets is no JSON.
            for (media_type, content) in content.iter().filter(|it| it.0 != "text/html") {
                let example = content["example"].to_string();
                let is_one = example.len() > 2 || content["schema"]["$ref"] == EMPTY;
                assert!(is_one, "{method} {path}: {media_type}: {content}");
                assert!(!example.contains("\"text\""), "{method} {path}: {example}");
            }
        }
    }
}

#[test]
fn every_part_of_a_path_has_an_example_and_options_answers_as_its_own_says() {
    let app = App::new();
    for (path, method, operation) in operations() {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|it| it["in"] == "path") {
            assert!(
                parameter["example"].is_string(),
                "{method} {path}: {parameter}"
            );
        }
        if method == "options" {
            let mut answer = app.send(Request::new("OPTIONS", &example(path))).json();
            // The document has the fields already.
            answer["actions"] = json!({});
            let content = &operation["responses"]["200"]["content"]["application/json"];
            assert_eq!(answer, content["example"], "{path}");
        }
    }
}

const EMPTY: &str = "#/components/schemas/EmptyAnswer";

#[test]
fn answers_are_as_their_examples_say() {
    let app = App::new();
    let nobody = json!({"email": "nobody@example.org", "username": "nobody", "password": "x"});
    let good_for_nothing = json!({"refresh": "x", "token": "x"});
    let check = |endpoint: &str, method: &str, answer: Answer| {
        assert_example(&format!("{API}{endpoint}"), method, &answer);
    };
    for endpoint in ["login/", "token/", "request-reset/", "resend-activation/"] {
        check(endpoint, "post", app.post(endpoint, &nobody));
    }
    for endpoint in [
        "refresh/",
        "token/refresh/",
        "token/verify/",
        "token/blacklist/",
    ] {
        check(endpoint, "post", app.post(endpoint, &good_for_nothing));
    }
    let endpoint = "check-auth-status/";
    check(endpoint, "get", app.get(endpoint));
    check("logout/", "post", app.post("logout/", &json!({})));
    let login = Request::new("POST", "login/").body("application/json", "x");
    check("login/", "post", app.send(login.clone()).expect(400));
    let foreign = login.header("Sec-Fetch-Site", "cross-site");
    check("login/", "post", app.send(foreign).expect(403));
    let message = json!({"name": "A", "email": "a@example.org", "message": "x"});
    check(
        "contact-us/",
        "post",
        app.post("contact-us/", &message).expect(404),
    );
}

#[test]
fn refusals_that_many_endpoints_have_are_as_their_examples_say() {
    let app = App::new().with_user("ada");
    let token = app.login("ada@example.org").get("access_token");
    let known = format!("Bearer {token}");
    for (path, method, operation) in operations().filter(|it| it.1 != "options") {
        let ask = || Request::new(&method.to_uppercase(), &example(path));
        let send = |request: Request| assert_example(path, method, &app.send(request));
        send(ask().header("Accept", "application/xml"));
        let wants_bearer = operation["security"].to_string().contains("bearer");
        if wants_bearer
            && !["logout/", "check-auth-status/"]
                .iter()
                .any(|it| path.ends_with(it))
        {
            send(ask().header("Authorization", "Bearer x"));
        }
        if operation["requestBody"].is_null() || path.ends_with("login/") {
            continue;
        }
        let ask = || ask().header("Authorization", &known);
        send(ask().body("text/plain", "x"));
        send(ask().body("application/json", "x".repeat(70_000)));
        // There is nothing to agree to here, and the example of a registration is another refusal.
        if !path.contains("consent") && !path.ends_with("register/") {
            send(ask().body("application/json", "{}"));
        }
    }
}

#[test]
fn a_login_is_answered_as_its_example_says() {
    let app = App::new();
    let fields = |value: &Value| {
        let fields = value.as_object().expect("an object").iter();
        let kind = |value: &Value| std::mem::discriminant(value);
        fields
            .map(|(name, it)| (name.clone(), kind(it)))
            .collect::<Vec<_>>()
    };
    let declared = |path: &str, status: &str| {
        let content = &paths()[&format!("{API}{path}")]["post"]["responses"][status]["content"];
        content["application/json"]["example"].clone()
    };
    let body = |path: &str| {
        let body = &paths()[&format!("{API}{path}")]["post"]["requestBody"];
        body["content"]["application/json"]["example"].clone()
    };
    for (path, status) in [("register/", 201), ("login/", 200), ("token/", 200)] {
        let answer = app.post(path, &body(path)).expect(status);
        if status == 201 {
            let mut again = body(path);
            again["username"] = json!("another");
            let again = app.post(path, &again).expect(400);
            assert_example(&format!("{API}{path}"), "post", &again);
        }
        let declared = declared(path, &status.to_string());
        let sorted = |mut fields: Vec<_>| {
            fields.sort_by(|a: &(String, _), b| a.0.cmp(&b.0));
            fields
        };
        assert_eq!(
            sorted(fields(&answer.json())),
            sorted(fields(&declared)),
            "{path}"
        );
    }
}

#[test]
fn a_bad_token_does_not_keep_anybody_from_the_description() {
    let app = App::new();
    for path in paths().keys() {
        app.send(Request::new("OPTIONS", &example(path)).bearer("nonsense"))
            .expect(200);
    }
}

#[test]
fn an_unknown_path_is_not_found_in_json() {
    let app = App::new();
    for path in [
        "nothing/",
        "",
        "login/login/",
        "token/refresh/x",
        "LOGIN/",
        "login//",
    ] {
        app.get(path).expect(404);
        app.post(path, &json!({})).expect(404);
    }
    app.get("/authentication").expect(404);
}
