//! Whether the service is up, and whether it can write.

use poem::http::StatusCode;
use poem::web::{Data, Json};
use poem::{IntoResponse, Response, handler};
use serde_json::json;

use crate::accounts::Accounts;
use crate::http::wire::Problem;

/// 200 once requests can be served.
#[handler]
pub(crate) fn healthz() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

/// 200 while the database can be written.
#[handler]
pub(crate) async fn readyz(Data(accounts): Data<&Accounts>) -> Response {
    match accounts.check_writable().await {
        Ok(()) => Json(json!({ "status": "ok" })).into_response(),
        Err(failure) => {
            tracing::error!(event = "failure", error = failure.chain());
            let sentence = "The database cannot be written.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, sentence).response()
        }
    }
}
