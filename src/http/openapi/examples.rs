//! Examples of real values, as the specification has them: people read them, and generators and test
//! tools start from them. Every field, every body and every answer has one.

use serde_json::{Map, Value, json};

use super::example_answers::{self, Asked};

const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

const SESSION: &str = "6923b5c08f1e4d2ab7605c9d3e814f72";

/// Gives fields, bodies and answers their examples.
pub(super) fn complete(document: &mut Value) {
    add_fields(document);
    let schemas = document["components"]["schemas"].clone();
    let paths = document["paths"].as_object_mut().into_iter();
    let operations = paths
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut);
    for operation in operations {
        add_parameters(operation);
        add_body(operation, &schemas);
        add_answers(operation, &schemas);
    }
}

/// Those in the path, which have to be filled in.
fn add_parameters(operation: &mut Value) {
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let example = match name {
            "uid" => json!("MQ"),
            "token" => json!("bOyJ2X0ikC5tOGSGHVTAa0kGlqY3Bp6Bk6Sw0yzN1Wc"),
            "id" => json!(SESSION),
            _ => match of_field(name, "string") {
                Some(example) => example,
                None => continue,
            },
        };
        parameter["example"] = example;
    }
}

/// The same in each media type.
fn add_body(operation: &mut Value, schemas: &Value) {
    let contents = operation.pointer_mut("/requestBody/content");
    let contents = contents.and_then(Value::as_object_mut);
    for content in contents.into_iter().flat_map(Map::values_mut) {
        let schema = resolve(schemas, &content["schema"]);
        content["example"] = match schema.get("example") {
            Some(example) => example.clone(),
            None => sample(schemas, schema, |property| {
                property.get("example").is_some()
            }),
        };
    }
}

fn add_answers(operation: &mut Value, schemas: &Value) {
    let contents = operation["requestBody"]["content"].as_object();
    let content = contents.and_then(|it| it.values().next());
    let body = content.map(|it| resolve(schemas, &it["schema"]).clone());
    let id = operation["operationId"].as_str().map(str::to_owned);
    let responses = operation["responses"].as_object_mut().into_iter().flatten();
    for (status, response) in responses {
        let Some(content) = response.pointer_mut("/content/application~1json") else {
            continue;
        };
        if content.get("example").is_some() {
            continue;
        }
        let asked = Asked {
            operation: id.as_deref().unwrap_or_default(),
            body: body.as_ref(),
        };
        let refused = example_answers::of(&asked, status, &content["schema"]);
        content["example"] = refused.unwrap_or_else(|| {
            let schema = resolve(schemas, &content["schema"]);
            sample(schemas, schema, |_| false)
        });
    }
}

/// A value as a schema has it: of an object the required fields, and those of the others that are
/// wanted.
fn sample(schemas: &Value, schema: &Value, is_wanted: fn(&Value) -> bool) -> Value {
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if schema["nullable"] == true {
        return Value::Null;
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array();
            let is_required =
                |name: &str| required.is_some_and(|it| it.iter().any(|it| it == name));
            let properties = schema["properties"].as_object().into_iter().flatten();
            let shown = properties.filter(|(name, it)| is_required(name) || is_wanted(it));
            let fields = shown.map(|(name, property)| {
                let property = resolve(schemas, property);
                (name.clone(), sample(schemas, property, is_wanted))
            });
            Value::Object(fields.collect())
        }
        Some("array") => json!([sample(
            schemas,
            resolve(schemas, &schema["items"]),
            is_wanted
        )]),
        Some("boolean") => json!(false),
        Some("integer") => json!(1),
        _ => json!("text"),
    }
}

/// A schema, or the one that it refers to.
fn resolve<'a>(schemas: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"]
        .as_str()
        .or_else(|| schema["allOf"][0]["$ref"].as_str());
    let name = reference.and_then(|it| it.rsplit('/').next());
    name.map_or(schema, |it| &schemas[it])
}

/// Gives every field whose name says what it holds an example.
fn add_fields(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut();
    for (schema, described) in schemas.into_iter().flatten() {
        let properties = described["properties"].as_object_mut();
        for (name, property) in properties.into_iter().flatten() {
            // Where it is a list, it has the errors of that field.
            let kind = property["type"].as_str().unwrap_or_default();
            if let Some(example) = of_schema(schema, name).or_else(|| of_field(name, kind))
                && let Some(property) = property.as_object_mut()
            {
                property.entry("example").or_insert(example);
            }
        }
    }
}

/// Where a name alone does not say it.
fn of_schema(schema: &str, name: &str) -> Option<Value> {
    Some(match (schema, name) {
        ("ContactRequest", "message") => json!("Who measures the Umgeni this year?"),
        ("KeySet", "keys") => json!([]),
        ("PasswordRequest", "password") => json!("another_password"),
        ("Description", "name") => json!("User Login"),
        ("SessionEntry", "id") => json!(SESSION),
        ("SessionEntry", "address") => json!("203.0.113.7"),
        ("SessionEntry", "user_agent") => json!("Mozilla/5.0"),
        ("Status", "status") => json!("OK"),
        _ => return None,
    })
}

fn of_field(name: &str, kind: &str) -> Option<Value> {
    Some(match (kind, name) {
        ("string", "username") => json!("test_user"),
        ("string", "email") => json!("test@example.org"),
        ("string", "password" | "old_password") => json!("test_password"),
        ("string", "newPassword" | "confirm_password") => json!("another_password"),
        ("string", "first_name" | "name") => json!("test_name"),
        ("string", "last_name" | "surname") => json!("test_lastname"),
        ("string", "organizationType" | "organisation_type") => json!("NGO"),
        ("string", "organizationName" | "organisation_name") => json!("test"),
        ("string", "country") => json!("South Africa"),
        ("string", "user_id") => json!("1"),
        ("integer", "id" | "user_id") => json!(1),
        ("integer", "user" | "policy") => json!(1),
        (
            "boolean",
            "is_authenticated"
            | "is_agreed_to_privacy_policy"
            | "is_profile_updated"
            | "is_registration_completed"
            | "is_current"
            | "consent_given"
            | "agree",
        ) => json!(true),
        ("string", "access" | "access_token" | "refresh" | "refresh_token" | "token") => {
            json!(TOKEN)
        }
        ("string", "phone") => json!("+27 12 345 6789"),
        ("string", "upload_preference") => json!("wifi"),
        ("string", "kind") => json!("web"),
        ("string", "version") => json!("2026-01"),
        ("string", "link") => json!("https://www.example.org/privacy"),
        ("string", "expires_at") => json!("2026-03-02T12:00:00Z"),
        ("string", it) if it.ends_with("_at") || it == "consent_date" => {
            json!("2026-01-31T12:00:00Z")
        }
        _ => return None,
    })
}
