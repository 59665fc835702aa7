//! The form of a page, which posts to the page's own address, as the request that it stands for. So
//! the pages work without a script.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use poem::Request;
use poem::http::{HeaderValue, Method, header};
use serde_json::{Map, Value};

use super::catalogue::{Endpoint, Field, Kind, Operation};

/// The button that was pressed: `POST`, or `POST 1` for the second of the bodies by hand.
pub(super) const BUTTON: &str = "_send";
/// The bearer token.
pub(super) const TOKEN: &str = "_token";

/// Stays as it is in a path (RFC 3986, section 3.3).
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@');

/// What was typed, by the names of the inputs.
#[derive(Default)]
pub(super) struct SentForm(BTreeMap<String, String>);

impl SentForm {
    /// None if it is no form of a page, but one that posts to the endpoint itself.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let fields: BTreeMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
        fields.contains_key(BUTTON).then_some(Self(fields))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|it| !it.is_empty())
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.get(TOKEN).map(str::trim)
    }

    /// What the inputs of the next page begin with: all but passwords, and bodies that may hold one.
    pub(super) fn kept(&self, endpoint: &Endpoint) -> BTreeMap<&str, &str> {
        let secrets = endpoint.secrets();
        let is_secret = |name: &str| {
            let (_, field) = name.split_once('.').unwrap_or_default();
            secrets.contains(&field) || field.starts_with("body.") && !secrets.is_empty()
        };
        let kept = self.0.iter().filter(|(name, _)| !is_secret(name));
        kept.map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// Makes `request` the one that was asked for, and returns the body that it has now. A field that
    /// was left empty is not sent.
    pub(super) fn fill(&self, request: &mut Request, endpoint: &Endpoint) -> Option<String> {
        let button = self.get(BUTTON)?;
        let (method, body) = match button.split_once(' ') {
            Some((method, body)) => (method, body.parse::<usize>().ok()),
            None => (button, None),
        };
        let operation = endpoint.operations.iter().find(|it| it.method == method);
        request.set_method(Method::from_bytes(method.as_bytes()).ok()?);
        if let Some(Ok(uri)) = self.address(endpoint, operation).map(|it| it.parse()) {
            *request.uri_mut() = uri;
        }
        let headers = request.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        headers.remove(header::CONTENT_LENGTH);
        // The page shows what a program would get.
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let bearer = self.token().map(|it| format!("Bearer {it}"));
        if let Some(Ok(bearer)) = bearer.map(|it| HeaderValue::from_str(&it)) {
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let (media_type, body) = match (operation?, body) {
            (operation, Some(number)) => {
                let raw = operation.bodies.get(number)?;
                let typed = self.get(&format!("{method}.body.{number}"));
                (
                    raw.media_type.as_str(),
                    typed.unwrap_or_default().to_owned(),
                )
            }
            (operation, None) if operation.body_fields.is_empty() => return None,
            (operation, None) => ("application/json", self.json(operation)),
        };
        let headers = request.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_str(media_type).ok()?,
        );
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        request.set_body(body.clone());
        Some(body)
    }

    /// The path with its parameters filled in, and the query. None if another page has sent this.
    fn address(&self, endpoint: &Endpoint, operation: Option<&Operation>) -> Option<String> {
        let mut path = endpoint.path.clone();
        for field in &endpoint.path_fields {
            let value = match self.0.get(&format!("path.{}", field.name))?.as_str() {
                // An empty part would be another path.
                "" => "-",
                value => value,
            };
            let value = utf8_percent_encode(value, IN_PATH).to_string();
            path = path.replace(&format!("{{{}}}", field.name), &value);
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(operation) = operation {
            for field in &operation.query_fields {
                if let Some(value) = self.get(&input(&operation.method, field)) {
                    query.append_pair(&field.name, value);
                }
            }
        }
        Some(match query.finish() {
            query if query.is_empty() => path,
            query => format!("{path}?{query}"),
        })
    }

    fn json(&self, operation: &Operation) -> String {
        let typed = operation.body_fields.iter().filter_map(|field| {
            let value = self.get(&input(&operation.method, field))?;
            let value = match (field.kind, value) {
                (Kind::Boolean, "true") => Value::Bool(true),
                (Kind::Boolean, "false") => Value::Bool(false),
                (_, text) => text.into(),
            };
            Some((field.name.clone(), value))
        });
        let typed: Map<String, Value> = typed.collect();
        format!("{:#}", Value::Object(typed))
    }
}

fn input(method: &str, field: &Field) -> String {
    format!("{method}.{}", field.name)
}
