//! What endpoints answer when they do not do what they are for.

use poem::IntoResponse;
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::{ApiResponse, Object};

use super::problem::{Detail, ErrorSentence, Problem, detail};
use crate::accounts::Trouble;
use crate::accounts::session::BearerError;
use crate::failure::Failure;

/// Names the way to prove who asks (RFC 6750, section 3).
pub(crate) const CHALLENGE: &str = "Bearer realm=\"api\"";

/// After how many seconds a failure that passes by itself (a full disk, say) may be over.
pub(crate) const PASSING_SECONDS: u64 = 5;

/// What a handler returns: a reply of its own, or a refusal. The two constants say which refusals
/// the OpenAPI document lists: 401 for [`BEARER`], 403 for [`NO_FOREIGN_PAGE`], 429 for [`LIMITED`], and 500 and 503 always.
pub(crate) type Answer<R, const WHO: u8 = ANYONE, const LIMIT: bool = false> =
    Result<R, Refused<R, WHO, LIMIT>>;

pub(crate) const ANYONE: u8 = 0;
pub(crate) const BEARER: u8 = 1;
pub(crate) const NO_FOREIGN_PAGE: u8 = 2;
pub(crate) const LIMITED: bool = true;

/// For `?` in a handler: an error of a use case becomes one of the endpoint's own replies, which
/// the reply type documents, or a refusal that many endpoints have.
pub(crate) enum Refused<R, const WHO: u8 = ANYONE, const LIMIT: bool = false> {
    Reply(R),
    Refusal(Refusal),
    /// The body cannot be read.
    Problem(Problem),
}

/// The refusals that many endpoints have.
#[derive(ApiResponse)]
pub(crate) enum Refusal {
    /// No token, or one that is not good, or whose session has ended.
    #[oai(status = 401)]
    Unauthorized(
        Json<TokenProblem>,
        #[oai(header = "WWW-Authenticate")] String,
    ),
    /// A page of an origin that is neither ours nor configured sent this. Nothing was done.
    #[oai(status = 403)]
    Forbidden(Json<ErrorSentence>),
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

impl<R, const WHO: u8, const LIMIT: bool> ApiResponse for Refused<R, WHO, LIMIT> {
    fn meta() -> MetaResponses {
        let mut meta = Refusal::meta();
        meta.responses.retain(|it| match it.status {
            Some(401) => WHO == BEARER,
            Some(403) => WHO == NO_FOREIGN_PAGE,
            Some(429) => LIMIT,
            _ => true,
        });
        meta
    }

    fn register(registry: &mut Registry) {
        Refusal::register(registry);
    }
}

impl<R: IntoResponse, const WHO: u8, const LIMIT: bool> From<Refused<R, WHO, LIMIT>>
    for poem::Error
{
    fn from(refused: Refused<R, WHO, LIMIT>) -> Self {
        Self::from_response(match refused {
            Refused::Reply(reply) => reply.into_response(),
            Refused::Refusal(refusal) => refusal.into_response(),
            Refused::Problem(problem) => problem.response(),
        })
    }
}

impl<R, const WHO: u8, const LIMIT: bool> From<Failure> for Refused<R, WHO, LIMIT> {
    fn from(failure: Failure) -> Self {
        Self::Refusal(failure.into())
    }
}

impl<R, const WHO: u8, const LIMIT: bool> From<Problem> for Refused<R, WHO, LIMIT> {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl<R, const WHO: u8> From<Trouble> for Refused<R, WHO, LIMITED> {
    fn from(trouble: Trouble) -> Self {
        Self::Refusal(trouble.into())
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        failure.log();
        if failure.is_transient() {
            let sentence = "The service is temporarily unavailable. Try again later.";
            Self::Unavailable(detail(sentence), PASSING_SECONDS)
        } else {
            Self::Broken(detail("Something went wrong."))
        }
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::TooMany(seconds) => {
                let text =
                    format!("Request was throttled. Expected available in {seconds} seconds.");
                Self::TooMany(detail(text), seconds)
            }
            Trouble::Busy(seconds) => {
                Self::Unavailable(detail("Too many logins at once. Try again later."), seconds)
            }
            Trouble::Failed(failure) => failure.into(),
        }
    }
}

impl From<NoSession> for Refusal {
    fn from(none: NoSession) -> Self {
        match none {
            NoSession::Denied(problem) => Self::Unauthorized(Json(problem), CHALLENGE.to_owned()),
            NoSession::Failed(failure) => failure.into(),
        }
    }
}

/// Why there is no session to act for.
pub(crate) enum NoSession {
    Denied(TokenProblem),
    Failed(Failure),
}

/// Why a token was not accepted.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct TokenProblem {
    /// Why the token was not accepted, in one sentence.
    detail: String,
    /// The same in one word, such as `token_not_valid`.
    code: Option<String>,
    /// In detail.
    messages: Option<Vec<TokenMessage>>,
}

/// Why one kind of token was not accepted.
#[derive(Object)]
struct TokenMessage {
    /// The kind of token as SimpleJWT calls it, such as `AccessToken`.
    token_class: String,
    /// The kind of token, such as `access`.
    token_type: String,
    /// Why it was not accepted, in one sentence.
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
