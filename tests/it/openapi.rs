//! The committed document is current, and says everything a client has to know.

use std::fs;

use serde_json::{Map, Value};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/minisass-auth.json");

const MEDIA_TYPES: [&str; 3] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
];

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    serde_json::from_str(&minisass_auth::http::spec()).expect("JSON")
}

/// Calls `check` with the name and the description of each operation.
fn each_operation(document: &Value, check: impl Fn(&str, &Map<String, Value>)) {
    let paths = document["paths"].as_object().expect("paths");
    for (path, item) in paths {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let operation = operation.as_object().expect("an operation");
                check(&format!("{method} {path}"), operation);
            }
        }
    }
}

#[test]
fn the_committed_document_is_current() {
    let current = minisass_auth::http::spec();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(PATH, &current).expect("the committed document");
    }
    let committed = fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        committed == current,
        "the API has changed: run `UPDATE_OPENAPI=1 cargo test openapi`, read the difference, commit it"
    );
}

#[test]
fn the_command_prints_the_committed_document() {
    let site = crate::server::Site::new();
    let printed = crate::server::run(site.bare().arg("openapi"), "").ok();
    assert!(printed == fs::read_to_string(PATH).expect("the committed document"));
    assert!(!site.path("minisass-data").exists(), "it needs no database");
}

#[test]
fn the_command_prints_the_place_that_the_server_would_name() {
    let site = crate::server::Site::new();
    for (url, place) in [
        ("https://x.example/auth", "/auth"),
        ("https://x.example/auth/", "/auth"),
        ("https://x.example", "/"),
    ] {
        for more in [&[][..], &["--bodies", "json"]] {
            let mut command = site.bare();
            command.arg("openapi").args(more);
            let printed = crate::server::run(command.env("MINISASS_AUTH_PUBLIC_URL", url), "");
            assert_eq!(printed.json()["servers"][0]["url"], place, "{url} {more:?}");
        }
    }
    let mut command = site.bare();
    command
        .arg("openapi")
        .env("MINISASS_AUTH_PUBLIC_URL", "x.example");
    let said = crate::server::run(&mut command, "").refusal();
    assert!(said.contains("public_url"), "{said}");
}

#[test]
fn generators_get_it_with_json_bodies_only_and_in_yaml() {
    let site = crate::server::Site::new();
    let server = site.start(&[]);
    let print = |more: &[&str]| crate::server::run(site.bare().arg("openapi").args(more), "").ok();
    let printed = print(&["--bodies", "json"]);
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    let served = server.get("/openapi.json?bodies=json", "").json();
    assert_eq!(printed["paths"], served["paths"]);
    each_operation(&printed, |name, operation| {
        if let Some(body) = operation.get("requestBody") {
            let types: Vec<_> = body["content"]
                .as_object()
                .expect("content")
                .keys()
                .collect();
            assert_eq!(types, ["application/json"], "{name}");
        }
    });
    let yaml = print(&["--format", "yaml"]);
    assert!(yaml.starts_with("openapi: 3.0.0\n"), "{yaml}");
    // What YAML 1.1 takes for a date or a number is quoted.
    let texts = yaml
        .lines()
        .filter_map(|it| it.split_once(": ").map(|it| it.1));
    let bare = |it: &&str| it.starts_with(|c: char| c.is_ascii_digit()) && it.contains(['-', ':']);
    assert_eq!(texts.clone().find(bare), None);
    assert!(
        texts
            .clone()
            .any(|it| it.starts_with("'20") && it.ends_with("Z'"))
    );
    assert!(!yaml.contains('\u{e000}'));
    let served = server.get("/openapi.yaml", "");
    assert_eq!(served.status, 200);
    let outcome = crate::server::run(site.bare().args(["user", "list", "--format", "yaml"]), "");
    assert_eq!(outcome.code, Some(2), "{}", outcome.err);
}

