//! A page for each endpoint: around the whole application, for browsers. It asks as a program would,
//! and shows both sides of the conversation.

use std::sync::{Arc, OnceLock};

use minijinja::context;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse, Request, Response};
use serde_json::Value;

use super::catalogue::{self, Catalogue};
use super::exchange::{Asked, answered};
use super::front::{self, IsWell};
use super::sent_form::SentForm;
use super::template::render;
use crate::failure::Failure;
use crate::http::wire::{Deployment, Problem, Refusal, RefusedEarly, RouteName, Sender, receive};

/// The pages load their own style sheet and script, and post to themselves.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages of all endpoints.
pub(crate) struct Pages {
    deployment: Arc<Deployment>,
    document: fn() -> Value,
    /// Made when first asked for: most servers never are, and idle memory stays small.
    catalogue: OnceLock<Catalogue>,
}

impl Pages {
    pub(crate) fn new(deployment: Arc<Deployment>, document: fn() -> Value) -> Self {
        Self {
            deployment,
            document,
            catalogue: OnceLock::new(),
        }
    }

    fn catalogue(&self) -> &Catalogue {
        self.catalogue
            .get_or_init(|| Catalogue::new(&(self.document)()))
    }

    /// What comes before every path, as the browser knows it.
    fn base(&self) -> &str {
        self.deployment.public_url.path().trim_end_matches('/')
    }

    /// Answers a browser: what `application` answers to a program, on a page.
    pub(crate) async fn answer(
        &self,
        mut request: Request,
        application: &impl Endpoint<Output = Response>,
    ) -> poem::Result<Response> {
        let form = match self.sent_form(&mut request).await {
            Ok(form) => form,
            Err(problem) => {
                request.extensions_mut().insert(RefusedEarly(problem));
                None
            }
        };
        let path = request.uri().path().to_owned();
        let called = self.catalogue().at(&path);
        let body = match (&form, called) {
            (Some(form), Some(endpoint)) => form.fill(&mut request, endpoint),
            _ => None,
        };
        let asked = Asked::new(&request, body);
        let mut response = application.call(request).await?;
        let Some(body) = json(&mut response).await else {
            return Ok(response);
        };
        let about = response.extensions();
        let name = about.get::<RouteName>();
        let endpoint = name.and_then(|it| self.catalogue().endpoint(&it.0));
        let page = match (endpoint, about.get::<IsWell>()) {
            (Some(endpoint), _) => self.page(endpoint, &asked, form, &response, body.as_ref()),
            (None, Some(is_well)) => front::page(self.base(), self.catalogue(), *is_well),
            (None, None) if response.status() == StatusCode::NOT_FOUND => {
                self.not_found(&asked.target)
            }
            // Health and the like: JSON says it all.
            (None, None) => {
                response.set_body(body);
                return Ok(response);
            }
        };
        // As the paths of mailed links have.
        let has_secret_path = endpoint.is_some_and(|it| !it.path_fields.is_empty());
        Ok(match page {
            Ok(page) => html(response, page, has_secret_path),
            Err(failure) => {
                let mut refusal = Refusal::from(failure).into_response();
                response.set_status(refusal.status());
                response.set_body(refusal.take_body());
                response
            }
        })
    }

    /// What a page of ours has sent. Nothing of a foreign page's is read as that.
    async fn sent_form(&self, request: &mut Request) -> Result<Option<SentForm>, Problem> {
        let is_form = request
            .content_type()
            .is_some_and(|it| it.starts_with("application/x-www-form-urlencoded"));
        let sender = Sender::to(&self.deployment, request);
        if request.method() != Method::POST || !is_form || sender.is_hostile(request) {
            return Ok(None);
        }
        let body = receive(request.take_body()).await?;
        let form = SentForm::parse(&body);
        request.set_body(body);
        Ok(form)
    }

    fn page(
        &self,
        endpoint: &catalogue::Endpoint,
        asked: &Asked,
        form: Option<SentForm>,
        response: &Response,
        body: &[u8],
    ) -> Result<String, Failure> {
        let form = form.unwrap_or_default();
        let base = self.base();
        let origin = self.deployment.public_url.origin();
        let path = asked.target.split('?').next().unwrap_or_default();
        let answer = answered(response.status(), response.headers(), body);
        let tokens = tokens(body);
        render(
            include_str!("page.html"),
            include_str!("endpoint.html"),
            &context! {
                base,
                endpoint,
                path,
                path_values => path_values(endpoint, path),
                kept => form.kept(endpoint),
                token => tokens.or(form.token().map(str::to_owned)),
                request => asked.message(base, Some(endpoint)),
                curl => asked.curl(&origin, base, Some(endpoint)),
                answer,
                status => response.status().as_u16(),
                groups => self.catalogue().groups,
            },
        )
    }

    fn not_found(&self, target: &str) -> Result<String, Failure> {
        render(
            include_str!("page.html"),
            include_str!("not-found.html"),
            &context! { base => self.base(), target, groups => self.catalogue().groups },
        )
    }
}

/// The body of an answer in JSON; any other stays in it. The document is not copied: all share one.
async fn json(response: &mut Response) -> Option<impl AsRef<[u8]> + Into<Body> + use<>> {
    if response.content_type()?.split(';').next() != Some("application/json") {
        return None;
    }
    response.take_body().into_bytes().await.ok()
}

/// The access token of an answer that has one, for the next request.
fn tokens(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let token = body.get("access_token").or_else(|| body.get("access"))?;
    Some(token.as_str()?.to_owned())
}

/// What the parameters of the path are now, one for each of its fields.
fn path_values(endpoint: &catalogue::Endpoint, path: &str) -> Vec<String> {
    let parts = endpoint.path.split('/').zip(path.split('/'));
    let values = parts.filter(|(ours, _)| ours.starts_with('{'));
    values
        .map(
            |(ours, value)| match percent_encoding::percent_decode_str(value).decode_utf8() {
                // The front page links to the path as the document writes it.
                Ok(value) if value == ours => String::new(),
                Ok(value) => value.into_owned(),
                Err(_) => String::new(),
            },
        )
        .collect()
}

/// The page in place of the JSON that `response` had: with its status and its headers.
fn html(mut response: Response, page: String, has_secret_path: bool) -> Response {
    response.set_body(Body::from_string(page));
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, html);
    let policy = HeaderValue::from_static(POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    if !has_secret_path {
        // Without it a form of ours would be sent as from nowhere, and get no cookie.
        let referrer = HeaderValue::from_static("same-origin");
        headers.insert(header::REFERRER_POLICY, referrer);
    }
    headers.append(header::VARY, HeaderValue::from_static("Accept"));
    response
}
