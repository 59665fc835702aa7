//! What the pages load, from the binary: nothing comes from outside.

use poem::http::header;
use poem::{Response, handler};

#[handler]
pub(crate) fn style() -> Response {
    asset(
        "text/css; charset=utf-8",
        include_bytes!("assets/pages.css"),
    )
}

#[handler]
pub(crate) fn script() -> Response {
    asset(
        "text/javascript; charset=utf-8",
        include_bytes!("assets/pages.js"),
    )
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
