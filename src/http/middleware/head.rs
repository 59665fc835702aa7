//! What the HTTP library lets through and we do not.

use poem::Request;
use poem::http::uri::Authority;
use poem::http::{HeaderValue, StatusCode, Version, header};

use crate::http::wire::{Problem, RefusedEarly};

/// What was found wrong earlier; and an HTTP/1.1 request has one well-formed `Host` (RFC 9112,
/// section 3.2).
pub(crate) fn check_head(request: &mut Request) -> Result<(), Problem> {
    if let Some(RefusedEarly(problem)) = request.extensions_mut().remove() {
        return Err(problem);
    }
    let bad = |sentence: &str| Err(Problem::new(StatusCode::BAD_REQUEST, sentence));
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_11 => bad("The Host header is missing."),
        (Some(_), Some(_)) => bad("The Host header stands there twice."),
        (Some(host), None) if !is_host(host) => bad("The Host header is malformed."),
        _ => Ok(()),
    }
}

fn is_host(value: &HeaderValue) -> bool {
    let authority = value
        .to_str()
        .ok()
        .and_then(|it| it.parse::<Authority>().ok());
    authority.is_some_and(|it| !it.host().is_empty() && !it.as_str().contains('@'))
}
