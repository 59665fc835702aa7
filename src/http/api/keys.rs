//! .well-known/jwks.json.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::Value;

use super::tag::Tag;
use crate::http::wire::{Answer, Call};

/// Public keys (RFC 7517). A key of HS256 is a secret, so there are none.
#[derive(Object)]
struct KeySet {
    /// The keys.
    keys: Vec<Value>,
}

#[derive(ApiResponse)]
enum KeysReply {
    /// The keys that verify tokens, as far as they are public.
    #[oai(status = 200)]
    Ok(Json<KeySet>, #[oai(header = "Cache-Control")] String),
}

pub(crate) struct KeysApi;

#[OpenApi(tag = "Tag::Sessions")]
impl KeysApi {
    /// Public Keys
    ///
    /// The keys with which other services verify tokens. With HS256, whose key is a secret, the set is
    /// empty.
    #[oai(
        path = "/.well-known/jwks.json",
        method = "get",
        operation_id = "public_keys"
    )]
    async fn public_keys(&self, _call: Call) -> Answer<KeysReply> {
        let keys = KeySet { keys: Vec::new() };
        Ok(KeysReply::Ok(Json(keys), "max-age=300".to_owned()))
    }
}
