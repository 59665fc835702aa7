//! Bytes to fields, by media type.

use std::fmt;

use poem::http::{HeaderMap, HeaderName, StatusCode, header};
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value, json};

use crate::http::wire::problem::{BadRequest, Problem};

type Fields = Map<String, Value>;

/// How the fields of a body are written.
pub(crate) enum MediaType {
    Json,
    Form,
    /// With the whole `Content-Type`, which names the boundary.
    Multipart(String),
}

/// What the head of a request says of its body, if that can be read here.
pub(crate) fn media_type(headers: &HeaderMap) -> Result<MediaType, Problem> {
    let text = |name: HeaderName| {
        let value = headers.get(name)?;
        Some(value.to_str().unwrap_or_default())
    };
    let encoding = text(header::CONTENT_ENCODING);
    if let Some(encoding) = encoding.filter(|it| !it.eq_ignore_ascii_case("identity")) {
        return Err(unsupported(encoding));
    }
    let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Ok(MediaType::Json),
        "application/x-www-form-urlencoded" => Ok(MediaType::Form),
        "multipart/form-data" => Ok(MediaType::Multipart(content_type.to_owned())),
        _ => Err(unsupported(content_type)),
    }
}

/// The fields of a body; `wanted` are those that have one value.
pub(crate) async fn parse(
    bytes: Vec<u8>,
    media_type: &MediaType,
    wanted: &[&str],
) -> Result<Fields, Problem> {
    match media_type {
        MediaType::Json => json_fields(&bytes),
        MediaType::Form => refuse_repeated(form_fields(&bytes), wanted),
        MediaType::Multipart(content_type) => {
            refuse_repeated(multipart_fields(bytes, content_type).await?, wanted)
        }
    }
}

fn unsupported(what: &str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        format!("Unsupported media type \"{what}\" in request."),
    )
}

fn bad(text: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, text)
}

fn json_fields(bytes: &[u8]) -> Result<Fields, Problem> {
    let broken = |err| bad(format!("JSON parse error - {err}"));
    // The names are Python's, as clients know them.
    let kind = match bytes.trim_ascii_start().first() {
        Some(b'{') => {
            let mut reader = serde_json::Deserializer::from_slice(bytes);
            let fields = reader.deserialize_map(FieldsOnce).map_err(broken)?;
            return reader.end().map(|()| fields).map_err(broken);
        }
        Some(b'[') => serde_json::from_slice(bytes).map(|_: Vec<IgnoredAny>| "list"),
        _ => serde_json::from_slice(bytes).map(|value: Value| match value {
            Value::Null => "None",
            Value::Bool(_) => "bool",
            Value::String(_) => "str",
            Value::Number(number) if number.is_f64() => "float",
            _ => "int",
        }),
    };
    let sentence = match kind.map_err(broken)? {
        "None" => "No data provided".to_owned(),
        kind => format!("Invalid data. Expected a dictionary, but got {kind}."),
    };
    let mut body = Map::new();
    body.insert("non_field_errors".to_owned(), json!([sentence]));
    body.insert("error".to_owned(), sentence.into());
    Err(BadRequest(body).into())
}

/// Reads an object. serde_json keeps the last of two fields of one name, where a gateway in front of
/// us may have looked at the first: so a repeated name is an error here.
struct FieldsOnce;

impl<'de> Visitor<'de> for FieldsOnce {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value()?;
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!("duplicate field {name:?}")));
            }
            fields.insert(name, value);
        }
        Ok(fields)
    }
}

fn form_fields(bytes: &[u8]) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        add(&mut fields, name.into_owned(), value.into_owned().into());
    }
    fields
}

async fn multipart_fields(bytes: Vec<u8>, content_type: &str) -> Result<Fields, Problem> {
    let wrong = |err: &dyn fmt::Display| bad(format!("Multipart form parse error - {err}"));
    let boundary = multer::parse_boundary(content_type).map_err(|err| wrong(&err))?;
    let whole = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut fields = Fields::new();
    while let Some(part) = parts.next_field().await.map_err(|err| wrong(&err))? {
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some();
        let content = part.bytes().await.map_err(|err| wrong(&err))?;
        // A file is no text; the check of the field says so.
        let value = if is_file {
            json!({})
        } else {
            String::from_utf8(content.into())
                .map_err(|err| wrong(&err))?
                .into()
        };
        add(&mut fields, name, value);
    }
    Ok(fields)
}

/// A form repeats a field to send a list of values.
fn add(fields: &mut Fields, name: String, value: Value) {
    match fields.entry(name) {
        Entry::Vacant(entry) => {
            entry.insert(value);
        }
        Entry::Occupied(mut entry) => match entry.get_mut() {
            Value::Array(values) => values.push(value),
            first => *first = Value::Array(vec![first.take(), value]),
        },
    }
}

/// Whoever wants one value refuses a repeated field: somebody in front of us may have looked at the
/// other one.
fn refuse_repeated(fields: Fields, wanted: &[&str]) -> Result<Fields, Problem> {
    match wanted
        .iter()
        .find(|name| fields.get(**name).is_some_and(Value::is_array))
    {
        Some(name) => Err(bad(format!("Form parse error - duplicate field {name:?}"))),
        None => Ok(fields),
    }
}
