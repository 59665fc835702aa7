//! What the HTTP library lets through and we do not.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use poem::Request;
use poem::http::Uri;
use poem::http::uri::Authority;
use poem::http::{HeaderValue, StatusCode, Version, header};

use crate::http::wire::{Problem, RefusedEarly};

/// What was found wrong earlier; and an HTTP/1.1 request has one well-formed `Host` (RFC 9112,
/// section 3.2).
pub(crate) fn check_head(request: &mut Request) -> Result<(), Problem> {
    if let Some(RefusedEarly(problem)) = request.extensions_mut().remove() {
        return Err(problem);
    }
    if let Some(readable) = readable(request.uri()) {
        *request.uri_mut() = readable;
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

/// The address with the character that stands for unreadable bytes where its path has such, if it has.
/// The framework leaves out what it cannot read, and refuses in its own words; so it is a link, or a
/// name, that nobody has.
fn readable(address: &Uri) -> Option<Uri> {
    let is_readable = |part: &str| percent_decode_str(part).decode_utf8().is_ok();
    let path = address.path();
    if is_readable(path) {
        return None;
    }
    let part = |part| match is_readable(part) {
        true => part.to_owned(),
        false => {
            let text = percent_decode_str(part).decode_utf8_lossy();
            utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
        }
    };
    let parts: Vec<String> = path.split('/').map(part).collect();
    let query = address
        .query()
        .map_or_else(String::new, |it| format!("?{it}"));
    format!("{}{query}", parts.join("/")).parse().ok()
}

fn is_host(value: &HeaderValue) -> bool {
    let authority = value
        .to_str()
        .ok()
        .and_then(|it| it.parse::<Authority>().ok());
    authority.is_some_and(|it| !it.host().is_empty() && !it.as_str().contains('@'))
}
