//! One path of the API: its methods, and what it answers to all the others.

use std::collections::HashMap;
use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result, Route};
use poem_openapi::OpenApi;

use super::api::endpoints;
use super::openapi::document::{document, own_path};
use super::openapi::options::{Description, describe};
use super::wire::{Problem, RouteName, accepts, check_once, render};

/// A path with all its methods.
struct ApiPath {
    name: RouteName,
    description: Description,
    methods: HashMap<Method, BoxEndpoint<'static>>,
}

/// All paths of the API, each with and without its trailing slash; `pages` if each has one.
pub(crate) fn routes(pages: bool) -> Route {
    let document = document();
    let mut table = HashMap::new();
    endpoints().add_routes(&mut table);
    let paths = document["paths"].as_object().into_iter();
    let mut route = Route::new();
    for path in paths.flat_map(serde_json::Map::keys) {
        let numbered = with_numbered_parameters(path);
        let bare = numbered.trim_end_matches('/');
        let with_slash = format!("{bare}/");
        let Some(methods) = table.remove(own_path(bare)) else {
            continue;
        };
        let endpoint = Arc::new(ApiPath {
            name: RouteName(path.as_str().into()),
            description: describe(&document, path, pages),
            methods,
        });
        route = route
            .at(bare, Arc::clone(&endpoint))
            .at(&with_slash, endpoint);
    }
    route
}

/// The framework's table of endpoints has parameters as `:param0`, `:param1`, the document as `{uid}`.
fn with_numbered_parameters(path: &str) -> String {
    let mut numbers = 0..;
    let parts = path.split('/').map(|part| match part.strip_prefix('{') {
        Some(_) => format!(":param{}", numbers.next().unwrap_or_default()),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

impl Endpoint for ApiPath {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let mut response = self.answer(request).await;
        response
            .headers_mut()
            .insert(header::ALLOW, self.description.allow.clone());
        response.extensions_mut().insert(self.name.clone());
        Ok(response)
    }
}

impl ApiPath {
    async fn answer(&self, request: Request) -> Response {
        if let Err(problem) = check_once(request.headers()) {
            return problem.response();
        }
        let method = request.method().clone();
        // The server sends no body in answer to HEAD.
        let handled_as = if method == Method::HEAD {
            Method::GET
        } else {
            method.clone()
        };
        let endpoint = self.methods.get(&handled_as);
        if endpoint.is_none() && method != Method::OPTIONS {
            return not_allowed(&method);
        }
        if !accepts(&request, &self.description.renders) {
            let sentence = "Could not satisfy the request Accept header.";
            return Problem::new(StatusCode::NOT_ACCEPTABLE, sentence).response();
        }
        match endpoint {
            Some(endpoint) => endpoint.call(request).await.unwrap_or_else(render),
            None => poem::web::Json(&self.description.options).into_response(),
        }
    }
}

fn not_allowed(method: &Method) -> Response {
    let sentence = format!("Method \"{method}\" not allowed.");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, sentence).response()
}

/// What stands beside the API and can only be read.
pub(crate) struct ReadOnly<E>(pub(crate) E);

impl<E: Endpoint> Endpoint for ReadOnly<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let mut refused = match *request.method() {
            Method::GET | Method::HEAD => {
                return self.0.call(request).await.map(E::Output::into_response);
            }
            Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
            ref other => not_allowed(other),
        };
        let allow = HeaderValue::from_static("GET, HEAD, OPTIONS");
        refused.headers_mut().insert(header::ALLOW, allow);
        Ok(refused)
    }
}
