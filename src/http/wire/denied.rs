//! Why a bearer token opened nothing, as JSON and as the answers that every protected endpoint has.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};

use super::problem::{CHALLENGE, Detail, Refused, Unserved};
use crate::accounts::Trouble;
use crate::accounts::session::BearerError;
use crate::failure::Failure;

/// Nothing was presented that proves who asks.
pub(crate) const NOT_PROVIDED: &str = "Authentication credentials were not provided.";

/// Why a token was not accepted.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct TokenProblem {
    /// In one sentence.
    detail: String,
    /// In one word.
    code: Option<String>,
    /// In detail.
    messages: Option<Vec<TokenMessage>>,
}

/// Why one kind of token was not accepted.
#[derive(Object)]
struct TokenMessage {
    /// As SimpleJWT calls it.
    token_class: String,
    /// The kind.
    token_type: String,
    /// Why.
    message: String,
}

impl TokenProblem {
    pub(crate) fn new(detail: &str, code: Option<&str>) -> Self {
        Self {
            detail: detail.to_owned(),
            code: code.map(str::to_owned),
            messages: None,
        }
    }
}

/// Why there is no session to act for.
pub(crate) enum NoSession {
    /// The request does not prove who asks.
    Denied(TokenProblem),
    /// Something broke.
    Failed(Failure),
}

impl NoSession {
    pub(crate) fn not_provided() -> Self {
        Self::Denied(TokenProblem::new(NOT_PROVIDED, None))
    }

    pub(crate) fn bad_header() -> Self {
        Self::Denied(TokenProblem::new(
            "Authorization header must contain two space-delimited values",
            Some("bad_authorization_header"),
        ))
    }
}

impl From<BearerError> for NoSession {
    fn from(err: BearerError) -> Self {
        Self::Denied(match err {
            BearerError::Failed(failure) => return Self::Failed(failure),
            BearerError::UserNotFound => {
                TokenProblem::new("User not found", Some("user_not_found"))
            }
            BearerError::UserInactive => {
                TokenProblem::new("User is inactive", Some("user_inactive"))
            }
            BearerError::Token(fault) => TokenProblem {
                messages: Some(vec![TokenMessage {
                    token_class: "AccessToken".to_owned(),
                    token_type: "access".to_owned(),
                    message: fault.to_string(),
                }]),
                ..TokenProblem::new(
                    "Given token not valid for any token type",
                    Some("token_not_valid"),
                )
            },
        })
    }
}

/// What any endpoint for a bearer can answer.
#[derive(ApiResponse)]
pub(crate) enum Denied {
    /// No token, or one that is not good, or whose session has ended.
    #[oai(status = 401)]
    Unauthorized(
        Json<TokenProblem>,
        #[oai(header = "WWW-Authenticate")] String,
    ),
    /// Something broke here; it has been logged.
    #[oai(status = 500)]
    Broken(Json<Detail>),
    /// The service cannot do this at the moment. Nothing was done; try again after `Retry-After` seconds.
    #[oai(status = 503)]
    Unavailable(Json<Detail>, #[oai(header = "Retry-After")] u64),
}

/// What any endpoint for a bearer can answer that is limited.
#[derive(ApiResponse)]
pub(crate) enum DeniedOrLimited {
    /// No token, or one that is not good, or whose session has ended.
    #[oai(status = 401)]
    Unauthorized(
        Json<TokenProblem>,
        #[oai(header = "WWW-Authenticate")] String,
    ),
    /// Too many requests. Try again after `Retry-After` seconds.
    #[oai(status = 429)]
    TooMany(Json<Detail>, #[oai(header = "Retry-After")] u64),
    /// Something broke here; it has been logged.
    #[oai(status = 500)]
    Broken(Json<Detail>),
    /// The service cannot do this at the moment. Nothing was done; try again after `Retry-After` seconds.
    #[oai(status = 503)]
    Unavailable(Json<Detail>, #[oai(header = "Retry-After")] u64),
}

impl From<Failure> for Denied {
    fn from(failure: Failure) -> Self {
        match Unserved::from(failure) {
            Unserved::Broken(body) => Self::Broken(body),
            Unserved::Unavailable(body, seconds) => Self::Unavailable(body, seconds),
        }
    }
}

impl From<NoSession> for Denied {
    fn from(refusal: NoSession) -> Self {
        match refusal {
            NoSession::Denied(problem) => Self::Unauthorized(Json(problem), CHALLENGE.to_owned()),
            NoSession::Failed(failure) => failure.into(),
        }
    }
}

impl From<Trouble> for DeniedOrLimited {
    fn from(trouble: Trouble) -> Self {
        match Refused::from(trouble) {
            Refused::TooMany(body, seconds) => Self::TooMany(body, seconds),
            Refused::Broken(body) => Self::Broken(body),
            Refused::Unavailable(body, seconds) => Self::Unavailable(body, seconds),
        }
    }
}

impl From<Failure> for DeniedOrLimited {
    fn from(failure: Failure) -> Self {
        Trouble::Failed(failure).into()
    }
}

impl From<NoSession> for DeniedOrLimited {
    fn from(refusal: NoSession) -> Self {
        match refusal {
            NoSession::Denied(problem) => Self::Unauthorized(Json(problem), CHALLENGE.to_owned()),
            NoSession::Failed(failure) => failure.into(),
        }
    }
}
