//! What the framework cannot say of schemas: where null may stand, which values there are, and how
//! errors of fields look.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::http::wire::BadRequest;
use poem_openapi::types::Type;

/// Fields that have one of a few values, whatever schema they are in.
const CHOICES: [(&str, &[&str]); 2] = [
    ("upload_preference", &["wifi", "mobile", "both"]),
    (
        "kind",
        &["web", "mobile", "token", "command-line", "imported"],
    ),
];

/// Completes all schemas of a document.
pub(super) fn complete(document: &mut Value) {
    let requests = requests(document);
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else {
        return;
    };
    let mut fields = BTreeSet::new();
    for (name, schema) in schemas.iter_mut() {
        let is_request = requests.contains(name);
        let Some(properties) = schema["properties"].as_object_mut() else {
            continue;
        };
        add_choices(properties);
        if is_request {
            fields.extend(properties.keys().cloned());
        }
        complete_nulls(schema, is_request);
    }
    if let Some(errors) = schemas.get_mut(&*BadRequest::name()) {
        list_fields(errors, &fields);
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
    for (name, choices) in CHOICES {
        if let Some(property) = properties.get_mut(name) {
            property["enum"] = json!(choices);
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

/// Every field of every request by its name, because no generator can type a map of lists that has two
/// sentences in it.
fn list_fields(errors: &mut Value, fields: &BTreeSet<String>) {
    let sentences = json!({ "type": "array", "items": { "type": "string" } });
    if let Some(properties) = errors["properties"].as_object_mut() {
        for field in fields
            .iter()
            .map(String::as_str)
            .chain(["non_field_errors", "additional_fields"])
        {
            properties.entry(field).or_insert_with(|| sentences.clone());
        }
    }
    if let Some(schema) = errors.as_object_mut() {
        schema.remove("additionalProperties");
    }
}
