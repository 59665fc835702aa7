//! The errors of each request body. They have a schema each, with the fields of that body: a map of
//! lists that has sentences in it too has no type in most languages, and one schema for all bodies has
//! both `confirmPassword` and `confirm_password`, which are one name in Kotlin.

use poem_openapi::types::Type;
use serde_json::{Map, Value, json};

use crate::http::wire::BadRequest;

/// Gives each operation that reads a body the schema of its own errors.
pub(super) fn complete(document: &mut Value) {
    let mut schemas = document["components"]["schemas"].take();
    let general = schemas
        .as_object_mut()
        .and_then(|it| it.remove(&*BadRequest::name()));
    let general = general.unwrap_or_default();
    let paths = document["paths"].as_object_mut().into_iter();
    let operations = paths
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut);
    for operation in operations {
        let Some(request) = request(operation) else {
            continue;
        };
        let errors = format!("{}Errors", request.trim_end_matches("Request"));
        refer(operation, &errors);
        schemas[&errors] = with_fields(&general, &schemas[&request]);
    }
    document["components"]["schemas"] = schemas;
}

/// The name of the schema of its body.
fn request(operation: &Value) -> Option<String> {
    let content = operation["requestBody"]["content"].as_object()?;
    let reference = content.values().next()?["schema"]["$ref"].as_str()?;
    Some(reference.rsplit('/').next()?.to_owned())
}

/// Replaces the general schema of errors.
fn refer(operation: &mut Value, errors: &str) {
    let general = format!("#/components/schemas/{}", BadRequest::name());
    let responses = operation["responses"].as_object_mut().into_iter();
    let contents = responses
        .flat_map(Map::values_mut)
        .filter_map(|it| it.get_mut("content")?.as_object_mut())
        .flat_map(Map::values_mut);
    for content in contents.filter(|it| it["schema"]["$ref"] == general) {
        content["schema"]["$ref"] = format!("#/components/schemas/{errors}").into();
    }
}

/// A list of sentences for each field, and for what is wrong with all of them together.
fn with_fields(general: &Value, request: &Value) -> Value {
    let mut errors = general.clone();
    let fields = request["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys);
    if let Some(properties) = errors["properties"].as_object_mut() {
        let of_all = ["non_field_errors", "additional_fields"];
        for field in fields.map(String::as_str).chain(of_all) {
            properties.insert(
                field.to_owned(),
                json!({ "type": "array", "items": { "type": "string" } }),
            );
        }
    }
    if let Some(schema) = errors.as_object_mut() {
        schema.remove("additionalProperties");
    }
    errors
}
