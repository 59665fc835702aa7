//! Examples of real values, as the specification has them: people read them, and generators and test
//! tools start from them.

use serde_json::{Map, Value, json};

const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

/// Gives every field whose name says what it holds an example.
pub(super) fn complete(document: &mut Value) {
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
