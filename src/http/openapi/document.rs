//! The OpenAPI document: made from the code, completed with what the layers around the code answer,
//! and the source of every OPTIONS answer and every field check.

use std::sync::LazyLock;

use poem::http::StatusCode;
use poem_openapi::registry::{MetaSchema, Registry};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};
use serde_json::{Map, Value, json};

use crate::http::api::activation::ConfirmApi;
use crate::http::api::contact::ContactApi;
use crate::http::api::login::LoginApi;
use crate::http::api::lookup::LookupApi;
use crate::http::api::privacy_policy::PolicyApi;
use crate::http::api::register::RegisterApi;
use crate::http::api::reset::ResetApi;
use crate::http::api::session::SessionApi;
use crate::http::api::user::account::AccountApi;
use crate::http::api::user::data::OwnApi;
use crate::http::api::user::sessions::OwnSessionsApi;
use crate::http::wire::problem::{BadRequest, Problem};

/// What every path of the API starts with.
pub(crate) const BASE: &str = "/authentication/api";

/// What is not below it: the web client asks for these at the root.
const AT_ROOT: &str = "/privacy-policy/";

/// The path of an endpoint, as clients call it.
fn public_path(path: &str) -> String {
    if path.starts_with(AT_ROOT) {
        format!("{path}/")
    } else {
        format!("{BASE}{path}/")
    }
}

/// The endpoint behind a path that clients call, as the code names it.
pub(crate) fn own_path(path: &str) -> &str {
    path.strip_prefix(BASE).unwrap_or(path)
}

/// All endpoints.
pub(crate) type Api = (
    LoginApi,
    SessionApi,
    RegisterApi,
    ResetApi,
    ConfirmApi,
    AccountApi,
    OwnApi,
    OwnSessionsApi,
    LookupApi,
    PolicyApi,
    ContactApi,
);

pub(crate) fn api() -> Api {
    (
        LoginApi,
        SessionApi,
        RegisterApi,
        ResetApi,
        ConfirmApi,
        AccountApi,
        OwnApi,
        OwnSessionsApi,
        LookupApi,
        PolicyApi,
        ContactApi,
    )
}

static SCHEMAS: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::new();
    Api::register(&mut registry);
    registry
});

/// The schema that a request body is checked against.
pub(crate) fn schema(name: &str) -> Result<&'static MetaSchema, Problem> {
    let missing = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong.");
    SCHEMAS.schemas.get(name).ok_or_else(missing)
}

/// The framework's part of the document, as its own text: Swagger UI's page has it inside.
pub(crate) fn service() -> OpenApiService<Api, ()> {
    OpenApiService::new(api(), "miniSASS authentication", env!("CARGO_PKG_VERSION"))
        .description(
            "Accounts and sessions of miniSASS. Every path works with and without its trailing slash; \
             bodies may be JSON, a form or multipart.",
        )
        .license(LicenseObject::new("MIT"))
}

/// The whole document.
pub(crate) fn document() -> Value {
    let text = service().spec().replace("; charset=utf-8", "");
    let mut document: Value = serde_json::from_str(&text).unwrap_or_default();
    document["servers"] = json!([{ "url": "/" }]);
    let mut paths = Map::new();
    if let Some(Value::Object(described)) = document.get_mut("paths").map(Value::take) {
        for (path, mut operations) in described {
            complete(&path, &mut operations);
            paths.insert(public_path(&path), operations);
        }
    }
    document["paths"] = Value::Object(paths);
    document["components"]["schemas"]["Description"] = description_schema();
    document
}

/// Adds to each operation what the layers around it answer, and the OPTIONS operation.
fn complete(path: &str, operations: &mut Value) {
    let Value::Object(operations) = operations else {
        return;
    };
    for operation in operations.values_mut() {
        let reads_body = operation.get("requestBody").is_some();
        let Some(Value::Object(responses)) = operation.get_mut("responses") else {
            continue;
        };
        let mut add = |status: &str, description: &str, schema: &str| {
            responses
                .entry(status)
                .or_insert_with(|| response(description, schema));
        };
        let bad_request = <BadRequest as poem_openapi::types::Type>::name();
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
    let first = operations.values().next();
    let name = first
        .and_then(|it| it["summary"].as_str())
        .unwrap_or_default();
    let options = json!({
        "tags": first.map(|it| it["tags"].clone()),
        "summary": format!("{name}: describe"),
        "description": "What this endpoint is called, reads and renders.",
        "operationId": format!("options{}", path.replace(['/', '{', '}', '-'], "_")),
        "parameters": first.and_then(|it| it.get("parameters")).cloned().unwrap_or_else(|| json!([])),
        "responses": {
            "200": response("The description.", "Description"),
            "400": response("The request is malformed.", "Detail"),
            "406": response("The client does not accept JSON.", "Detail"),
        },
    });
    operations.insert("options".to_owned(), options);
}

fn response(description: &str, schema: &str) -> Value {
    let schema = format!("#/components/schemas/{schema}");
    json!({ "description": description, "content": { "application/json": { "schema": { "$ref": schema } } } })
}

fn description_schema() -> Value {
    let strings = json!({ "type": "array", "items": { "type": "string" } });
    let field = json!({
        "type": "object",
        "required": ["type", "required", "read_only", "label"],
        "properties": {
            "type": { "type": "string" },
            "required": { "type": "boolean" },
            "read_only": { "type": "boolean" },
            "label": { "type": "string" },
            "help_text": { "type": "string" },
            "max_length": { "type": "integer" },
        },
    });
    let fields = json!({ "type": "object", "additionalProperties": field });
    json!({
        "type": "object",
        "required": ["name", "description", "renders", "parses"],
        "properties": {
            "name": { "type": "string" },
            "description": { "type": "string" },
            "renders": strings,
            "parses": strings,
            "actions": { "type": "object", "additionalProperties": fields },
        },
    })
}

/// The document as it is printed and committed.
#[must_use]
pub(crate) fn text() -> String {
    format!("{:#}\n", document())
}
