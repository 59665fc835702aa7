//! What a request shows to prove who asks: a bearer token, a cookie.

use std::collections::HashSet;
use std::sync::Arc;

use poem::http::{HeaderMap, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::client::Client;
use super::denied::NoSession;
use crate::accounts::Accounts;
use crate::domain::Actor;
use crate::domain::LiveSession;

/// The name of the session cookie.
pub(crate) const COOKIE: &str = "minisass_session";

/// The `Authorization` header (RFC 6750, section 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// None, or of another scheme.
    None,
    /// `Bearer` and something that is not one token.
    Malformed,
    /// More than one header.
    Repeated,
    /// A token, whatever it is worth.
    Bearer(String),
}

/// What a request shows. Documented as the two ways to prove who asks.
pub(crate) struct Presented {
    pub(crate) authorization: Authorization,
    /// The secret of the session cookie.
    pub(crate) cookie: Option<String>,
    /// Whether a page of ours, or of a configured origin, sent this.
    pub(crate) from_own_page: bool,
    /// Who shows it.
    pub(crate) caller: Actor,
}

/// The origins whose pages may use the cookie.
pub(crate) struct OwnOrigins(pub(crate) HashSet<String>);

impl<'a> ApiExtractor<'a> for Presented {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_bearer(registry);
        registry.create_security_scheme(
            "cookie",
            MetaSecurityScheme {
                description: Some("The session cookie that login sets."),
                name: Some(COOKIE),
                key_in: Some("cookie"),
                ..scheme("apiKey")
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["bearer", "cookie"]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let headers = request.headers();
        let own = request.extensions().get::<Arc<OwnOrigins>>();
        Ok(Self {
            authorization: authorization(headers),
            cookie: cookie(headers),
            from_own_page: own.is_some_and(|own| is_from_own_page(headers, own)),
            caller: Client::of(request).0,
        })
    }
}

/// A bearer token and nothing else: what endpoints of the own account want.
pub(crate) struct Bearer(Authorization, Actor);

impl<'a> ApiExtractor<'a> for Bearer {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_bearer(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["bearer"]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(
            authorization(request.headers()),
            Client::of(request).0,
        ))
    }
}

impl Bearer {
    /// The session of the token.
    pub(crate) async fn session(&self, accounts: &Accounts) -> Result<LiveSession, NoSession> {
        match &self.0 {
            Authorization::Bearer(token) => Ok(accounts.bearer(token, &self.1).await?),
            Authorization::Malformed | Authorization::Repeated => Err(NoSession::bad_header()),
            Authorization::None => Err(NoSession::not_provided()),
        }
    }
}

fn register_bearer(registry: &mut Registry) {
    registry.create_security_scheme(
        "bearer",
        MetaSecurityScheme {
            description: Some("An access token, from login or refresh."),
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            ..scheme("http")
        },
    );
}

fn scheme(ty: &'static str) -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty,
        description: None,
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    }
}

fn authorization(headers: &HeaderMap) -> Authorization {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Authorization::None;
    };
    if values.next().is_some() {
        return Authorization::Repeated;
    }
    let mut words = value.to_str().unwrap_or_default().split_ascii_whitespace();
    if !words
        .next()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
    {
        return Authorization::None;
    }
    match (words.next(), words.next()) {
        (Some(token), None) => Authorization::Bearer(token.to_owned()),
        _ => Authorization::Malformed,
    }
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, secret)| secret.to_owned())
}

/// Browsers say where a request comes from (Fetch Metadata; RFC 6454). Who says nothing is no
/// browser, and has no cookie that somebody else could make it send.
fn is_from_own_page(headers: &HeaderMap, own: &OwnOrigins) -> bool {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
    match text(header::ORIGIN) {
        Some(origin) => own.0.contains(origin),
        None => text(header::HeaderName::from_static("sec-fetch-site"))
            .is_some_and(|site| site == "same-origin"),
    }
}
