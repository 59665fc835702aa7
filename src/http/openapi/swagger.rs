//! Swagger UI, a reference to read, and the document itself, from the binary: nothing comes from
//! outside.

use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use poem::http::{StatusCode, header};
use poem::web::Data;
use poem::{IntoResponse, Request, Response, handler};

use super::variants::Wanted;
use super::{document, variants};
use crate::domain::WebUrl;
use crate::failure::Failure;
use crate::http::wire::{Refusal, digest};

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";

/// A text that is kept compressed: Swagger UI has 1.6 MB, and most clients take it as it is here. All
/// answers share the same bytes, however slowly they are read.
struct Page {
    gzipped: Bytes,
    /// Made when somebody first wants it.
    plain: OnceLock<Bytes>,
    etag: String,
    content_type: &'static str,
    policy: Option<String>,
}

impl Page {
    fn new(
        text: &str,
        content_type: &'static str,
        policy: Option<String>,
    ) -> std::io::Result<Self> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes())?;
        let etag = format!("\"{}\"", digest(text));
        Ok(Self {
            gzipped: encoder.finish()?.into(),
            plain: OnceLock::new(),
            etag,
            content_type,
            policy,
        })
    }

    fn answer(&self, request: &Request) -> Result<Response, Failure> {
        let mut response = Response::builder()
            .header(header::ETAG, &self.etag)
            .header(header::CACHE_CONTROL, "no-cache")
            .header(header::VARY, "Accept-Encoding")
            .content_type(self.content_type);
        if let Some(policy) = &self.policy {
            response = response.header(header::CONTENT_SECURITY_POLICY, policy);
        }
        if request
            .header(header::IF_NONE_MATCH)
            .is_some_and(|it| it.contains(&self.etag))
        {
            return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
        }
        if request
            .header(header::ACCEPT_ENCODING)
            .is_some_and(|it| it.contains("gzip"))
        {
            return Ok(response
                .header(header::CONTENT_ENCODING, "gzip")
                .body(self.gzipped.clone()));
        }
        if let Some(plain) = self.plain.get() {
            return Ok(response.body(plain.clone()));
        }
        let mut text = Vec::new();
        GzDecoder::new(&*self.gzipped)
            .read_to_end(&mut text)
            .map_err(Failure::when("unpacking the documentation"))?;
        let plain = self.plain.get_or_init(|| text.into());
        Ok(response.body(plain.clone()))
    }
}

/// What is made when first asked for: most servers never are, and idle memory stays small.
type Made = OnceLock<std::io::Result<Page>>;

/// The document and Swagger UI of this deployment.
pub(crate) struct Documentation {
    /// Below which path the browser finds all others.
    server: String,
    swagger: Made,
    reference: Made,
    /// In JSON, in YAML, and both with JSON bodies only.
    documents: [Made; 4],
}

impl Documentation {
    pub(crate) fn new(public_url: &WebUrl) -> Self {
        Self {
            server: public_url.path().to_owned(),
            swagger: Made::new(),
            reference: Made::new(),
            documents: Default::default(),
        }
    }

    fn swagger(&self) -> std::io::Result<Page> {
        let theirs = document::service().swagger_ui_html();
        let page = include_str!("swagger.html")
            .replace(
                "{:style}",
                between(&theirs, "<style charset=\"UTF-8\">", "</style>"),
            )
            .replace(
                "{:script}",
                between(&theirs, "<script charset=\"UTF-8\">", "</script>"),
            );
        self.page(&page)
    }

    fn reference(&self) -> std::io::Result<Page> {
        let theirs = document::service().rapidoc_html();
        let script = between(&theirs, "<script charset=\"UTF-8\">", "</script>");
        self.page(&include_str!("reference.html").replace("{:script}", script))
    }

    /// A page with the document inside, as people want it.
    fn page(&self, html: &str) -> std::io::Result<Page> {
        let document = variants::for_people(&self.server);
        // A script ends at the first `</`, wherever that stands.
        let document = document.to_string().replace("</", "<\\/");
        let html = html
            .replace("{:base}", self.server.trim_end_matches('/'))
            .replace("{:names}", include_str!("names.js"))
            .replace("{:document}", &document);
        let policy = policy(&html);
        Page::new(&html, "text/html; charset=utf-8", Some(policy))
    }

    /// The document, with `?bodies=json` for generators that read one media type only.
    fn answer(&self, request: &Request, yaml: bool) -> Response {
        let mut query = request.uri().query().unwrap_or_default().split('&');
        let json_bodies = query.any(|it| it == "bodies=json");
        let wanted = Wanted { json_bodies, yaml };
        let page = &self.documents[usize::from(json_bodies) * 2 + usize::from(yaml)];
        answer(page.get_or_init(|| self.document(wanted)), request)
    }

    fn document(&self, wanted: Wanted) -> std::io::Result<Page> {
        let text = variants::text(&self.server, wanted);
        let text = text.map_err(|it| std::io::Error::other(it.chain()))?;
        Page::new(&text, if wanted.yaml { YAML } else { JSON }, None)
    }
}

/// Swagger UI.
#[handler]
pub(crate) fn swagger(request: &Request, Data(made): Data<&Arc<Documentation>>) -> Response {
    answer(made.swagger.get_or_init(|| made.swagger()), request)
}

/// The same to read rather than to try.
#[handler]
pub(crate) fn reference(request: &Request, Data(made): Data<&Arc<Documentation>>) -> Response {
    answer(made.reference.get_or_init(|| made.reference()), request)
}

/// The OpenAPI document.
#[handler]
pub(crate) fn openapi(request: &Request, Data(made): Data<&Arc<Documentation>>) -> Response {
    made.answer(request, false)
}

/// The OpenAPI document in YAML.
#[handler]
pub(crate) fn openapi_yaml(request: &Request, Data(made): Data<&Arc<Documentation>>) -> Response {
    made.answer(request, true)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let after = text.split_once(start).map_or("", |it| it.1);
    after.split_once(end).map_or(after, |it| it.0)
}

fn answer(page: &std::io::Result<Page>, request: &Request) -> Response {
    let answered = match page {
        Ok(page) => page.answer(request),
        Err(err) => Err(Failure::new("preparing the documentation", err.to_string())),
    };
    answered.unwrap_or_else(|failure| Refusal::from(failure).into_response())
}

/// Lets exactly the page's own scripts run, by their digests (CSP Level 3, section 6.7.2).
fn policy(html: &str) -> String {
    let mut digests = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once("<script") {
        let Some((_, body)) = after.split_once('>') else {
            break;
        };
        let Some((script, after)) = body.split_once("</script>") else {
            break;
        };
        digests.push(format!("'{}'", digest(script)));
        // A script may have `<script` in its text: the search goes on behind it.
        rest = after;
    }
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        digests.join(" ")
    )
}
