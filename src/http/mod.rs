//! The HTTP face: the application, top of the room. Below it: `server` (connections), `middleware`
//! (around every request), `route`, `openapi`, `api` (the endpoints), `pages` (of mailed links),
//! `wire` (what endpoints are made of).

mod api;
mod middleware;
mod openapi;
mod pages;
mod route;
mod server;
mod wire;

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, Request, Response, get};

pub use self::server::{ConnectionRules, Listener, serve};
pub use self::wire::Deployment;

use self::middleware::health::Readiness;
use self::middleware::metrics::Metrics;
use self::middleware::{Middleware, health, metrics};
use self::openapi::swagger::Documentation;
use self::openapi::{document, swagger};
use self::wire::{RateLimits, render};
use crate::accounts::Accounts;

/// The whole application. Cloning is cheap.
#[derive(Clone)]
pub struct App {
    middleware: Arc<Middleware>,
    limits: Option<Arc<RateLimits>>,
}

impl App {
    /// Puts the routes and the layers around them together.
    #[must_use]
    pub fn new(accounts: Accounts, deployment: Deployment) -> Self {
        let limits = accounts
            .rules()
            .throttle
            .then(|| Arc::new(RateLimits::new()));
        let deployment = Arc::new(deployment);
        let metrics = Arc::new(Metrics::default());
        let routes = route::routes()
            .at("/healthz", get(health::healthz))
            .at("/readyz", get(health::readyz))
            .at("/metrics", get(metrics::metrics))
            .at("/openapi.json", get(swagger::openapi))
            .at("/docs", get(swagger::swagger))
            .at("/docs/", get(swagger::swagger))
            .data(accounts)
            .data(Arc::clone(&metrics))
            .data(Arc::clone(&deployment))
            .data(limits.clone())
            .data(Arc::<Readiness>::default())
            .data(Arc::new(Documentation::new(&deployment.public_url)))
            // Before CORS, which would write an error in its own words.
            .catch_all_error(async |err| render(err))
            .map_to_response();
        Self {
            middleware: Arc::new(Middleware::new(routes, deployment, metrics)),
            limits,
        }
    }

    /// To be called now and then, so that memory does not grow with every visitor.
    pub fn forget_quiet_clients(&self) {
        if let Some(limits) = &self.limits {
            limits.forget_quiet_clients();
        }
    }
}

impl Endpoint for App {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        self.middleware.call(request).await
    }
}

/// The OpenAPI document. Needs no database and no key.
#[must_use]
pub fn spec() -> String {
    document::text("/")
}
