//! `Body<T>`: one request body in JSON, form or multipart, equal in effect, with all field errors at once.

mod fields;
mod parse;

use std::time::Duration;

use poem::error::ReadBodyError;
use poem::http::{StatusCode, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::{IsObjectType, ParseFromJSON};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::{Map, Value};

use super::problem::{BadRequest, Problem};
use crate::domain::Invalid;
use crate::http::openapi::document;

/// Bodies are counted in bytes as they arrive, whatever `Content-Length` says.
pub(crate) const MOST_BYTES: usize = 64 * 1024;

/// A body that has not arrived by then is given up.
const DEADLINE: Duration = Duration::from_secs(15);

/// The media types in the order that OPTIONS lists them.
pub(crate) const MEDIA_TYPES: [&str; 3] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
];

/// What a body is read into.
pub(crate) trait Input: ParseFromJSON + IsObjectType {
    /// Other names that clients use: (theirs, ours). Ours wins if both are there.
    const ALIASES: &'static [(&'static str, &'static str)] = &[];

    /// Whether a value of the wrong type counts as absent instead of being an error.
    const LENIENT: bool = false;

    /// One sentence for people beside the field errors, if the endpoint has one.
    fn sentence(_broken: &[Invalid]) -> Option<String> {
        None
    }
}

/// A body that was read and checked.
pub(crate) struct Body<T> {
    /// The fields that the endpoint knows.
    pub(crate) fields: T,
    /// All others.
    pub(crate) rest: Map<String, Value>,
}

impl<'a, T: Input> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let media = |content_type| MetaMediaType {
            content_type,
            schema: MetaSchemaRef::Reference(T::name().into_owned()),
        };
        Some(MetaRequest {
            description: None,
            content: MEDIA_TYPES.map(media).into(),
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = read(body).await?;
        let content_type = request
            .headers()
            .get(header::CONTENT_TYPE)
            .map(|it| it.to_str().unwrap_or_default());
        let encoding = request
            .headers()
            .get(header::CONTENT_ENCODING)
            .map(|it| it.to_str().unwrap_or_default());
        let schema = document::schema(&T::name())?;
        let known = schema.properties.iter().map(|(name, _)| *name);
        let wanted: Vec<&str> = known
            .chain(T::ALIASES.iter().map(|(theirs, _)| *theirs))
            .collect();
        let mut sent = if bytes.is_empty() {
            Map::new()
        } else {
            parse::parse(bytes, content_type.unwrap_or_default(), encoding, &wanted).await?
        };
        for (theirs, ours) in T::ALIASES {
            if let Some(value) = sent.shift_remove(*theirs) {
                let blank = sent.get(*ours).is_none_or(Value::is_null);
                if blank {
                    sent.insert((*ours).to_owned(), value);
                }
            }
        }
        let (known, rest) = fields::check(schema, sent, T::LENIENT)
            .map_err(|broken| Problem::fields(BadRequest::fields(&broken, T::sentence(&broken))))?;
        // The walk above is stricter than this.
        let fields = T::parse_from_json(Some(Value::Object(known)))
            .map_err(|err| Problem::new(StatusCode::BAD_REQUEST, err.into_message()))?;
        Ok(Self { fields, rest })
    }
}

/// A body, or what is wrong with its fields: for handlers that say it in their own way.
pub(crate) struct Tried<T>(pub(crate) Result<Body<T>, BadRequest>);

impl<'a, T: Input> ApiExtractor<'a> for Tried<T> {
    const TYPES: &'static [ApiExtractorType] = Body::<T>::TYPES;
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Body::<T>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Body::<T>::request_meta()
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        match Body::from_request(request, body, options).await {
            Ok(body) => Ok(Self(Ok(body))),
            Err(err) => match err.downcast::<Problem>()? {
                Problem {
                    status: StatusCode::BAD_REQUEST,
                    body: Value::Object(fields),
                } => Ok(Self(Err(BadRequest(fields)))),
                other => Err(other.into()),
            },
        }
    }
}

async fn read(body: &mut RequestBody) -> Result<Vec<u8>, Problem> {
    let body = body
        .take()
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "The body was read before."))?;
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