#[test]
fn errors_nulls_and_choices_have_types() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    for (schema, known) in [
        ("RegisterErrors", "organizationName"),
        ("PasswordErrors", "old_password"),
        ("NewPasswordErrors", "newPassword"),
    ] {
        let errors = schemas[schema]["properties"].as_object().expect("fields");
        for (name, schema) in errors {
            let is_sentence = name == "error" || name == "detail";
            let kind = if is_sentence { "string" } else { "array" };
            assert_eq!(schema["type"], kind, "{name}");
        }
        assert!(errors.contains_key(known), "{errors:?}");
    }
    let version = &schemas["Session"]["properties"]["accepted_privacy_policy_version"];
    assert_eq!(version["nullable"], true);
    let required = schemas["Session"]["required"].as_array().expect("names");
    assert!(
        required
            .iter()
            .any(|it| it == "accepted_privacy_policy_version")
    );
    let choices = &schemas["Account"]["properties"]["upload_preference"]["enum"];
    assert_eq!(*choices, serde_json::json!(["wifi", "mobile", "both"]));
    each_operation(&document, |name, operation| {
        assert!(operation.contains_key("security"), "{name}");
    });
    assert_eq!(document["tags"][0]["name"], "Sessions");
}

/// A name that is spelled in two ways is one name, twice, in a language that has its own way.
#[test]
fn no_schema_has_two_fields_that_differ_in_spelling_only() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object();
    for (name, schema) in schemas.expect("schemas") {
        let mut seen = std::collections::HashSet::new();
        for field in schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
        {
            let spelled = field.replace('_', "").to_lowercase();
            assert!(seen.insert(spelled), "{name}: {field}");
        }
    }
}

#[test]
fn every_field_is_described_in_the_document_and_by_options() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    each_operation(&document, |name, operation| {
        let Some(body) = operation.get("requestBody") else {
            return;
        };
        let schema = body["content"][MEDIA_TYPES[0]]["schema"]["$ref"].as_str();
        let schema = &schemas[schema.and_then(|it| it.rsplit('/').next()).expect("a name")];
        for (field, property) in schema["properties"].as_object().expect("fields") {
            let told = property["description"].as_str().unwrap_or_default();
            assert!(told.split(' ').count() >= 3, "{name}: {field}: {told}");
        }
    });
}

#[test]
fn the_server_serves_the_same_endpoints() {
    let site = crate::server::Site::new();
    let server = site.start(&[]);
    let served = server.get("/openapi.json", "").json();
    assert_eq!(served["paths"], document()["paths"]);
}

#[test]
fn every_operation_is_described() {
    each_operation(&document(), |name, operation| {
        for key in ["summary", "description", "operationId"] {
            let text = operation.get(key).and_then(Value::as_str);
            assert!(text.is_some_and(|it| !it.is_empty()), "{name} has no {key}");
        }
        let tags = operation.get("tags").and_then(Value::as_array);
        assert!(tags.is_some_and(|it| !it.is_empty()), "{name} has no tag");
    });
}

#[test]
fn no_two_operations_have_one_name() {
    let document = document();
    let names = std::cell::RefCell::new(std::collections::HashSet::new());
    each_operation(&document, |name, operation| {
        let id = operation["operationId"].to_string();
        assert!(names.borrow_mut().insert(id), "{name} repeats its id");
    });
}

#[test]
fn every_operation_tells_how_it_succeeds_and_how_it_is_refused() {
    each_operation(&document(), |name, operation| {
        let responses = operation["responses"].as_object().expect("responses");
        let any = |first: &[char]| responses.keys().any(|it| it.starts_with(first));
        assert!(any(&['2', '3']), "{name} never succeeds");
        assert!(any(&['4']), "{name} is never refused");
        for (status, response) in responses {
            let text = response["description"].as_str();
            assert!(text.is_some_and(|it| !it.is_empty()), "{name} {status}");
            assert_eq!(status.parse::<u16>().map(|it| it / 100 > 1), Ok(true));
        }
    });
}

#[test]
fn every_body_may_come_in_three_media_types() {
    each_operation(&document(), |name, operation| {
        let Some(body) = operation.get("requestBody") else {
            assert!(
                !name.starts_with("post")
                    || ["/logout/", "/activate/", "/confirm-address/"]
                        .iter()
                        .any(|it| name.contains(it)),
                "{name} has no body"
            );
            return;
        };
        let content = body["content"].as_object().expect("content");
        for media_type in MEDIA_TYPES {
            assert!(content.contains_key(media_type), "{name}: {media_type}");
        }
        let schema = |it: &str| &content[it]["schema"];
        assert!(
            MEDIA_TYPES
                .iter()
                .all(|it| schema(it) == schema(MEDIA_TYPES[0])),
            "{name}"
        );
    });
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().expect("a pointer");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
