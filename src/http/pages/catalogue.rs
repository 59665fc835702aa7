//! What the pages know of the endpoints: read from the OpenAPI document, so that an endpoint of
//! tomorrow has its page.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// All endpoints, by the path that the document gives them.
pub(crate) struct Catalogue {
    endpoints: BTreeMap<String, Endpoint>,
    /// In the order of the document.
    pub(super) groups: Vec<Group>,
}

/// Endpoints that belong together.
#[derive(Serialize)]
pub(super) struct Group {
    pub(super) name: String,
    description: String,
    endpoints: Vec<Entry>,
}

/// A line of the front page.
#[derive(Serialize)]
struct Entry {
    path: String,
    name: String,
    methods: Vec<String>,
    /// Whether the path can be opened as it stands.
    is_open: bool,
}

/// One path.
#[derive(Serialize)]
pub(super) struct Endpoint {
    pub(super) path: String,
    name: String,
    pub(super) operations: Vec<Operation>,
    /// The parameters in the path.
    pub(super) path_fields: Vec<Field>,
}

/// One method of a path.
#[derive(Serialize)]
pub(super) struct Operation {
    pub(super) method: String,
    name: String,
    description: String,
    /// Whether it wants a bearer token.
    needs_token: bool,
    pub(super) query_fields: Vec<Field>,
    pub(super) body_fields: Vec<Field>,
    /// Bodies to be written by hand, one for each media type.
    pub(super) bodies: Vec<RawBody>,
}

/// A parameter, or a field of a body.
#[derive(Serialize)]
pub(super) struct Field {
    pub(super) name: String,
    description: String,
    pub(super) kind: Kind,
    choices: Vec<String>,
    max_length: Option<u64>,
    is_required: bool,
}

/// How a field is typed in.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Text,
    Email,
    Password,
    Boolean,
    Choice,
}

/// A body of one media type, with an example to start from.
#[derive(Serialize)]
pub(super) struct RawBody {
    /// The whole `Content-Type`.
    pub(super) media_type: String,
    example: String,
}

/// No example has these characters.
const BOUNDARY: &str = "minisass-auth";

impl Catalogue {
    pub(crate) fn new(document: &Value) -> Self {
        let empty = Map::new();
        let mut endpoints = BTreeMap::new();
        let mut groups: Vec<Group> = Vec::new();
        for (path, operations) in document["paths"].as_object().unwrap_or(&empty) {
            let operations = operations.as_object().unwrap_or(&empty);
            let Some(first) = operations.values().next() else {
                continue;
            };
            let endpoint = Endpoint::new(document, path, operations);
            let tag = text(&first["tags"][0]);
            let group = match groups.iter_mut().find(|it| it.name == tag) {
                Some(group) => group,
                None => {
                    let description = description_of_tag(document, &tag);
                    groups.push(Group {
                        name: tag,
                        description,
                        endpoints: Vec::new(),
                    });
                    let last = groups.len() - 1;
                    &mut groups[last]
                }
            };
            group.endpoints.push(endpoint.entry());
            endpoints.insert(path.clone(), endpoint);
        }
        Self { endpoints, groups }
    }

    /// The endpoint of this name.
    pub(super) fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.get(name)
    }

    /// The endpoint that answers at this path, with or without its trailing slash.
    pub(super) fn at(&self, path: &str) -> Option<&Endpoint> {
        let mut endpoints = self.endpoints.values();
        endpoints.find(|it| is_at(&it.path, path))
    }
}

fn is_at(template: &str, path: &str) -> bool {
    let (mut ours, mut theirs) = (
        template.trim_end_matches('/').split('/'),
        path.strip_suffix('/').unwrap_or(path).split('/'),
    );
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some(part), Some(value)) if part == value || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

impl Endpoint {
    fn new(document: &Value, path: &str, operations: &Map<String, Value>) -> Self {
        let described = operations.iter().filter(|(method, _)| *method != "options");
        let first = operations.values().next().unwrap_or(&Value::Null);
        Self {
            path: path.to_owned(),
            name: text(&first["summary"]),
            operations: described
                .map(|(method, operation)| Operation::new(document, method, operation))
                .collect(),
            path_fields: parameters(first, "path"),
        }
    }

