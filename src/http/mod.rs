//! The HTTP face. A handler decodes, calls a use case, encodes; its types stand in the same file.

mod account;
mod app_param;
mod body;
mod client;
mod confirm;
mod contact;
mod cookie;
mod denied;
mod describe;
mod docs;
mod document;
mod edge;
mod gate;
mod health;
mod login;
mod lookup;
mod metrics;
mod own;
mod own_sessions;
mod page;
mod policy;
mod presented;
mod problem;
mod register;
mod reset;
mod resource;
mod server;
mod session;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use ipnet::IpNet;
use poem::middleware::Cors;
use poem::{EndpointExt, Request, Response, get};
use poem_openapi::Tags;

pub use server::{GRACE, Listener, serve};

use self::cookie::Cookies;
use self::edge::{Answer, Edge};
use self::gate::Gate;
use self::metrics::Metrics;
use self::presented::OwnOrigins;
use crate::accounts::Accounts;

/// What the HTTP face has to know of the world around it.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The only base of links; https makes cookies `Secure`.
    pub public_url: String,
    /// Where mailed links send the browser instead of our own pages.
    pub frontend_url: Option<String>,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Deployment {
    fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Scheme, host and port of `public_url`, as browsers write them in `Origin`.
    fn origin(&self) -> &str {
        let host = self.public_url.find("://").map_or(0, |at| at + 3);
        let end = self.public_url[host..]
            .find('/')
            .map_or(self.public_url.len(), |at| host + at);
        &self.public_url[..end]
    }
}

/// Groups of endpoints in the documentation.
#[derive(Tags)]
enum Tag {
    /// Logging in, staying logged in, logging out.
    Sessions,
    /// Registering, confirming, and a forgotten password.
    Accounts,
    /// One's own account, for its bearer.
    Own,
}

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
            secure: deployment.is_https(),
        };
        let own = deployment
            .cors_origins
            .iter()
            .cloned()
            .chain([deployment.origin().to_owned()]);
        let own = Arc::new(OwnOrigins(own.collect()));
        let routes = resource::routes()
            .at("/healthz", get(health::healthz))
            .at("/readyz", get(health::readyz))
            .at("/metrics", get(metrics::metrics))
            .at("/openapi.json", get(docs::openapi))
            .at("/docs", get(docs::swagger))
            .at("/docs/", get(docs::swagger))
            .data(accounts)
            .data(Arc::clone(&gate))
            .data(own)
            .data(cookies)
            .data(Arc::clone(&metrics))
            .data(Deployment::clone(&deployment))
            // Before CORS, which would write an error in its own words.
            .catch_all_error(async |err| resource::render(err))
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
