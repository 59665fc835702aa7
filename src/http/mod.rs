//! The HTTP face. A handler decodes, calls a use case, encodes; its types stand in the same file.

pub mod api;
mod middleware;
pub mod openapi;
pub mod pages;
mod route;
pub mod server;
pub mod wire;

use crate::http::middleware::health;
use crate::http::middleware::metrics;
use crate::http::openapi::document;
use crate::http::openapi::swagger;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::http::wire::deployment::Deployment;
use poem::middleware::Cors;
use poem::{EndpointExt, Request, Response, get};

pub use crate::http::server::{GRACE, Listener, serve};

use crate::accounts::Accounts;
use crate::http::middleware::metrics::Metrics;
use crate::http::middleware::{Answer, Edge};
use crate::http::wire::auth::OwnOrigins;
use crate::http::wire::cookie::Cookies;
use crate::http::wire::rate_limit::Gate;

/// The whole application. Cloning is cheap.
#[derive(Clone)]
pub struct App {
    edge: Arc<dyn Answer>,
    gate: Arc<Gate>,
}

impl App {
    /// The use cases over HTTP.
    #[must_use]
    pub fn new(accounts: Accounts, deployment: Deployment) -> Self {
        let gate = Arc::new(Gate::new(accounts.rules().throttle));
        let deployment = Arc::new(deployment);
        let metrics = Arc::new(Metrics::default());
        let cookies = Cookies {
            secure: deployment.public_url.is_https(),
        };
        let own = deployment
            .cors_origins
            .iter()
            .cloned()
            .chain([deployment.public_url.origin()]);
        let own = Arc::new(OwnOrigins(own.collect()));
        let routes = route::routes()
            .at("/healthz", get(health::healthz))
            .at("/readyz", get(health::readyz))
            .at("/metrics", get(metrics::metrics))
            .at("/openapi.json", get(swagger::openapi))
            .at("/docs", get(swagger::swagger))
            .at("/docs/", get(swagger::swagger))
            .data(accounts)
            .data(Arc::clone(&gate))
            .data(own)
            .data(cookies)
            .data(Arc::clone(&metrics))
            .data(Deployment::clone(&deployment))
            // Before CORS, which would write an error in its own words.
            .catch_all_error(async |err| route::render(err))
            .map_to_response();
        let routes = Arc::new(routes);
        let cors = Cors::new()
            .allow_origins(&deployment.cors_origins)
            .allow_credentials(true)
            .expose_headers(["retry-after", "x-request-id"]);
        let edge = Edge {
            plain: Arc::clone(&routes),
            cross_origin: routes.with(cors).map_to_response(),
            deployment,
            metrics,
            requests: AtomicU64::new(first_request()),
        };
        Self {
            edge: Arc::new(edge),
            gate,
        }
    }

    async fn answer(&self, request: Request) -> Response {
        self.edge.answer(request).await
    }

    /// To be called now and then: forgets what is only kept for a while.
    pub fn tidy(&self) {
        self.gate.forget_quiet_clients();
    }
}

/// Requests are numbered from the time of the start on, so that no restart repeats a number.
fn first_request() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or_default()
}

/// The OpenAPI document. Needs no database and no key.
#[must_use]
pub fn spec() -> String {
    document::text()
}
