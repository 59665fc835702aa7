//! How errors look on the wire: small JSON bodies, never an empty one.

use std::borrow::Cow;

use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::Object;
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};
use serde_json::{Map, Value, json};

use crate::domain::Invalid;

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

    /// The sentence for people, on a page with the form.
    pub(crate) fn sentence(&self) -> String {
        let sentence = self.0.get("error").and_then(Value::as_str);
        sentence
            .unwrap_or("This form could not be read. Try again.")
            .to_owned()
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

/// Why a request did not reach its endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) body: Map<String, Value>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        let sentence = Value::String(sentence.into());
        Self {
            status,
            body: Map::from_iter([("detail".to_owned(), sentence)]),
        }
    }

    pub(crate) fn response(self) -> Response {
        (self.status, poem::web::Json(self.body)).into_response()
    }
}

impl From<BadRequest> for Problem {
    fn from(BadRequest(body): BadRequest) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            body,
        }
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        Self::from_response(problem.response())
    }
}

/// The answer behind an error: a handler's error has its own, one of the framework gets ours.
pub(crate) fn render(err: poem::Error) -> Response {
    if err.is_from_response() {
        return err.into_response();
    }
    let status = err.status();
    if status.is_server_error() {
        tracing::error!(event = "failure", error = %err);
    }
    let sentence = match status {
        StatusCode::NOT_FOUND => "Not found.",
        StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong.",
        StatusCode::BAD_REQUEST => "The request is malformed.",
        _ => "The request was refused.",
    };
    Problem::new(status, sentence).response()
}
