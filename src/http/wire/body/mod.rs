//! One request body in JSON, form or multipart, equal in effect, with all field errors at once.

mod email_text;
mod fields;
mod parse;

use std::any::TypeId;
use std::collections::HashMap;
use std::marker::PhantomData;
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

use self::fields::Checked;
use super::problem::{BadRequest, Problem};
use crate::domain::{Invalid, Rule};

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
    /// What is wrong with fields that count as absent for that.
    pub(crate) broken: Vec<Invalid>,
}

/// What is made of a body: read, as far as the endpoint wants it read by then.
pub(crate) trait FromBody: Sized {
    /// The fields, as they are documented.
    type Fields: Input;

    fn from_body(
        headers: &HeaderMap,
        body: poem::Body,
    ) -> impl Future<Output = Result<Self, Problem>> + Send;
}

impl<B: FromBody> Content for B {
    fn register(registry: &mut Registry) {
        B::Fields::register(registry);
    }

    fn meta() -> Option<MetaRequest> {
        let media = |content_type| MetaMediaType {
            content_type,
            schema: B::Fields::schema_ref(),
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
        let body = body
            .take()
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "The body was read before."))?;
        B::from_body(request.headers(), body).await
    }
}

impl<T: Input> FromBody for Body<T> {
    type Fields = T;

    async fn from_body(headers: &HeaderMap, body: poem::Body) -> Result<Self, Problem> {
        let Checked { known, broken, .. } = check::<T>(headers, body).await?;
        // A NUL is a fault of the program that sends it, not of who types.
        let refuses = |it: &&Invalid| !T::LENIENT || it.rule == Rule::NullCharacter;
        let refused: Vec<Invalid> = broken.iter().filter(refuses).cloned().collect();
        if !refused.is_empty() {
            return Err(bad_request::<T>(&refused).0.into());
        }
        let fields = T::parse_from_json(Some(Value::Object(known))).map_err(unexpected)?;
        Ok(Self { fields, broken })
    }
}

/// A body, or what is wrong with it: for endpoints that say it in their own way.
impl<T: Input> FromBody for Result<Body<T>, BadRequest> {
    type Fields = T;

    async fn from_body(headers: &HeaderMap, body: poem::Body) -> Result<Self, Problem> {
        match Body::from_body(headers, body).await {
            Ok(body) => Ok(Ok(body)),
            Err(problem) if problem.status == StatusCode::BAD_REQUEST => {
                Ok(Err(BadRequest(problem.body)))
            }
            Err(other) => Err(other),
        }
    }
}

/// Each field by itself: for endpoints that tell all that is wrong together with what they find
/// themselves.
pub(crate) struct Readable<T> {
    known: Map<String, Value>,
    /// All that the endpoint does not know.
    pub(crate) rest: Map<String, Value>,
    /// The fields that could not be read.
    pub(crate) broken: Vec<Invalid>,
    input: PhantomData<T>,
}

impl<T> Readable<T> {
    /// A text that is there and in order.
    pub(crate) fn text(&mut self, field: &str) -> Option<String> {
        match self.known.shift_remove(field)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn truth(&self, field: &str) -> Option<bool> {
        self.known.get(field)?.as_bool()
    }
}

impl<T: Input + Send> FromBody for Readable<T> {
    type Fields = T;

    async fn from_body(headers: &HeaderMap, body: poem::Body) -> Result<Self, Problem> {
        let checked = check::<T>(headers, body).await?;
        Ok(Self {
            known: checked.known,
            rest: checked.rest,
            broken: checked.broken,
            input: PhantomData,
        })
    }
}

/// A body that the endpoint reads itself, once a link in the path has told who asks.
pub(crate) struct Unread<B> {
    headers: HeaderMap,
    body: poem::Body,
    made_of_it: PhantomData<B>,
}

impl<B: FromBody> Unread<B> {
    pub(crate) async fn read(self) -> Result<B, Problem> {
        B::from_body(&self.headers, self.body).await
    }
}

impl<B: FromBody + Send> FromBody for Unread<B> {
    type Fields = B::Fields;

    async fn from_body(headers: &HeaderMap, body: poem::Body) -> Result<Self, Problem> {
        Ok(Self {
            headers: headers.clone(),
            body,
            made_of_it: PhantomData,
        })
    }
}

/// Reads the fields, and judges each.
async fn check<T: Input>(headers: &HeaderMap, body: poem::Body) -> Result<Checked, Problem> {
    let bytes = receive(body).await?;
    let schema = schema::<T>();
    let mut sent = sent::<T>(headers, bytes, &schema).await?;
    for (theirs, ours) in T::ALIASES {
        if let Some(value) = sent.shift_remove(*theirs)
            && sent
                .get(*ours)
                .is_none_or(|own| says_nothing(own) && !says_nothing(&value))
        {
            sent.insert((*ours).to_owned(), value);
        }
    }
    Ok(fields::check(&schema, sent))
}

/// The check of the fields is stricter than the framework, whose words name our types, and what was sent.
fn unexpected<T: Type>(_: ParseError<T>) -> Problem {
    tracing::error!(event = "failure", error = "fields were not read", kind = %T::name());
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
    headers: &HeaderMap,
    bytes: Vec<u8>,
    schema: &MetaSchema,
) -> Result<Map<String, Value>, Problem> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let media_type = parse::media_type(headers)?;
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
