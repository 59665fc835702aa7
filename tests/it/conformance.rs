//! The recorded answers of the Django service, replayed (tests/conformance/, rules in its recording's README).

use std::collections::BTreeSet;
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minisass_auth::accounts::register::Registration;
use serde_json::Value;

use crate::app::App;
use crate::client::{Answer, Request};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance");

#[test]
fn every_recorded_request_is_answered_as_recorded() {
    let app = app_with_recorded_users();
    let lines = read("same.jsonl") + &read("differs.jsonl");
    let mut wrong = Vec::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let recorded: Value = serde_json::from_str(line).expect("a recorded line");
        let answer = app.send(request(&recorded["request"]));
        if let Err(why) = compare(&recorded["expect"], &answer) {
            wrong.push(format!("{}: {why}\n    {}", recorded["id"], answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn read(name: &str) -> String {
    fs::read_to_string(format!("{FOLDER}/{name}")).expect("a recording")
}

fn app_with_recorded_users() -> App {
    let app = App::new();
    let users: Value = serde_json::from_str(&read("users.json")).expect("recorded users");
    for user in users.as_array().expect("a list") {
        let text = |name: &str| user[name].as_str().expect("a text").to_owned();
        let account = Registration {
            username: text("username"),
            email: text("email"),
            password: Some(text("password")),
            first_name: text("first_name"),
            last_name: text("last_name"),
            ..Registration::default()
        };
        app.add(account, user["is_active"] == true, user["is_staff"] == true);
    }
    app
}

fn request(recorded: &Value) -> Request {
    let text = |name: &str| recorded[name].as_str().unwrap_or_default();
    let mut request = Request::new(text("method"), text("path"));
    for (name, value) in recorded["headers"].as_object().expect("headers") {
        // It only says that there is no Content-Type.
        if name != "X-No-CT" {
            request = request.header(name, value.as_str().expect("a header"));
        }
    }
    request.bytes(match recorded["body_b64"].as_str() {
        Some(encoded) => STANDARD.decode(encoded).expect("base64"),
        None => text("body").as_bytes().to_vec(),
    })
}

fn compare(expected: &Value, answer: &Answer) -> Result<(), String> {
    if expected["status"] != answer.status {
        return Err(format!("{} became {}", expected["status"], answer.status));
    }
    let empty = serde_json::Map::new();
    for (name, value) in expected["headers"].as_object().unwrap_or(&empty) {
        let ours = answer.header(name).unwrap_or_default();
        let value = value.as_str().unwrap_or_default();
        let same = match name.as_str() {
            "Allow" => set(value) == set(ours),
            "Content-Type" => essence(value) == essence(ours),
            _ => value == ours,
        };
        if !same {
            return Err(format!("{name}: {value:?} became {ours:?}"));
        }
    }
    match &expected["body"] {
        Value::Null => Ok(()),
        body => matches(body, &answer.json(), "body"),
    }
}

fn set(list: &str) -> BTreeSet<&str> {
    list.split(',').map(str::trim).collect()
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Ours may say more.
fn matches(expected: &Value, ours: &Value, at: &str) -> Result<(), String> {
    let fits = match (expected, ours) {
        (Value::Object(expected), Value::Object(ours)) => {
            return expected.iter().try_for_each(|(name, value)| {
                let found = ours.get(name).ok_or(format!("{at}.{name} is missing"))?;
                matches(value, found, &format!("{at}.{name}"))
            });
        }
        (Value::Array(expected), Value::Array(ours)) => {
            expected.len() <= ours.len()
                && expected
                    .iter()
                    .zip(ours)
                    .all(|(a, b)| matches(a, b, at).is_ok())
        }
        (Value::String(expected), _) if expected == "<int>" => ours.is_i64(),
        (Value::String(expected), Value::String(ours)) => match expected.strip_suffix('*') {
            Some(start) => ours.starts_with(start),
            None if expected == "<jwt>" => ours.split('.').count() == 3,
            None => expected == ours,
        },
        _ => expected == ours,
    };
    fits.then_some(())
        .ok_or_else(|| format!("{at}: {expected} became {ours}"))
}
