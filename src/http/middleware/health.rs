//! Whether the service is up, and whether it can write.

use std::sync::Arc;
use std::time::{Duration, Instant};

use poem::http::{StatusCode, header};
use poem::web::{Data, Json};
use poem::{IntoResponse, Response, handler};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::accounts::Accounts;
use crate::http::wire::{PASSING_SECONDS, Problem};

/// How long what was found out holds, for everybody: finding out is a write to the disk.
const LASTS: Duration = Duration::from_secs(1);

/// How long finding out may take: probes give up soon.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Whether it is a question about the service itself, which somebody asks every few seconds.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// Whether the database could be written, the last time somebody asked.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, bool)>>);

impl Readiness {
    /// Whoever asks while another is finding out waits for the same answer.
    pub(crate) async fn is_writable(&self, accounts: &Accounts) -> bool {
        let mut last = self.0.lock().await;
        if let Some((when, is_writable)) = *last
            && when.elapsed() < LASTS
        {
            return is_writable;
        }
        let is_writable = match timeout(PATIENCE, accounts.check_writable()).await {
            Ok(Ok(())) => true,
            Ok(Err(failure)) => {
                failure.log();
                false
            }
            // Writers wait longer; whoever asks here sends its requests elsewhere meanwhile.
            Err(_) => {
                tracing::warn!(
                    event = "not_ready",
                    note = "the database has not been written in time"
                );
                false
            }
        };
        *last = Some((Instant::now(), is_writable));
        is_writable
    }
}

/// 200 once requests can be served.
#[handler]
pub(crate) fn healthz() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

/// 200 while the database can be written.
#[handler]
pub(crate) async fn readyz(
    Data(accounts): Data<&Accounts>,
    Data(readiness): Data<&Arc<Readiness>>,
) -> Response {
    if readiness.is_writable(accounts).await {
        return Json(json!({ "status": "ok" })).into_response();
    }
    let sentence = "The database cannot be written.";
    let mut response = Problem::new(StatusCode::SERVICE_UNAVAILABLE, sentence).response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, PASSING_SECONDS.into());
    response
}
