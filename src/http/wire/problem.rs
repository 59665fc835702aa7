//! How bad news looks on the wire: small JSON bodies, and never an empty one.

use std::borrow::Cow;
use std::fmt;

use poem::error::ResponseError;
use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object};
use serde_json::{Map, Value, json};

use crate::accounts::Trouble;
use crate::domain::Invalid;
use crate::failure::Failure;

/// What protected resources answer with when they want a token (RFC 6750, section 3).
pub(crate) const CHALLENGE: &str = "Bearer realm=\"api\"";

/// One sentence.
#[derive(Object)]
pub(crate) struct Detail {
    /// What went wrong, in one sentence.
    pub(crate) detail: String,
}

/// One sentence for people.
#[derive(Object)]
pub(crate) struct ErrorSentence {
    /// What went wrong, in one sentence that clients show.
    pub(crate) error: String,
}

/// Good news in one sentence.
#[derive(Object)]
pub(crate) struct Message {
    /// What was done.
    pub(crate) message: String,
}

impl Message {
    pub(crate) fn new(message: &str) -> Json<Self> {
        Json(Self {
            message: message.to_owned(),
        })
    }
}

pub(crate) fn detail(text: impl Into<String>) -> Json<Detail> {
    Json(Detail {
        detail: text.into(),
    })
}

pub(crate) fn error(text: impl Into<String>) -> Json<ErrorSentence> {
    Json(ErrorSentence { error: text.into() })
}

/// What is wrong with a request: a list of sentences for each field, `error` for people, or
/// `detail` if the body could not be read at all.
#[derive(Clone, Debug, Default)]
pub(crate) struct BadRequest(pub(crate) Map<String, Value>);

impl BadRequest {
    /// The fields with their sentences; `sentence` goes beside them for people.
    pub(crate) fn fields(broken: &[Invalid], sentence: Option<String>) -> Self {
        let mut body = Map::new();
        for Invalid { field, rule } in broken {
            let list = body.entry(*field).or_insert_with(|| json!([]));
            if let Value::Array(sentences) = list {
                sentences.push(rule.to_string().into());
            }
        }
        if let Some(sentence) = sentence {
            body.insert("error".to_owned(), sentence.into());
        }
        Self(body)
    }
}

impl Type for BadRequest {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "BadRequest".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |registry| {
            String::register(registry);
            Vec::<String>::register(registry);
            MetaSchema {
                description: Some(
                    "Sentences by field; `error` is one for people; `detail` alone if the body could not be read.",
                ),
                properties: vec![("error", String::schema_ref()), ("detail", String::schema_ref())],
                additional_properties: Some(Box::new(Vec::<String>::schema_ref())),
                ..MetaSchema::new("object")
            }
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ToJSON for BadRequest {
    fn to_json(&self) -> Option<Value> {
        Some(Value::Object(self.0.clone()))
    }
}

/// Why a request did not reach a use case.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self {
            status,
            body: json!({ "detail": sentence.into() }),
        }
    }

    pub(crate) fn fields(body: BadRequest) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            body: Value::Object(body.0),
        }
    }

    /// The problem behind an error of the framework.
    pub(crate) fn of(err: &poem::Error) -> Self {
        let status = err.status();
        let sentence = match status {
            StatusCode::NOT_FOUND => "Not found.",
            StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong.",
            other => other
                .canonical_reason()
                .unwrap_or("The request was refused."),
        };
        Self::new(status, sentence)
    }

    pub(crate) fn response(&self) -> Response {
        (self.status, poem::web::Json(&self.body)).into_response()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.body)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn as_response(&self) -> Response {
        self.response()
    }
}

/// What any endpoint that uses the database can answer.
#[derive(ApiResponse)]
pub(crate) enum Unserved {
    /// Something broke here; it has been logged.
    #[oai(status = 500)]
    Broken(Json<Detail>),
    /// The service cannot do this at the moment. Nothing was done; try again after `Retry-After` seconds.
    #[oai(status = 503)]
    Unavailable(Json<Detail>, #[oai(header = "Retry-After")] u64),
}

/// What any endpoint that is limited can answer.
#[derive(ApiResponse)]
pub(crate) enum Refused {
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

/// A passing failure (a full disk, say) may be over in so many seconds.
const PASSING_SECONDS: u64 = 5;

impl From<Failure> for Unserved {
    fn from(failure: Failure) -> Self {
        tracing::error!(event = "failure", error = failure.chain());
        if failure.is_passing() {
            Self::Unavailable(
                detail("The service is temporarily unavailable. Try again later."),
                PASSING_SECONDS,
            )
        } else {
            Self::Broken(detail("Something went wrong."))
        }
    }
}

impl From<Trouble> for Refused {
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
            Trouble::Failed(failure) => match Unserved::from(failure) {
                Unserved::Broken(body) => Self::Broken(body),
                Unserved::Unavailable(body, seconds) => Self::Unavailable(body, seconds),
            },
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Trouble::Failed(failure).into()
    }
}
