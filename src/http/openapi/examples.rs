//! Examples of real values, as the specification has them: people read them, and generators and test
//! tools start from them.

use serde_json::{Map, Value, json};

const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

/// What some operations answer, word for word: the operation, the status, the field and its sentence.
const SENTENCES: [(&str, &str, &str, &str); 13] = [
    ("login", "401", "error", "Invalid credentials"),
    (
        "token",
        "401",
        "detail",
        "No active account found with the given credentials",
    ),
    ("refresh", "401", "detail", "Token is invalid or expired"),
    (
        "token_refresh",
        "401",
        "detail",
        "Token is invalid or expired",
    ),
    (
        "check_auth_status",
        "401",
        "detail",
        "Authentication credentials were not provided.",
    ),
    (
        "logout",
        "401",
        "detail",
        "Authentication credentials were not provided.",
    ),
    ("logout", "200", "message", "Logout successful"),
    (
        "register",
        "400",
        "error",
        "This email is already registered.",
    ),
    (
        "request_reset",
        "200",
        "message",
        "Password reset email sent",
    ),
    ("update_password_reset", "401", "error", "Unauthorized"),
    (
        "update_password_reset",
        "200",
        "message",
        "Password updated successfully",
    ),
    (
        "resend_activation",
        "200",
        "message",
        "Activation email sent",
    ),
    ("activate", "400", "error", "Invalid token or expired"),
];

/// Gives answers and fields their examples.
pub(super) fn complete(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter();
    let operations = paths
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut);
    operations.for_each(add_answers);
    add_fields(document);
}

fn add_answers(operation: &mut Value) {
    for (id, status, field, sentence) in SENTENCES {
        if operation["operationId"] == id {
            let content = &mut operation["responses"][status]["content"];
            let mut example = json!({ field: sentence });
            if sentence == "Token is invalid or expired" {
                example["code"] = json!("token_not_valid");
            }
            content["application/json"]["example"] = example;
        }
    }
}

/// Gives every field whose name says what it holds an example.
fn add_fields(document: &mut Value) {
    let schemas = document["components"]["schemas"]
        .as_object_mut()
        .into_iter();
    let properties = schemas
        .flat_map(Map::values_mut)
        .filter_map(|it| it["properties"].as_object_mut());
    for (name, property) in properties.flatten() {
        // Where it is a list, it has the errors of that field.
        let kind = property["type"].as_str().unwrap_or_default();
        if let Some(example) = of_field(name, kind)
            && let Some(property) = property.as_object_mut()
        {
            property.entry("example").or_insert(example);
        }
    }
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
        ("boolean", "is_authenticated") => json!(true),
        ("string", "access" | "access_token" | "refresh" | "refresh_token" | "token") => {
            json!(TOKEN)
        }
        ("string", "phone") => json!("+27 12 345 6789"),
        ("string", "upload_preference") => json!("wifi"),
        ("string", it) if it.ends_with("_at") || it == "consent_date" => {
            json!("2026-01-31T12:00:00Z")
        }
        _ => return None,
    })
}
