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
use std::sync::atomic::AtomicU64;

use poem::http::Extensions;
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Request, Response, Route, handler};

pub use self::openapi::variants::Wanted;
pub use self::server::{ConnectionRules, Listener, serve};
pub use self::wire::Deployment;

use self::middleware::health::Readiness;
use self::middleware::metrics::Metrics;
use self::middleware::{Middleware, health, metrics};
use self::openapi::swagger::Documentation;
use self::openapi::{document, swagger, variants};
use self::pages::endpoint::Pages;
use self::pages::{assets, front, links};
use self::route::ReadOnly;
use self::wire::{RateLimits, render, wants_html};
use crate::accounts::Accounts;
use crate::failure::Failure;

/// The whole application. Cloning is cheap.
#[derive(Clone)]
pub struct App {
    accounts: Accounts,
    deployment: Arc<Deployment>,
    metrics: Arc<Metrics>,
    next_id: Arc<AtomicU64>,
    middleware: Arc<Middleware>,
    pages: Option<Arc<Pages>>,
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
        let has_pages = deployment.docs;
        let mut routes = route::routes(has_pages)
            .at("/healthz", ReadOnly(health::healthz))
            .at("/readyz", ReadOnly(health::readyz));
        if deployment.metrics {
            routes = with_metrics(routes);
        }
        if has_pages {
            routes = with_documentation(routes);
        }
        let deployment = Arc::new(deployment);
        let metrics = Arc::new(Metrics::default());
        let next_id = Arc::new(Middleware::first_id());
        let pages = || Arc::new(Pages::new(Arc::clone(&deployment), document::document));
        let mut lent = Extensions::new();
        lent.insert(limits.clone());
        lent.insert(Arc::<Readiness>::default());
        lent.insert(Arc::new(Documentation::new(&deployment.public_url)));
        Self {
            pages: has_pages.then(pages),
            limits,
            middleware: around((routes, lent), &accounts, &deployment, (&metrics, &next_id)),
            accounts,
            deployment,
            metrics,
            next_id,
        }
    }

    /// `/metrics` alone, for an address of its own.
    #[must_use]
    pub fn of_metrics(&self) -> Self {
        let routes = with_metrics(Route::new());
        Self {
            middleware: around(
                (routes, Extensions::new()),
                &self.accounts,
                &self.deployment,
                (&self.metrics, &self.next_id),
            ),
            pages: None,
            ..self.clone()
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
        match &self.pages {
            Some(pages) if wants_html(&request) => {
                // What waits for a page is large, and every request would be moved about with room for it.
                Box::pin(pages.answer(request, &*self.middleware)).await
            }
            _ => Middleware::call(&self.middleware, request).await,
        }
    }
}

/// Lends every request what its endpoint asks for. The framework would do so in a layer for each thing, and what
/// waits for an answer grows with every layer.
struct Lending<E> {
    routes: E,
    lent: Extensions,
}

impl<E: Endpoint> Endpoint for Lending<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> poem::Result<E::Output> {
        request.extensions_mut().extend(self.lent.clone());
        self.routes.call(request).await
    }
}

/// What every request passes on its way to `routes`, which find there what is lent to it.
fn around(
    (routes, mut lent): (Route, Extensions),
    accounts: &Accounts,
    deployment: &Arc<Deployment>,
    (metrics, next_id): (&Arc<Metrics>, &Arc<AtomicU64>),
) -> Arc<Middleware> {
    lent.insert(accounts.clone());
    lent.insert(Arc::clone(metrics));
    lent.insert(Arc::clone(deployment));
    let routes = Lending { routes, lent }
        // Before CORS, which would write an error in its own words.
        .catch_all_error(async |err| render(err))
        .map_to_response();
    let policy = links::policy(deployment);
    let (deployment, metrics) = (Arc::clone(deployment), Arc::clone(metrics));
    Arc::new(Middleware::new(
        routes,
        deployment,
        metrics,
        policy,
        Arc::clone(next_id),
    ))
}

fn with_metrics(routes: Route) -> Route {
    routes.at("/metrics", ReadOnly(metrics::metrics))
}

fn with_documentation(routes: Route) -> Route {
    routes
        .at("/", ReadOnly(root))
        .at("/favicon.ico", ReadOnly(assets::icon))
        .at("/openapi.json", ReadOnly(swagger::openapi))
        .at("/openapi.yaml", ReadOnly(swagger::openapi_yaml))
        .at("/docs", ReadOnly(swagger::swagger))
        .at("/docs/", ReadOnly(swagger::swagger))
        .at("/docs/reference", ReadOnly(swagger::reference))
        .at("/docs/reference/", ReadOnly(swagger::reference))
        .at("/docs/pages.css", ReadOnly(assets::style))
        .at("/docs/pages.js", ReadOnly(assets::script))
}

/// What this is, and where its documentation is.
#[handler]
async fn root(
    Data(accounts): Data<&Accounts>,
    Data(readiness): Data<&Arc<Readiness>>,
    Data(deployment): Data<&Arc<Deployment>>,
) -> Response {
    let is_well = readiness.is_writable(accounts).await;
    front::answer(is_well, &format!("{}/docs/", deployment.public_url))
}

/// The OpenAPI document. Needs no database and no key.
#[must_use]
pub fn spec() -> String {
    document::text(&document::document())
}

/// The same as it is wanted, for a deployment whose paths lie below `server`.
pub fn spec_as(server: &str, wanted: Wanted) -> Result<String, Failure> {
    variants::text(server, wanted)
}
