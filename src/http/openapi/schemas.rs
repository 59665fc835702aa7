//! What the framework cannot say of schemas: where null may stand, which values there are, and what a
//! lenient endpoint needs all the same.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::domain::{SessionKind, UploadPreference};

/// Fields that have one of a few values, whatever schema they are in.
fn choices() -> [(&'static str, Value); 2] {
    let networks = UploadPreference::ALL.map(UploadPreference::as_str);
    let kinds = SessionKind::ALL.map(SessionKind::as_str);
    [
        ("upload_preference", json!(networks)),
        ("kind", json!(kinds)),
    ]
}

/// Fields without which nobody gets in, though their absence is no error of its own.
const NEEDED: [(&str, &[&str]); 1] = [("LoginRequest", &["password"])];

/// Completes all schemas of a document.
pub(super) fn complete(document: &mut Value) {
    let requests = requests(document);
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else {
        return;
    };
    for (name, schema) in schemas.iter_mut() {
        let is_request = requests.contains(name);
        if schema["properties"].is_null() && schema["type"] == "object" {
            schema["properties"] = json!({});
        }
        if let Some((_, needed)) = NEEDED.iter().find(|it| it.0 == name) {
            schema["required"] = json!(needed);
        }
        if let Some(Value::Object(example)) = schema.get_mut("example") {
            example.retain(|_, value| !value.is_null());
        }
        let Some(properties) = schema["properties"].as_object_mut() else {
            continue;
        };
        add_choices(properties);
        complete_nulls(schema, is_request);
    }
}

/// The names of the schemas of request bodies.
fn requests(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().into_iter();
    let operations = paths
        .flat_map(Map::values)
        .filter_map(Value::as_object)
        .flat_map(Map::values);
    let references = operations.filter_map(|operation| {
        let content = operation["requestBody"]["content"].as_object()?;
        content.values().next()?["schema"]["$ref"].as_str()
    });
    references
        .filter_map(|it| it.rsplit('/').next().map(str::to_owned))
        .collect()
}

fn add_choices(properties: &mut Map<String, Value>) {
    for (name, choices) in choices() {
        if let Some(property) = properties.get_mut(name) {
            property["enum"] = choices;
        }
    }
}

/// An optional field of a request may be null; one of an answer that may be null is always there.
fn complete_nulls(schema: &mut Value, is_request: bool) {
    let Some(Value::Object(properties)) = schema.get("properties").cloned() else {
        return;
    };
    let mut required: Vec<Value> = Vec::new();
    for (name, property) in &properties {
        let was_required = schema["required"]
            .as_array()
            .is_some_and(|it| it.iter().any(|it| it == name));
        let is_nullable = property["nullable"] == true;
        if was_required || is_nullable && !is_request {
            required.push(name.as_str().into());
        } else if is_request {
            schema["properties"][name]["nullable"] = true.into();
            if let Some(Value::Array(choices)) = schema["properties"][name].get_mut("enum") {
                choices.push(Value::Null);
            }
        }
    }
    if !required.is_empty() {
        schema["required"] = required.into();
    }
}
