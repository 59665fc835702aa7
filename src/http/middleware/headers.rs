//! The headers that every answer has.

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::http::wire::Deployment;

pub(crate) fn add_headers(
    headers: &mut HeaderMap,
    deployment: &Deployment,
    policy: &HeaderValue,
    id: &str,
) {
    let mut or_default = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    or_default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    or_default(header::REFERRER_POLICY, "no-referrer");
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert_with(|| policy.clone());
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }
    if !deployment.cors_origins.is_empty() {
        // A cache between us and two origins must not mix up their answers.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if deployment.public_url.is_https() {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
}
