//! Verifies a token, as docs/tokens.md shows it.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

#[derive(serde::Deserialize)]
struct Claims {
    user_id: i64,
    token_type: String,
}

/// `key` is the text of the file.
pub fn user_of(token: &str, key: &str) -> Option<i64> {
    let key = DecodingKey::from_secret(key.trim().as_bytes());
    let claims: Claims = decode(token, &key, &Validation::new(Algorithm::HS256))
        .ok()?
        .claims;
    (claims.token_type == "access").then_some(claims.user_id)
}
