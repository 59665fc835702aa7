//! Swagger UI and the document itself, from the binary: nothing comes from outside.

use std::io::{Read, Write};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Request, Response, handler};

use super::document;
use crate::failure::Failure;
use crate::http::wire::Refusal;

/// A text that is kept compressed: Swagger UI has 1.6 MB, and most clients take it as it is here.
struct Page {
    gzipped: Vec<u8>,
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
        let etag = format!("\"{}\"", sha256(text));
        Ok(Self {
            gzipped: encoder.finish()?,
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
        let mut text = Vec::new();
        GzDecoder::new(self.gzipped.as_slice())
            .read_to_end(&mut text)
            .map_err(Failure::when("unpacking the documentation"))?;
        Ok(response.body(text))
    }
}

// Made when first asked for: most servers never are, and idle memory stays small.
static SWAGGER: LazyLock<std::io::Result<Page>> = LazyLock::new(|| {
    let service = document::service();
    // The page has the framework's document inside; people are to read the completed one.
    let html = service
        .swagger_ui_html()
        .replace(&service.spec(), document::text().trim_end());
    let policy = policy(&html);
    Page::new(&html, "text/html; charset=utf-8", Some(policy))
});

static DOCUMENT: LazyLock<std::io::Result<Page>> =
    LazyLock::new(|| Page::new(&document::text(), "application/json", None));

/// Swagger UI.
#[handler]
pub(crate) fn swagger(request: &Request) -> Response {
    answer(&SWAGGER, request)
}

/// The OpenAPI document.
#[handler]
pub(crate) fn openapi(request: &Request) -> Response {
    answer(&DOCUMENT, request)
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
        digests.push(format!("'sha256-{}'", sha256(script)));
        // A script may have `<script` in its text: the search goes on behind it.
        rest = after;
    }
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        digests.join(" ")
    )
}

fn sha256(text: &str) -> String {
    STANDARD.encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        text.as_bytes(),
    ))
}
