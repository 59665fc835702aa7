//! The front page: what this is, whether it is well, where everything is.

use minijinja::context;
use poem::web::Json;
use poem::{IntoResponse, Response};
use serde_json::json;

use super::catalogue::Catalogue;
use super::template::render;
use crate::failure::Failure;

/// Whether the service was well when it was asked, for the page.
#[derive(Clone, Copy)]
pub(super) struct IsWell(bool);

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a program gets; a browser gets the page in its place.
pub(crate) fn answer(is_well: bool, documentation: &str) -> Response {
    let body = json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": VERSION,
        "documentation": documentation,
    });
    let mut response = Json(body).into_response();
    response.extensions_mut().insert(IsWell(is_well));
    response
}

pub(super) fn page(
    base: &str,
    catalogue: &Catalogue,
    IsWell(is_well): IsWell,
) -> Result<String, Failure> {
    render(
        include_str!("page.html"),
        include_str!("front.html"),
        &context! { base, is_well, version => VERSION, groups => catalogue.groups },
    )
}
