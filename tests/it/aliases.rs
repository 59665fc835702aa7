//! Other names that clients use for a field of `register/`: what stands under them is judged and
//! reported as if it stood under the field's own name.

use serde_json::{Map, Value, json};

use crate::app::{App, PASSWORD};
use crate::client::{Answer, Request};

/// (theirs, ours)
const ALIASES: [(&str, &str); 4] = [
    ("name", "first_name"),
    ("surname", "last_name"),
    ("organisation_type", "organizationType"),
    ("organisation_name", "organizationName"),
];

/// What a form can say, and what only JSON can.
fn texts() -> Vec<String> {
    vec![
        String::new(),
        "  ".to_owned(),
        "x".repeat(1000),
        "a\0b".to_owned(),
    ]
}

fn newcomer(ours: &str) -> Map<String, Value> {
    let all = json!({
        "username": "ada", "email": "ada@example.org", "password": PASSWORD, "first_name": "A",
        "last_name": "B", "organizationType": "NGO", "organizationName": "Rivers", "country": "ZA",
    });
    let mut fields = all.as_object().expect("an object").clone();
    fields.shift_remove(ours);
    fields
}

/// Registers with `value` under `name`. A new account makes room for the next.
fn register(app: &App, ours: &str, name: &str, value: Value, media_type: &str) -> (u16, Value) {
    let mut fields = newcomer(ours);
    fields.insert(name.to_owned(), value);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let body = match media_type {
        "application/json" => Value::Object(fields).to_string(),
        "application/x-www-form-urlencoded" => {
            let encode = |text: &str| {
                text.bytes()
                    .map(|it| format!("%{it:02X}"))
                    .collect::<String>()
            };
            let pairs = fields
                .iter()
                .map(|(name, value)| format!("{name}={}", encode(&text(value))));
            pairs.collect::<Vec<_>>().join("&")
        }
        _ => {
            let part = |name: &str, value: &str| {
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            };
            let parts = fields.iter().map(|(name, value)| part(name, &text(value)));
            format!("{}--b--\r\n", parts.collect::<String>())
        }
    };
    let answer: Answer = app.send(Request::new("POST", "register/").body(media_type, body));
    let mut said = answer.json();
    if answer.status == 201 {
        let id = minisass_auth::domain::UserId(said["id"].as_i64().expect("a number"));
        app.wait(app.operator.delete_user(id, &crate::app::operator()))
            .expect("an end");
        said["id"] = Value::Null;
    }
    (answer.status, said)
}

#[test]
fn json_is_judged_alike_under_both_names() {
    let app = App::new();
    let only_json = [json!(null), json!(7), json!(true), json!({}), json!(["a"])];
    let wrong: Vec<Value> = texts()
        .into_iter()
        .map(Value::from)
        .chain(only_json)
        .collect();
    for (theirs, ours) in ALIASES {
        for value in &wrong {
            let judge = |name| register(&app, ours, name, value.clone(), "application/json");
            let (status, said) = judge(ours);
            assert_eq!(judge(theirs), (status, said.clone()), "{theirs}: {value}");
            let is_blank = value.as_str().is_some_and(|it| it.trim().is_empty());
            let may_be_blank = ours.ends_with("_name") && !ours.starts_with("org");
            assert_eq!(status == 201, is_blank && may_be_blank, "{ours}: {value}");
            assert_eq!(
                said.get(ours).is_some_and(Value::is_array),
                status == 400,
                "{said}"
            );
            assert!(said.get(theirs).is_none(), "{said}");
        }
        let null = register(&app, ours, theirs, json!(null), "application/json").1;
        assert_eq!(null[ours], json!(["This field may not be null."]));
    }
}

#[test]
fn forms_and_multipart_bodies_are_judged_alike_under_both_names() {
    let app = App::new();
    for media_type in [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
    ] {
        for (theirs, ours) in ALIASES {
            for value in texts() {
                let judge = |name| register(&app, ours, name, json!(value), media_type);
                let (status, said) = judge(ours);
                assert_eq!(
                    judge(theirs),
                    (status, said),
                    "{media_type} {theirs}: {value}"
                );
            }
        }
    }
}

#[test]
fn the_own_name_wins_unless_it_says_nothing() {
    let app = App::new();
    let both = |ours: Value, theirs: Value| {
        let mut fields = newcomer("first_name");
        fields.insert("first_name".to_owned(), ours);
        fields.insert("name".to_owned(), theirs);
        let answer = app.post("register/", &Value::Object(fields));
        if answer.status == 201 {
            let first = answer.get("first_name");
            let id = answer.json()["id"].as_i64().expect("a number");
            let kept = "SELECT count(*) FROM profiles WHERE additional_fields <> '{}'";
            assert_eq!(app.count(kept), 0, "an alias is no additional field");
            let id = minisass_auth::domain::UserId(id);
            app.wait(app.operator.delete_user(id, &crate::app::operator()))
                .expect("an end");
            return Ok(first);
        }
        Err(answer.json()["first_name"].clone())
    };
    assert_eq!(both(json!("Ada"), json!("Eve")), Ok("Ada".to_owned()));
    assert_eq!(both(json!("Ada"), json!(null)), Ok("Ada".to_owned()));
    for nothing in [json!(""), json!(" "), json!(null)] {
        assert_eq!(both(nothing, json!("Eve")), Ok("Eve".to_owned()));
    }
    assert_eq!(both(json!(""), json!(null)), Ok(String::new()));
    assert_eq!(
        both(json!(null), json!("")),
        Err(json!(["This field may not be null."]))
    );
    assert_eq!(
        both(json!(7), json!("Eve")),
        Err(json!(["Not a valid string."]))
    );
}
