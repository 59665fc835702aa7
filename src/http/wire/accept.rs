//! What a client accepts: JSON for programs, pages for browsers.

use poem::http::{HeaderMap, header};
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::ResponseContent;
use poem_openapi::payload::{Html, Json};
use poem_openapi::types::ToJSON;

use crate::failure::Failure;

/// RFC 9110, section 12.5.1, without weighing: an endpoint renders one media type, or chooses itself.
pub(crate) fn accepts(headers: &HeaderMap, rendered: &[String]) -> bool {
    let mut headers = headers.get_all(header::ACCEPT).iter().peekable();
    if headers.peek().is_none() {
        return true;
    }
    let ranges = headers
        .filter_map(|it| it.to_str().ok())
        .collect::<Vec<_>>()
        .join(",")
        // Media types have no case (RFC 9110, section 8.3.1).
        .to_ascii_lowercase();
    ranges
        .split(',')
        .filter_map(range)
        .any(|range| range == "*/*" || rendered.iter().any(|it| matches(range, it)))
}

fn matches(range: &str, media_type: &str) -> bool {
    let kind = media_type.split('/').next();
    range == media_type || range.strip_suffix("/*").is_some_and(|it| Some(it) == kind)
}

/// The media range of an element of `Accept`, unless it is ruled out by `q=0`.
fn range(element: &str) -> Option<&str> {
    let mut parts = element.split(';').map(str::trim);
    let range = parts.next()?;
    let refused = parts.any(|it| it.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)));
    (!refused).then_some(range)
}

/// Whether a browser asks.
pub(crate) struct WantsHtml(pub(crate) bool);

impl<'a> FromRequest<'a> for WantsHtml {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        let accept = request.header(header::ACCEPT).unwrap_or_default();
        let mut ranges = accept.split(',');
        let html = ranges.any(|range| range.trim().starts_with("text/html"));
        Ok(Self(html))
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
