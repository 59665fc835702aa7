//! A request and its answer, as they travelled, for people to read.

use poem::http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use super::catalogue::Endpoint;

/// Stands for what nobody should read over a shoulder, or find in a screenshot.
const HIDDEN: &str = "********";

const FORM: &str = "application/x-www-form-urlencoded";

/// The headers of a request that say something about the API.
const TOLD: [HeaderName; 4] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::ORIGIN,
];

#[derive(Serialize)]
pub(super) struct Message {
    /// The request line, or the status line.
    first_line: String,
    headers: Vec<(String, String)>,
    body: Vec<Span>,
}

/// A piece of a body, to be coloured by what it is.
#[derive(Serialize, Default)]
struct Span {
    kind: &'static str,
    text: String,
}

/// A request before it is answered.
pub(super) struct Asked {
    pub(super) method: String,
    /// The path and the query.
    pub(super) target: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Asked {
    pub(super) fn new(request: &poem::Request, body: Option<String>) -> Self {
        let target = request.uri().path_and_query();
        Self {
            method: request.method().to_string(),
            target: target.map_or_else(String::new, ToString::to_string),
            headers: headers(request.headers(), |name| TOLD.contains(name)),
            body,
        }
    }

    /// With passwords hidden: in JSON, or as it was sent.
    fn body(&self, endpoint: Option<&Endpoint>) -> Option<Result<Value, String>> {
        let text = self.body.as_deref()?;
        let secrets = endpoint.map_or_else(Vec::new, Endpoint::secrets);
        if let Ok(Value::Object(mut fields)) = serde_json::from_str(text) {
            for (name, value) in &mut fields {
                if secrets.contains(&name.as_str()) {
                    *value = HIDDEN.into();
                }
            }
            return Some(Ok(Value::Object(fields)));
        }
        let is_form = |(name, value): &(String, String)| {
            name == header::CONTENT_TYPE.as_str() && value == FORM
        };
        Some(Err(match secrets.as_slice() {
            [] => text.to_owned(),
            secrets if self.headers.iter().any(is_form) => {
                let mut shown = form_urlencoded::Serializer::new(String::new());
                for (name, value) in form_urlencoded::parse(text.as_bytes()) {
                    let is_secret = secrets.contains(&&*name);
                    shown.append_pair(&name, if is_secret { HIDDEN } else { &value });
                }
                shown.finish()
            }
            _ => format!("({} bytes, which may hold a password)", text.len()),
        }))
    }

    pub(super) fn message(&self, base: &str, endpoint: Option<&Endpoint>) -> Message {
        Message {
            first_line: format!("{} {base}{} HTTP/1.1", self.method, self.target),
            headers: self.headers.clone(),
            body: match self.body(endpoint) {
                Some(Ok(value)) => coloured(&value),
                Some(Err(text)) => plain(&text),
                None => Vec::new(),
            },
        }
    }

    /// The same request for a shell.
    pub(super) fn curl(&self, origin: &str, base: &str, endpoint: Option<&Endpoint>) -> String {
        let address = format!("{origin}{base}{}", self.target);
        // curl takes brackets and braces for a pattern.
        let glob = if address.contains(['{', '[']) {
            " -g"
        } else {
            ""
        };
        let mut line = format!("curl -i{glob} {}", quoted(&address));
        if self.method != "GET" {
            line.push_str(&format!(" -X {}", self.method));
        }
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "accept") {
            line.push_str(&format!(
                " \\\n  -H {}",
                quoted(&format!("{name}: {value}"))
            ));
        }
        let body = match self.body(endpoint) {
            Some(Ok(value)) => value.to_string(),
            Some(Err(text)) => text,
            None => return line,
        };
        format!("{line} \\\n  --data-raw {}", quoted(&body))
    }
}

/// The status line, headers and body of an answer.
pub(super) fn answered(status: StatusCode, all: &HeaderMap, body: &[u8]) -> Message {
    let mut headers = headers(all, |name| name != header::CONTENT_SECURITY_POLICY);
    for (name, value) in &mut headers {
        if name == header::SET_COOKIE.as_str()
            && let Some((cookie, (_, attributes))) = value
                .split_once('=')
                .and_then(|(cookie, rest)| Some((cookie, rest.split_once(';')?)))
        {
            *value = format!("{cookie}={HIDDEN};{attributes}");
        }
    }
    let body = match serde_json::from_slice::<Value>(body) {
        Ok(value) => coloured(&value),
        Err(_) => plain(&String::from_utf8_lossy(body)),
    };
    Message {
        first_line: format!("HTTP/1.1 {status}"),
        headers,
        body,
    }
}

fn headers(all: &HeaderMap, is_told: impl Fn(&HeaderName) -> bool) -> Vec<(String, String)> {
    let told = all.iter().filter(|(name, _)| is_told(name));
    told.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.to_string(), value.into_owned())
    })
    .collect()
}

/// For a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn plain(text: &str) -> Vec<Span> {
    vec![Span {
        kind: "text",
        text: text.to_owned(),
    }]
}

/// JSON over several lines, each piece with what it is.
fn coloured(value: &Value) -> Vec<Span> {
    let mut spans = Vec::new();
    colour(value, 0, &mut spans);
    spans
}

fn colour(value: &Value, depth: usize, spans: &mut Vec<Span>) {
    let line = |depth: usize| format!("\n{}", "  ".repeat(depth));
    let mut add = |kind, text: String| spans.push(Span { kind, text });
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            add("mark", "{".to_owned());
            for (number, (name, value)) in fields.iter().enumerate() {
                let comma = if number == 0 { "" } else { "," };
                spans.push(mark(format!("{comma}{}", line(depth + 1))));
                spans.push(Span {
                    kind: "name",
                    text: Value::from(name.as_str()).to_string(),
                });
                spans.push(mark(": ".to_owned()));
                colour(value, depth + 1, spans);
            }
            spans.push(mark(format!("{}}}", line(depth))));
        }
        Value::Array(values) if !values.is_empty() => {
            add("mark", "[".to_owned());
            for (number, value) in values.iter().enumerate() {
                let comma = if number == 0 { "" } else { "," };
                spans.push(mark(format!("{comma}{}", line(depth + 1))));
                colour(value, depth + 1, spans);
            }
            spans.push(mark(format!("{}]", line(depth))));
        }
        Value::String(_) => add("string", value.to_string()),
        Value::Number(_) => add("number", value.to_string()),
        Value::Bool(_) | Value::Null => add("word", value.to_string()),
        Value::Object(_) | Value::Array(_) => add("mark", value.to_string()),
    }
}

fn mark(text: String) -> Span {
    Span { kind: "mark", text }
}
