//! The OpenAPI document: made from the code, completed with what the layers around the code answer,
//! and the source of every OPTIONS answer.

use poem_openapi::types::Type;
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};
use serde_json::{Map, Value, json};

use super::{errors, examples, schemas};
use crate::domain::API_BASE;
use crate::http::api::endpoints;
use crate::http::wire::{BadRequest, MEDIA_TYPES};

/// What is not below it: the web client asks for these at the root.
const AT_ROOT: &str = "/privacy-policy/";
/// Files, whose places others know (RFC 8615).
const WELL_KNOWN: &str = "/.well-known/";

/// The path of an endpoint, as clients call it.
fn public_path(path: &str) -> String {
    if path.starts_with(AT_ROOT) {
        format!("{path}/")
    } else if path.starts_with(WELL_KNOWN) {
        path.to_owned()
    } else {
        format!("{API_BASE}{path}/")
    }
}

/// The endpoint behind a path that clients call, as the code names it.
pub(crate) fn own_path(path: &str) -> &str {
    path.strip_prefix(API_BASE).unwrap_or(path)
}

/// The framework's part of the document, as its own text: Swagger UI's page has it inside.
pub(crate) fn service() -> OpenApiService<impl OpenApi, ()> {
    OpenApiService::new(
        endpoints(),
        "miniSASS authentication",
        env!("CARGO_PKG_VERSION"),
    )
    .description(include_str!("introduction.md"))
    .license(LicenseObject::new("MIT").url("https://opensource.org/license/mit"))
}

/// A document as it is printed and committed.
pub(crate) fn text(document: &Value) -> String {
    format!("{document:#}\n")
}

/// The document of a deployment whose paths lie below `server`.
pub(crate) fn below(server: &str) -> Value {
    let mut document = document();
    document["servers"] = json!([{ "url": server }]);
    document
}

/// The whole document.
pub(crate) fn document() -> Value {
    let text = service().spec().replace("; charset=utf-8", "");
    let mut document: Value = serde_json::from_str(&text).unwrap_or_default();
    document["servers"] = json!([{ "url": "/" }]);
    let mut paths = Map::new();
    if let Some(Value::Object(described)) = document.get_mut("paths").map(Value::take) {
        for (path, mut operations) in described {
            if let Value::Object(operations) = &mut operations {
                operations.values_mut().for_each(complete);
                let options = options_operation(operations);
                operations.insert("options".to_owned(), options);
            }
            paths.insert(public_path(&path), operations);
        }
    }
    document["paths"] = Value::Object(paths);
    for (name, schema) in description_schemas() {
        document["components"]["schemas"][name] = schema;
    }
    document["info"]["contact"] = json!({ "name": "miniSASS", "url": "https://minisass.org" });
    order_tags(&mut document);
    schemas::complete(&mut document);
    errors::complete(&mut document);
    examples::complete(&mut document);
    document
}

/// The framework sorts them by name; people log in first.
fn order_tags(document: &mut Value) {
    let paths = document["paths"]
        .as_object()
        .into_iter()
        .flat_map(Map::values);
    let used: Vec<Value> = paths
        .filter_map(|it| Some(it.as_object()?.values().next()?["tags"][0].clone()))
        .collect();
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.sort_by_key(|tag| used.iter().position(|it| *it == tag["name"]));
    }
}

/// What the framework leaves out of an operation.
fn complete(operation: &mut Value) {
    add_responses_of_layers(operation);
    if let Some(operation) = operation.as_object_mut() {
        // Said, so that nobody takes it for forgotten.
        operation.entry("security").or_insert_with(|| json!([]));
    }
}

/// What the layers around an endpoint answer.
fn add_responses_of_layers(operation: &mut Value) {
    let reads_body = operation.get("requestBody").is_some();
    let Some(Value::Object(responses)) = operation.get_mut("responses") else {
        return;
    };
    let mut add = |status: &str, description: &str, schema: &str| {
        responses
            .entry(status)
            .or_insert_with(|| response(description, schema));
    };
    let bad_request = BadRequest::name();
    add(
        "400",
        "The request is malformed.",
        if reads_body { &bad_request } else { "Detail" },
    );
    add(
        "406",
        "The client accepts nothing that this endpoint renders. Nothing was done.",
        "Detail",
    );
    if reads_body {
        add("408", "The body did not arrive in time.", "Detail");
        add("413", "The body has more than 64 KiB.", "Detail");
        add(
            "415",
            "The body is neither JSON, a form nor multipart.",
            "Detail",
        );
    }
    add("500", "Something broke here; it has been logged.", "Detail");
    add(
        "503",
        "The service cannot do this at the moment. Nothing was done; try again later.",
        "Detail",
    );
    responses.sort_keys();
}

fn options_operation(operations: &Map<String, Value>) -> Value {
    let first = operations.values().next().unwrap_or(&Value::Null);
    let text = |key: &str| first[key].as_str().unwrap_or_default();
    let parameters = first["parameters"].as_array().into_iter().flatten();
    let in_path: Vec<_> = parameters.filter(|it| it["in"] == "path").collect();
    let mut described = response("The description.", "Description");
    described["content"]["application/json"]["example"] = json!({
        "name": first["summary"],
        "description": text("description"),
        "renders": ["application/json", "text/html"],
        "parses": MEDIA_TYPES,
        // The fields of each method: the document has them already.
        "actions": {},
    });
    json!({
        "tags": first["tags"],
        "summary": format!("{}: describe", text("summary")),
        "description": "What this endpoint is called, reads and renders.",
        "security": [],
        "operationId": format!("describe_{}", text("operationId")),
        "parameters": in_path,
        "responses": {
            "200": described,
            "400": response("The request is malformed.", "Detail"),
            "406": response("The client does not accept JSON.", "Detail"),
        },
    })
}

fn response(description: &str, schema: &str) -> Value {
    let schema = format!("#/components/schemas/{schema}");
    json!({ "description": description, "content": { "application/json": { "schema": { "$ref": schema } } } })
}

/// The schemas of an OPTIONS answer.
fn description_schemas() -> [(&'static str, Value); 3] {
    let strings = json!({ "type": "array", "items": { "type": "string" } });
    let choice = json!({
        "type": "object",
        "description": "A value that a field may have.",
        "required": ["value", "display_name"],
        "properties": { "value": { "type": "string" }, "display_name": { "type": "string" } },
    });
    let choices = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Choice" } });
    let field = json!({
        "type": "object",
        "description": "A field of a request.",
        "required": ["type", "required", "read_only", "label", "help_text"],
        "properties": {
            "type": { "type": "string" },
            "required": { "type": "boolean" },
            "read_only": { "type": "boolean" },
            "label": { "type": "string" },
            "choices": choices,
            "help_text": { "type": "string" },
            "max_length": { "type": "integer" },
        },
    });
    let fields = json!({
        "type": "object",
        "additionalProperties": { "$ref": "#/components/schemas/FieldDescription" },
    });
    let description = json!({
        "type": "object",
        "description": "What an endpoint is called, reads and renders.",
        "required": ["name", "description", "renders", "parses", "actions"],
        "properties": {
            "name": { "type": "string" },
            "description": { "type": "string" },
            "renders": strings,
            "parses": strings,
            "actions": { "type": "object", "additionalProperties": fields },
        },
    });
    [
        ("Choice", choice),
        ("FieldDescription", field),
        ("Description", description),
    ]
}
