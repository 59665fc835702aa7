//! What a client wants to see: JSON for programs, pages for browsers.

use std::cmp::Reverse;

use poem::http::{HeaderMap, header};
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::ResponseContent;
use poem_openapi::payload::{Html, Json};
use poem_openapi::types::ToJSON;

use crate::failure::Failure;

const JSON: &str = "application/json";
const HTML: &str = "text/html";

/// Whether an endpoint that renders these media types can satisfy the request (RFC 9110, section
/// 12.5.1); `?format=` overrides the header.
pub(crate) fn accepts(request: &Request, rendered: &[String]) -> bool {
    if let Some(wanted) = format(request) {
        return rendered.iter().any(|it| it == wanted);
    }
    let Some(accept) = accept(request.headers()) else {
        return true;
    };
    let mut ranges = ranges(&accept);
    ranges.any(|(range, quality)| quality > 0.0 && rendered.iter().any(|it| matches(range, it)))
}

/// Whether a browser asks: whoever likes HTML better than JSON, and of two that are liked as much names
/// it first.
pub(crate) fn wants_html(request: &Request) -> bool {
    if let Some(wanted) = format(request) {
        return wanted == HTML;
    }
    let accept = accept(request.headers()).unwrap_or_default();
    let liking = |media_type| {
        let matching = ranges(&accept)
            .enumerate()
            .filter(|(_, (range, _))| matches(range, media_type));
        // The most specific range counts.
        let (place, (_, quality)) = matching.max_by_key(|(_, (range, _))| match *range {
            "*/*" => 0,
            range if range.ends_with("/*") => 1,
            _ => 2,
        })?;
        (quality > 0.0).then_some((quality, Reverse(place)))
    };
    liking(HTML) > liking(JSON)
}

/// The media type that the query asks for.
fn format(request: &Request) -> Option<&'static str> {
    let parameters = request.uri().query()?.split('&');
    let mut named = parameters.filter_map(|it| it.strip_prefix("format="));
    named.find_map(|it| match it {
        "json" => Some(JSON),
        "html" => Some(HTML),
        _ => None,
    })
}

fn accept(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    values.peek()?;
    let texts: Vec<&str> = values.filter_map(|it| it.to_str().ok()).collect();
    // Media types have no case (RFC 9110, section 8.3.1).
    Some(texts.join(",").to_ascii_lowercase())
}

/// The media ranges of an `Accept` header with their qualities.
fn ranges(accept: &str) -> impl Iterator<Item = (&str, f32)> {
    accept.split(',').filter_map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let range = parts.next()?;
        let quality = parts.find_map(|it| it.strip_prefix("q="));
        let quality = quality.map_or(Some(1.0), |it| it.parse().ok());
        Some((range, quality.unwrap_or(1.0)))
    })
}

fn matches(range: &str, media_type: &str) -> bool {
    let kind = media_type.split('/').next();
    range == "*/*"
        || range == media_type
        || range.strip_suffix("/*").is_some_and(|it| Some(it) == kind)
}

/// Whether a browser asks.
pub(crate) struct WantsHtml(pub(crate) bool);

impl<'a> FromRequest<'a> for WantsHtml {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(wants_html(request)))
    }
}

#[derive(ResponseContent)]
pub(crate) enum JsonOrPage<T: ToJSON> {
    Json(Json<T>),
    Page(Html<String>),
}

impl<T: ToJSON> JsonOrPage<T> {
    /// The page if a browser asks.
    pub(crate) fn new(
        html: bool,
        json: Json<T>,
        page: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<Self, Failure> {
        Ok(if html {
            Self::Page(Html(page()?))
        } else {
            Self::Json(json)
        })
    }
}