    /// The names of fields that nobody should read over a shoulder.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let fields = self.operations.iter().flat_map(|it| &it.body_fields);
        let secrets = fields.filter(|it| it.kind == Kind::Password);
        secrets.map(|it| it.name.as_str()).collect()
    }

    fn entry(&self) -> Entry {
        Entry {
            path: self.path.clone(),
            name: self.name.clone(),
            methods: self.operations.iter().map(|it| it.method.clone()).collect(),
            is_open: self.path_fields.is_empty(),
        }
    }
}

impl Operation {
    fn new(document: &Value, method: &str, operation: &Value) -> Self {
        let contents = operation["requestBody"]["content"].as_object();
        let schema = contents
            .and_then(|it| it.values().next())
            .map(|it| resolve(document, &it["schema"]));
        let contents = contents.into_iter().flatten();
        Self {
            method: method.to_uppercase(),
            name: text(&operation["summary"]),
            description: text(&operation["description"]),
            needs_token: wants_bearer(operation),
            query_fields: parameters(operation, "query"),
            bodies: contents
                .map(|(name, it)| raw_body(name, &it["example"]))
                .collect(),
            body_fields: schema.map_or_else(Vec::new, |it| fields(document, it)),
        }
    }
}

fn wants_bearer(operation: &Value) -> bool {
    let mut schemes = operation["security"].as_array().into_iter().flatten();
    schemes.any(|it| it.get("bearer").is_some())
}

fn parameters(operation: &Value, place: &str) -> Vec<Field> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters
        .filter(|it| it["in"] == place)
        .map(|it| Field {
            description: text(&it["description"]),
            ..field(&text(&it["name"]), &it["schema"], it["required"] == true)
        })
        .collect()
}

fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let required: Vec<&Value> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, it)| {
            let is_required = required.iter().any(|it| *it == name);
            field(name, resolve(document, it), is_required)
        })
        .collect()
}

fn field(name: &str, schema: &Value, is_required: bool) -> Field {
    let choices = schema["enum"].as_array().into_iter().flatten();
    let choices: Vec<String> = choices.map(text).collect();
    let kind = match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("boolean"), _) => Kind::Boolean,
        (_, Some("password")) => Kind::Password,
        (_, Some("email")) => Kind::Email,
        _ if !choices.is_empty() => Kind::Choice,
        _ => Kind::Text,
    };
    Field {
        name: name.to_owned(),
        description: text(&schema["description"]),
        kind,
        choices,
        max_length: schema["maxLength"].as_u64(),
        is_required,
    }
}

/// A schema, or the one that it refers to.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
    let resolved = reference.and_then(|it| document.pointer(it));
    resolved.unwrap_or(schema)
}

/// A body like the document's example.
fn raw_body(media_type: &str, example: &Value) -> RawBody {
    let fields = example.as_object().into_iter().flatten();
    let texts = fields.map(|(name, value)| {
        let text = value.as_str().map(str::to_owned);
        (name.as_str(), text.unwrap_or_else(|| value.to_string()))
    });
    let texts: Vec<(&str, String)> = texts.collect();
    match media_type {
        "multipart/form-data" => RawBody {
            media_type: format!("{media_type}; boundary={BOUNDARY}"),
            example: multipart(&texts),
        },
        "application/x-www-form-urlencoded" => RawBody {
            media_type: media_type.to_owned(),
            example: form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&texts)
                .finish(),
        },
        _ => RawBody {
            media_type: media_type.to_owned(),
            example: format!("{example:#}"),
        },
    }
}

fn multipart(pairs: &[(&str, String)]) -> String {
    let part = |(name, value): &(&str, String)| {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    let parts: String = pairs.iter().map(part).collect();
    format!("{parts}--{BOUNDARY}--\r\n")
}

fn description_of_tag(document: &Value, tag: &str) -> String {
    let mut tags = document["tags"].as_array().into_iter().flatten();
    let found = tags.find(|it| it["name"] == tag);
    found.map_or_else(String::new, |it| text(&it["description"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
