//! One request body in JSON, form or multipart, equal in effect, with all field errors at once.

mod email_text;
mod fields;
mod parse;

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use poem::error::ReadBodyError;
use poem::http::{HeaderMap, StatusCode, header};
use poem::{Request, RequestBody};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, Registry};
use poem_openapi::types::{IsObjectType, ParseError, ParseFromJSON, Type};
use serde_json::{Map, Value};

pub(crate) use self::email_text::EmailText;

use super::problem::{BadRequest, Problem};
use crate::domain::Invalid;

/// Bodies are counted in bytes as they arrive, whatever `Content-Length` says.
const MOST_BYTES: usize = 64 * 1024;

/// A body that has not arrived by then is given up.
const DEADLINE: Duration = Duration::from_secs(15);

/// The media types in the order that OPTIONS lists them.
pub(crate) const MEDIA_TYPES: [&str; 3] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
];

/// Makes one sentence for people of all that is wrong.
pub(crate) type Sentence = fn(&[Invalid]) -> Option<String>;

/// The fields that an endpoint knows.
pub(crate) trait Input: ParseFromJSON + IsObjectType + 'static {
    /// Other names that clients use: (theirs, ours). What stands under theirs is judged as if it stood
    /// under ours. If both are there, ours wins, unless it is null or blank and theirs is not.
    const ALIASES: &'static [(&'static str, &'static str)] = &[];

    /// Whether a value of the wrong type counts as absent instead of being an error.
    const LENIENT: bool = false;

    /// What stands beside the field errors as `error`.
    const SENTENCE: Sentence = |_| None;
}

/// For [`Input::SENTENCE`]: the first broken rule.
pub(crate) fn first_rule(broken: &[Invalid]) -> Option<String> {
    Some(broken.first()?.rule.to_string())
}

/// For [`Input::SENTENCE`]: the first broken rule and its field.
pub(crate) fn first_field_and_rule(broken: &[Invalid]) -> Option<String> {
    let Invalid { field, rule } = broken.first()?;
    Some(format!("{field}: {rule}"))
}

/// What is wrong with the fields of `T`.
pub(crate) fn bad_request<T: Input>(broken: &[Invalid]) -> Json<BadRequest> {
    Json(BadRequest::fields(broken, (T::SENTENCE)(broken)))
}

/// What an endpoint wants for a body.
pub(crate) trait Content: Sized {
    fn register(registry: &mut Registry);

    fn meta() -> Option<MetaRequest>;

    /// Refuses a body of a type that cannot be read, by the head of its request.
    fn check_media_type(request: &Request) -> Result<(), Problem>;

    fn read(
        request: &Request,
        body: &mut RequestBody,
    ) -> impl Future<Output = Result<Self, Problem>> + Send;
}

/// Whatever is sent is not read.
pub(crate) struct NoBody;

impl Content for NoBody {
    fn register(_: &mut Registry) {}

    fn meta() -> Option<MetaRequest> {
        None
    }

    fn check_media_type(_: &Request) -> Result<(), Problem> {
        Ok(())
    }

    async fn read(_: &Request, _: &mut RequestBody) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// A body that was read and checked.
pub(crate) struct Body<T> {
    /// The fields that the endpoint knows.
    pub(crate) fields: T,
    /// All others.
    pub(crate) rest: Map<String, Value>,
}

impl<T: Input> Content for Body<T> {
    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn meta() -> Option<MetaRequest> {
        let media = |content_type| MetaMediaType {
            content_type,
            schema: T::schema_ref(),
        };
        Some(MetaRequest {
            description: None,
            content: MEDIA_TYPES.map(media).into(),
            required: true,
        })
    }

    fn check_media_type(request: &Request) -> Result<(), Problem> {
        // An empty body has no type.
        if has_body(request.headers()) {
            parse::media_type(request.headers())?;
        }
        Ok(())
    }

