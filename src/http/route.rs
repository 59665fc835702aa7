//! One path of the API: which methods it has, and what it answers to all the others.

use std::collections::HashMap;
use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result, Route};
use poem_openapi::OpenApi;
use serde_json::Value;

use super::openapi::document::{api, document, own_path};
use super::openapi::options::{Described, describe};
use super::wire::problem::Problem;

/// The name of the path that answered, for the log: a path itself may have a secret in it.
#[derive(Clone)]
pub(crate) struct RouteName(pub(crate) Arc<str>);

struct Resource {
    name: RouteName,
    allow: HeaderValue,
    renders: Vec<String>,
    options: Value,
    methods: HashMap<Method, BoxEndpoint<'static>>,
}

/// All paths of the API, each with and without its trailing slash.
pub(crate) fn routes() -> Route {
    let document = document();
    let mut table = HashMap::new();
    api().add_routes(&mut table);
    // The table names parameters `:param0` in the order that the document has them by name.
    let documented = document["paths"]
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys);
    let shape = |path: &str| {
        let mut parameters = 0..;
        path.split('/')
            .map(|part| match part.strip_prefix('{') {
                Some(_) => format!(":param{}", parameters.next().unwrap_or_default()),
                None => part.to_owned(),
            })
            .collect::<Vec<_>>()
            .join("/")
    };
    let mut route = Route::new();
    for path in documented {
        let shaped = shape(path);
        let bare = shaped.trim_end_matches('/');
        let Some(methods) = table.remove(own_path(bare)) else {
            continue;
        };
        let Described {
            allow,
            renders,
            options,
        } = describe(&document, path);
        let resource = Arc::new(Resource {
            name: RouteName(path.as_str().into()),
            allow: HeaderValue::from_str(&allow)
                .unwrap_or_else(|_| HeaderValue::from_static("OPTIONS")),
            renders,
            options,
            methods,
        });
        route = route.at(bare, Arc::clone(&resource)).at(&shaped, resource);
    }
    route
}

impl Endpoint for Resource {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let mut response = self.answer(request).await;
        response
            .headers_mut()
            .insert(header::ALLOW, self.allow.clone());
        response.extensions_mut().insert(self.name.clone());
        Ok(response)
    }
}

impl Resource {
    async fn answer(&self, request: Request) -> Response {
        if !self.is_acceptable(&request) {
            return Problem::new(
                StatusCode::NOT_ACCEPTABLE,
                "Could not satisfy the request Accept header.",
            )
            .response();
        }
        let method = request.method().clone();
        // The server sends no body in answer to HEAD.
        let handled_as = if method == Method::HEAD {
            Method::GET
        } else {
            method.clone()
        };
        match self.methods.get(&handled_as) {
            Some(endpoint) => endpoint.call(request).await.unwrap_or_else(render),
            None if method == Method::OPTIONS => poem::web::Json(&self.options).into_response(),
            None => {
                let sentence = format!("Method \"{method}\" not allowed.");
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, sentence).response()
            }
        }
    }

    /// RFC 9110, section 12.5.1, without weighing: what we render has one form, or the handler chooses.
    fn is_acceptable(&self, request: &Request) -> bool {
        let mut headers = request.headers().get_all(header::ACCEPT).iter().peekable();
        if headers.peek().is_none() {
            return true;
        }
        let ranges = headers
            .filter_map(|it| it.to_str().ok())
            .collect::<Vec<_>>()
            .join(",")
            // Media types have no case (RFC 9110, section 8.3.1).
            .to_ascii_lowercase();
        ranges.split(',').filter_map(range).any(|range| {
            range == "*/*"
                || self.renders.iter().any(|rendered| {
                    let kind = rendered.split('/').next().unwrap_or_default();
                    range == rendered.as_str()
                        || range.strip_suffix("/*").is_some_and(|it| it == kind)
                })
        })
    }
}

/// An error of a handler has its own response; one of the framework gets ours.
pub(crate) fn render(err: poem::Error) -> Response {
    if err.is_from_response() || err.is::<Problem>() {
        return err.into_response();
    }
    if err.status().is_server_error() {
        tracing::error!(event = "failure", error = %err);
    }
    Problem::of(&err).response()
}

/// The media range of an element of `Accept`, unless it is ruled out by `q=0`.
fn range(element: &str) -> Option<&str> {
    let mut parts = element.split(';').map(str::trim);
    let range = parts.next()?;
    let refused = parts.any(|it| it.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)));
    (!refused).then_some(range)
}
