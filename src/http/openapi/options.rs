//! What OPTIONS answers, read from the OpenAPI document.

use poem::http::HeaderValue;
use serde_json::{Map, Value, json};

use crate::http::wire::MEDIA_TYPES;

/// What the document says of a path.
pub(crate) struct Description {
    /// The `Allow` header.
    pub(crate) allow: HeaderValue,
    /// The media types of its answers.
    pub(crate) renders: Vec<String>,
    /// The OPTIONS answer.
    pub(crate) options: Value,
}

pub(crate) fn describe(document: &Value, path: &str, pages: bool) -> Description {
    let empty = Map::new();
    let operations = document["paths"][path].as_object().unwrap_or(&empty);
    let allow = HeaderValue::from_str(&allowed(operations).join(", "));
    let mut renders = renders(operations);
    if pages && !renders.iter().any(|it| it == "text/html") {
        renders.push("text/html".to_owned());
    }
    let main = operations.values().next().unwrap_or(&Value::Null);
    let actions: Map<String, Value> = operations
        .iter()
        .filter_map(|(method, operation)| {
            Some((method.to_uppercase(), fields(document, operation)?))
        })
        .collect();
    let options = json!({
        "name": main["summary"],
        "description": main["description"].as_str().unwrap_or_default(),
        "renders": renders,
        "parses": MEDIA_TYPES,
        "actions": actions,
    });
    Description {
        allow: allow.unwrap_or_else(|_| HeaderValue::from_static("OPTIONS")),
        renders,
        options,
    }
}

fn allowed(operations: &Map<String, Value>) -> Vec<String> {
    let mut methods = Vec::new();
    for method in operations.keys() {
        methods.push(method.to_uppercase());
        if method == "get" {
            methods.push("HEAD".to_owned());
        }
    }
    methods
}

fn renders(operations: &Map<String, Value>) -> Vec<String> {
    let mut types = Vec::new();
    let responses = operations
        .values()
        .filter_map(|operation| operation["responses"].as_object());
    for content in responses
        .flat_map(|it| it.values())
        .filter_map(|response| response["content"].as_object())
    {
        for media_type in content.keys() {
            if !types.contains(media_type) {
                types.push(media_type.clone());
            }
        }
    }
    // Clients take the first for the default.
    types.sort_by_key(|it| it != "application/json");
    types
}

/// The fields of a request body, as Django REST framework's metadata describes them.
fn fields(document: &Value, operation: &Value) -> Option<Value> {
    let reference =
        operation["requestBody"]["content"][MEDIA_TYPES[0]]["schema"]["$ref"].as_str()?;
    let schema = document.pointer(reference.strip_prefix('#')?)?;
    let is_required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|it| it.iter().any(|it| it == name))
    };
    let fields = schema["properties"]
        .as_object()?
        .iter()
        .map(|(name, field)| {
            let mut described = json!({
                "type": field_type(field),
                "required": is_required(name),
                "read_only": false,
                "label": label(name),
            });
            if let Some(help) = field.get("description") {
                described["help_text"] = help.clone();
            }
            if let Some(choices) = choices(field) {
                described["choices"] = choices;
            }
            if let Some(most) = field.get("maxLength") {
                described["max_length"] = most.clone();
            }
            (name.clone(), described)
        });
    Some(Value::Object(fields.collect()))
}

/// The values of a field that has only a few.
fn choices(field: &Value) -> Option<Value> {
    let values = field["enum"].as_array()?.iter().filter(|it| !it.is_null());
    let described = values.map(|it| json!({ "value": it, "display_name": it }));
    Some(Value::Array(described.collect()))
}

fn field_type(field: &Value) -> &str {
    if field.get("enum").is_some() {
        return "choice";
    }
    match (field["type"].as_str(), field["format"].as_str()) {
        (_, Some("email")) => "email",
        (Some(name @ ("string" | "boolean" | "integer")), _) => name,
        _ => "field",
    }
}

/// `organizationType` and `organization_type` read "Organization type".
fn label(name: &str) -> String {
    let mut label = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        match c {
            '_' => label.push(' '),
            c if label.is_empty() => label.extend(c.to_uppercase()),
            c if c.is_uppercase() => {
                label.push(' ');
                label.extend(c.to_lowercase());
            }
            c => label.push(c),
        }
    }
    label
}
