//! Around every request: its number, who sends it, what is refused before it is read, a deadline,
//! CORS, the headers of the answer, and the line in the log.

pub(crate) mod head;
pub(crate) mod headers;
pub(crate) mod health;
pub(crate) mod metrics;

use std::cell::RefCell;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::middleware::Cors;
use poem::{Endpoint, EndpointExt, Request, Response};
use tracing::Instrument;

use self::head::check_head;
use self::headers::add_headers;
use self::metrics::Metrics;
use super::wire::{ClientAddress, Deployment, Problem, RouteName, Stopping, render};
use crate::failure::panic_message;

/// How long a request may take from its head to its answer, waiting for a hash included.
const DEADLINE: Duration = Duration::from_secs(30);

/// Those that some path of the API has.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::DELETE,
    Method::OPTIONS,
];

/// The application with everything around it.
pub(crate) struct Middleware {
    plain: BoxEndpoint<'static, Response>,
    with_cors: BoxEndpoint<'static, Response>,
    deployment: Arc<Deployment>,
    content_security_policy: HeaderValue,
    metrics: Arc<Metrics>,
    /// Of the next request, at whatever address it comes.
    next_id: Arc<AtomicU64>,
    /// Whether it was logged that clients cannot be told from each other.
    has_warned: AtomicBool,
}

impl Middleware {
    pub(crate) fn new(
        routes: impl Endpoint<Output = Response> + 'static,
        deployment: Arc<Deployment>,
        metrics: Arc<Metrics>,
        content_security_policy: HeaderValue,
        next_id: Arc<AtomicU64>,
    ) -> Self {
        let routes = Arc::new(routes);
        let cors = Cors::new()
            .allow_origins(&deployment.cors_origins)
            .allow_methods(METHODS)
            .allow_credentials(true)
            .expose_headers(["retry-after", "x-request-id"]);
        Self {
            plain: Arc::clone(&routes).boxed(),
            with_cors: routes.with(cors).map_to_response().boxed(),
            content_security_policy,
            deployment,
            metrics,
            next_id,
            has_warned: AtomicBool::new(false),
        }
    }

    /// Numbers start with the time of the start, so that no restart repeats one.
    pub(crate) fn first_id() -> AtomicU64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let first_id = u64::try_from(since_epoch.unwrap_or_default().as_nanos());
        AtomicU64::new(first_id.unwrap_or_default())
    }

    /// The answer, also when the handler panics or takes too long.
    async fn answer_in_time(&self, mut request: Request) -> Response {
        if let Err(problem) = check_head(&mut request) {
            return match problem.status {
                StatusCode::TOO_MANY_REQUESTS => later(problem),
                _ => closing(problem.response()),
            };
        }
        // A proxy that took another length for the body's would see a second request in its end
        // (RFC 9112, section 6.1); the library has dropped the other length by now.
        let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
        let stopping = request.extensions().get::<Stopping>().cloned();
        let answer = AssertUnwindSafe(self.route(request)).catch_unwind();
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            () = tokio::time::sleep(DEADLINE) => {
                let note = "it waited for a password hash, for the disk, or for the database";
                tracing::warn!(event = "request_timeout", seconds = DEADLINE.as_secs(), note);
                return unavailable("This took too long. Try again later.");
            }
            () = stop_is_near(stopping) => {
                return unavailable("The service is being stopped. Try again later.");
            }
        };
        match answer {
            Ok(response) if is_chunked || is_unread(response.status()) => closing(response),
            Ok(response) => response,
            Err(panic) => {
                tracing::error!(event = "failure", error = panic_message(&*panic));
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong.").response()
            }
        }
    }

    /// CORS is for the configured origins alone; an OPTIONS request of theirs that is no preflight
    /// is answered like anybody's.
    async fn route(&self, request: Request) -> Response {
        let headers = request.headers();
        let origin = headers.get(header::ORIGIN).and_then(|it| it.to_str().ok());
        let is_configured =
            origin.is_some_and(|it| self.deployment.cors_origins.iter().any(|own| own == it));
        let is_preflight = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let answered = if is_configured && (request.method() != Method::OPTIONS || is_preflight) {
            self.with_cors.call(request).await
        } else {
            self.plain.call(request).await
        };
        answered.unwrap_or_else(render)
    }
}

impl Endpoint for Middleware {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        let id = format!("{:016x}", self.next_id.fetch_add(1, Ordering::Relaxed));
        let client = ClientAddress::of(
            request.remote_addr(),
            request.headers(),
            &self.deployment.trusted_proxies,
        );
        if client.0.is_none() && !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                event = "client_unknown",
                note = "the proxy before the Unix socket has to send X-Forwarded-For; \
                        without it no client is limited"
            );
        }
        request.extensions_mut().insert(client);
        let method = request.method().clone();
        let is_probe = health::is_probe(request.uri().path());
        let span = tracing::info_span!("request", id);

        let mut response = self.answer_in_time(request).instrument(span.clone()).await;
        let route = response
            .extensions()
            .get::<RouteName>()
            .map_or_else(|| "-".into(), |it| Arc::clone(&it.0));
        let status = response.status().as_u16();
        let took = started.elapsed();
        self.metrics.count(&route, status, took);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // What probes find well is no news, and would fill the log by itself.
        if !is_probe || !response.status().is_success() {
            let (method, route) = (method.as_str(), &*route);
            span.in_scope(|| {
                with_text_of(client, |client| {
                    tracing::info!(event = "request", method, route, status, micros, client);
                });
            });
        }
        let policy = &self.content_security_policy;
        add_headers(response.headers_mut(), &self.deployment, policy, &id);
        Ok(response)
    }
}

thread_local! {
    /// The last client whose line this thread wrote, as text: many lines in a row are of one.
    static CLIENT: RefCell<(Option<IpAddr>, String)> = const { RefCell::new((None, String::new())) };
}

fn with_text_of(client: ClientAddress, act: impl FnOnce(Option<&str>)) {
    CLIENT.with_borrow_mut(|(last, text)| {
        if client.0.is_some() && client.0 != *last {
            *last = client.0;
            *text = client.0.map_or_else(String::new, |it| it.to_string());
        }
        act(client.0.map(|_| &**text));
    });
}

/// When the server stops and what is not answered yet has to be.
async fn stop_is_near(stopping: Option<Stopping>) {
    match stopping {
        Some(mut stopping) => stopping.is_near().await,
        None => std::future::pending().await,
    }
}

/// What was asked for was not done in time.
fn unavailable(sentence: &str) -> Response {
    later(Problem::new(StatusCode::SERVICE_UNAVAILABLE, sentence))
}

/// It may be done in a while.
fn later(problem: Problem) -> Response {
    let mut response = closing(problem.response());
    let seconds = HeaderValue::from_static("5");
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

/// Whether a part of the body is still on its way.
fn is_unread(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT
    )
}

/// The connection cannot be used again: what follows on it was not understood.
fn closing(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
