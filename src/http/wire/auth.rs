//! What a request shows to prove who asks: a bearer token, a cookie.

use memchr::memchr2;
use poem::Request;
use poem::http::{HeaderMap, header};
use poem_openapi::registry::{MetaSecurityScheme, Registry};

use super::client::actor;
use super::deployment::COOKIE;
use super::problem::error;
use super::refusal::{NoSession, Refusal, TokenProblem};
use super::sender::Sender;
use crate::accounts::Accounts;
use crate::domain::{Actor, LiveSession};

/// The `Authorization` header (RFC 6750, section 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// None, or of another scheme.
    None,
    /// `Bearer` and something that is not one token.
    Malformed,
    /// A token, whatever it is worth.
    Bearer(String),
}

impl Authorization {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Self::None;
        };
        let value = str::from_utf8(value.as_bytes()).unwrap_or_default();
        let value = if value.is_ascii() {
            value.trim_ascii()
        } else {
            ""
        };
        let end = value.find([' ', '\t']).unwrap_or(value.len());
        let (scheme, token) = value.split_at(end);
        let token = token.trim_ascii_start();
        let has_gap = |it: &str| memchr2(b' ', b'\t', it.as_bytes()).is_some();
        match scheme.eq_ignore_ascii_case("bearer") {
            false => Self::None,
            true if token.is_empty() || has_gap(token) => Self::Malformed,
            true => Self::Bearer(token.to_owned()),
        }
    }

    /// The session of the token.
    pub(crate) async fn session(
        &self,
        accounts: &Accounts,
        actor: &Actor,
    ) -> Result<LiveSession, NoSession> {
        let problem = match self {
            Self::Bearer(token) => return Ok(accounts.bearer(token, actor).await?),
            Self::Malformed => TokenProblem::new(
                "Authorization header must contain two space-delimited values",
                Some("bad_authorization_header"),
            ),
            Self::None => TokenProblem::new(NOT_PROVIDED, None),
        };
        Err(NoSession::Denied(problem))
    }
}

/// Nothing was shown that proves who asks.
pub(crate) const NOT_PROVIDED: &str = "Authentication credentials were not provided.";

/// Who may call an endpoint.
pub(crate) trait Who: Sized {
    /// What proves it, by the names of the OpenAPI document.
    const SCHEMES: &'static [&'static str];

    fn identify(
        request: &Request,
        accounts: &Accounts,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send;
}

pub(crate) struct Anyone;

impl Who for Anyone {
    const SCHEMES: &'static [&'static str] = &[];

    async fn identify(_: &Request, _: &Accounts) -> Result<Self, Refusal> {
        Ok(Self)
    }
}

/// Whoever has a bearer token.
impl Who for LiveSession {
    const SCHEMES: &'static [&'static str] = &["bearer"];

    async fn identify(request: &Request, accounts: &Accounts) -> Result<Self, Refusal> {
        let authorization = Authorization::of(request.headers());
        Ok(authorization.session(accounts, &actor(request)).await?)
    }
}

/// Whoever asks, but no page of somebody else: it would log its visitor in under another's name.
pub(crate) struct NoForeignPage {
    pub(crate) gets_cookie: bool,
}

impl Who for NoForeignPage {
    const SCHEMES: &'static [&'static str] = &[];

    async fn identify(request: &Request, _: &Accounts) -> Result<Self, Refusal> {
        let sender = Sender::of(request);
        if sender.is_hostile(request) {
            tracing::warn!(
                event = "foreign_page_refused",
                origin = ?request.headers().get(header::ORIGIN),
                "cors_origins names the pages that may"
            );
            return Err(Refusal::Forbidden(error(
                "This page may not log anybody in here.",
            )));
        }
        let gets_cookie = sender != Sender::ForeignPage;
        Ok(Self { gets_cookie })
    }
}

/// Whoever asks: the endpoint decides what the credentials are worth.
pub(crate) struct Credentials {
    pub(crate) authorization: Authorization,
    /// The secret of the session cookie, unless a foreign page sent it.
    pub(crate) cookie: Option<String>,
    pub(crate) sender: Sender,
}

impl Who for Credentials {
    const SCHEMES: &'static [&'static str] = &["bearer", "cookie"];

    async fn identify(request: &Request, _: &Accounts) -> Result<Self, Refusal> {
        let headers = request.headers();
        let sender = Sender::of(request);
        let is_believed = sender != Sender::ForeignPage;
        Ok(Self {
            authorization: Authorization::of(headers),
            cookie: cookie(headers).filter(|_| is_believed),
            sender,
        })
    }
}

pub(crate) fn register_schemes(registry: &mut Registry) {
    let scheme = |ty| MetaSecurityScheme {
        ty,
        description: None,
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(
        "bearer",
        MetaSecurityScheme {
            description: Some("An access token, from login or refresh."),
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            ..scheme("http")
        },
    );
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
