//! What the pages load, from the binary: nothing comes from outside.

use poem::http::header;
use poem::{Response, handler};

/// Of all pages.
pub(super) const STYLE: &str = include_str!("assets/pages.css");
/// The script of every page with a field for a password.
pub(super) const SHOW_PASSWORD: &str = include_str!("assets/show-password.js");
const SCRIPT: &str = concat!(
    include_str!("assets/show-password.js"),
    include_str!("assets/pages.js")
);

#[handler]
pub(crate) fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE.as_bytes())
}

#[handler]
pub(crate) fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT.as_bytes())
}

#[handler]
pub(crate) fn icon() -> Response {
    asset("image/x-icon", include_bytes!("assets/favicon.ico"))
}

fn asset(content_type: &'static str, bytes: &'static [u8]) -> Response {
    Response::builder()
        .content_type(content_type)
        .header(header::CACHE_CONTROL, "max-age=300")
        .body(bytes)
}