    async fn read(request: &Request, body: &mut RequestBody) -> Result<Self, Problem> {
        let bytes = read(body).await?;
        let schema = schema::<T>();
        let mut sent = sent::<T>(request, bytes, &schema).await?;
        for (theirs, ours) in T::ALIASES {
            if let Some(value) = sent.shift_remove(*theirs)
                && sent
                    .get(*ours)
                    .is_none_or(|own| says_nothing(own) && !says_nothing(&value))
            {
                sent.insert((*ours).to_owned(), value);
            }
        }
        let (known, rest) = fields::check(&schema, sent, T::LENIENT)
            .map_err(|broken| Problem::from(bad_request::<T>(&broken).0))?;
        let fields = T::parse_from_json(Some(Value::Object(known))).map_err(unexpected)?;
        Ok(Self { fields, rest })
    }
}

/// A body, or what is wrong with it: for endpoints that say it in their own way.
impl<T: Input> Content for Result<Body<T>, BadRequest> {
    fn register(registry: &mut Registry) {
        Body::<T>::register(registry);
    }

    fn meta() -> Option<MetaRequest> {
        Body::<T>::meta()
    }

    fn check_media_type(request: &Request) -> Result<(), Problem> {
        Body::<T>::check_media_type(request)
    }

    async fn read(request: &Request, body: &mut RequestBody) -> Result<Self, Problem> {
        match Body::read(request, body).await {
            Ok(body) => Ok(Ok(body)),
            Err(problem) if problem.status == StatusCode::BAD_REQUEST => {
                Ok(Err(BadRequest(problem.body)))
            }
            Err(other) => Err(other),
        }
    }
}

/// The check of the fields is stricter than the framework, whose words name our types: they are for
/// the log.
fn unexpected<T: Type>(err: ParseError<T>) -> Problem {
    tracing::error!(event = "failure", error = err.message());
    Problem::new(StatusCode::BAD_REQUEST, "The fields could not be read.")
}

/// The schema that fields are checked against, the same one that is documented; made once.
fn schema<T: Input>() -> Arc<MetaSchema> {
    static SCHEMAS: LazyLock<Mutex<HashMap<TypeId, Arc<MetaSchema>>>> =
        LazyLock::new(Mutex::default);
    let mut schemas = SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = || Arc::new(Registry::new().create_fake_schema::<T>());
    Arc::clone(schemas.entry(TypeId::of::<T>()).or_insert_with(made))
}

/// The fields as they were sent.
async fn sent<T: Input>(
    request: &Request,
    bytes: Vec<u8>,
    schema: &MetaSchema,
) -> Result<Map<String, Value>, Problem> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let media_type = parse::media_type(request.headers())?;
    let known = schema.properties.iter().map(|(name, _)| *name);
    let aliases = T::ALIASES.iter().map(|(theirs, _)| *theirs);
    let wanted: Vec<&str> = known.chain(aliases).collect();
    parse::parse(bytes, &media_type, &wanted).await
}

fn says_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|it| it.trim().is_empty())
}

/// Whether a body comes after this head, as far as the head says so.
fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    length.is_some_and(|it| it != "0") || headers.contains_key(header::TRANSFER_ENCODING)
}

async fn read(body: &mut RequestBody) -> Result<Vec<u8>, Problem> {
    let body = body
        .take()
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "The body was read before."))?;
    receive(body).await
}

/// Waits for a whole body, if that is small and comes soon.
pub(crate) async fn receive(body: poem::Body) -> Result<Vec<u8>, Problem> {
    let read = tokio::time::timeout(DEADLINE, body.into_bytes_limit(MOST_BYTES)).await;
    match read {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(ReadBodyError::PayloadTooLarge)) => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is too large: {MOST_BYTES} bytes are allowed."),
        )),
        Ok(Err(_)) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "The body could not be read.",
        )),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "The body did not arrive in time.",
        )),
    }
}
