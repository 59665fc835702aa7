//! Around every request: who sends it, what is refused before it is read, the headers of the
//! answer, and its line in the log.

pub(crate) mod health;
pub(crate) mod metrics;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use poem::http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header, uri::Authority,
};
use poem::{Endpoint, Request, Response};
use tracing::Instrument;

use super::middleware::metrics::Metrics;
use super::route::{RouteName, render};
use super::wire::client::ClientAddress;
use super::wire::deployment::Deployment;
use super::wire::problem::Problem;

/// From its head to its answer a request has so long, waiting for a hash included.
const DEADLINE: Duration = Duration::from_secs(30);

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// The application with everything around it.
pub(crate) struct Edge<P, C> {
    /// For most requests.
    pub(crate) plain: P,
    /// For requests from configured origins.
    pub(crate) cross_origin: C,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) requests: AtomicU64,
}

impl<P: Endpoint<Output = Response>, C: Endpoint<Output = Response>> Edge<P, C> {
    pub(crate) async fn answer(&self, mut request: Request) -> Response {
        let started = Instant::now();
        let id = format!("{:016x}", self.requests.fetch_add(1, Ordering::Relaxed));
        let client = ClientAddress::of(
            request.remote_addr(),
            request.headers(),
            &self.deployment.trusted_proxies,
        );
        request.extensions_mut().insert(client);
        let method = request.method().clone();
        let span = tracing::info_span!("request", id);

        let mut response = self.guarded(request).instrument(span.clone()).await;
        let route = response
            .extensions()
            .get::<RouteName>()
            .map_or_else(|| "-".into(), |it| Arc::clone(&it.0));
        let status = response.status().as_u16();
        let took = started.elapsed();
        self.metrics.count(&route, status, took);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let client = client.0.map(tracing::field::display);
        span.in_scope(|| {
            tracing::info!(event = "request", %method, route = &*route, status, micros, client);
        });
        self.add_headers(response.headers_mut(), &id);
        response
    }

    /// The answer, also when the handler panics or takes too long.
    async fn guarded(&self, request: Request) -> Response {
        if let Err(problem) = check_head(&request) {
            return closing(problem.response());
        }
        // A proxy that took another length for the body's would see a second request in its end
        // (RFC 9112, section 6.1); the library has dropped the other length by now.
        let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
        let answer = AssertUnwindSafe(self.routed(request)).catch_unwind();
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(response)) if is_chunked || is_unread(response.status()) => closing(response),
            Ok(Ok(response)) => response,
            Ok(Err(_panic)) => {
                tracing::error!(event = "failure", error = "a handler panicked");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong.").response()
            }
            Err(_elapsed) => {
                let busy = Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "This took too long. Try again later.",
                );
                let mut response = closing(busy.response());
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
                response
            }
        }
    }

    async fn routed(&self, request: Request) -> Response {
        let origin = request
            .headers()
            .get(header::ORIGIN)
            .and_then(|it| it.to_str().ok());
        let is_configured =
            origin.is_some_and(|it| self.deployment.cors_origins.iter().any(|own| own == it));
        let is_preflight = request.method() == Method::OPTIONS;
        let asks_method = request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let answered = if is_configured && (!is_preflight || asks_method) {
            self.cross_origin.call(request).await
        } else {
            self.plain.call(request).await
        };
        answered.unwrap_or_else(render)
    }

    fn add_headers(&self, headers: &mut HeaderMap, id: &str) {
        let mut or_default = |name: HeaderName, value: &'static str| {
            headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        };
        or_default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        or_default(header::REFERRER_POLICY, "no-referrer");
        or_default(header::CONTENT_SECURITY_POLICY, POLICY);
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        }
        if !self.deployment.cors_origins.is_empty() {
            // A cache between us and two origins must not mix up their answers.
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if self.deployment.public_url.is_https() {
            let year = HeaderValue::from_static("max-age=31536000");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
        }
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
    }
}

/// What the HTTP library lets through and we do not: an HTTP/1.1 request has one well-formed `Host`
/// (RFC 9112, section 3.2).
fn check_head(request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let bad = |sentence: &str| Err(Problem::new(StatusCode::BAD_REQUEST, sentence));
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_11 => {
            return bad("The Host header is missing.");
        }
        (Some(_), Some(_)) => return bad("The Host header stands there twice."),
        (Some(host), None) if !is_host(host) => return bad("The Host header is malformed."),
        _ => {}
    }
    Ok(())
}

fn is_host(value: &HeaderValue) -> bool {
    let authority = value
        .to_str()
        .ok()
        .and_then(|it| it.parse::<Authority>().ok());
    authority.is_some_and(|it| !it.host().is_empty() && !it.as_str().contains('@'))
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

/// A request's way in, without the types of what is around it.
pub(crate) trait Answer: Send + Sync {
    fn answer(
        &self,
        request: Request,
    ) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send + '_>>;
}

impl<P, C> Answer for Edge<P, C>
where
    P: Endpoint<Output = Response>,
    C: Endpoint<Output = Response>,
{
    fn answer(
        &self,
        request: Request,
    ) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send + '_>> {
        Box::pin(Edge::answer(self, request))
    }
}
