//! Verifies a token, as docs/tokens.md shows it.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

#[derive(serde::Deserialize)]
struct Claims {
    user_id: serde_json::Value,
    token_type: String,
}

/// `key` is the text of the file.
pub fn user_of(token: &str, key: &str) -> Option<i64> {
    let key = DecodingKey::from_secret(key.trim().as_bytes());
    let claims: Claims = decode(token, &key, &Validation::new(Algorithm::HS256))
        .ok()?
        .claims;
    let id = &claims.user_id;
    let number = id.as_i64().or_else(|| id.as_str()?.parse().ok());
    number.filter(|_| claims.token_type == "access")
}
