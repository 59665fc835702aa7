//! The document as others want it: people, generators of clients.

use serde_json::{Map, Value, json};

use super::document;
use crate::failure::Failure;

/// For a page that people read: OPTIONS is described once in the introduction, and what every endpoint
/// may answer stands in one place of each.
pub(crate) fn for_people(server: &str) -> Value {
    let mut document = document::below(server);
    for operations in paths(&mut document) {
        operations.remove("options");
        operations.values_mut().for_each(fold_common_responses);
    }
    document
}

/// With JSON bodies only: several generators take the last of three media types, or fail.
fn with_json_bodies(server: &str) -> Value {
    let mut document = document::below(server);
    for operations in paths(&mut document) {
        for operation in operations.values_mut() {
            let content = operation.pointer_mut("/requestBody/content");
            if let Some(Value::Object(content)) = content {
                content.retain(|media_type, _| media_type == "application/json");
            }
        }
    }
    document
}

fn paths(document: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let paths = document["paths"].as_object_mut().into_iter();
    paths
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
}

/// What says the same at every endpoint.
const COMMON: [&str; 7] = ["406", "408", "413", "415", "429", "500", "503"];

fn fold_common_responses(operation: &mut Value) {
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    let mut lines = Vec::new();
    responses.retain(|status, response| {
        let is_common = COMMON.contains(&status.as_str());
        if is_common {
            let description = response["description"].as_str().unwrap_or_default();
            lines.push(format!("* {status}: {description}"));
        }
        !is_common
    });
    let schema = json!({ "$ref": "#/components/schemas/Detail" });
    let response = json!({
        "description": format!("As at every endpoint:\n\n{}", lines.join("\n")),
        "content": { "application/json": { "schema": schema } },
    });
    responses.insert("default".to_owned(), response);
}

/// How the document is wanted.
#[derive(Clone, Copy, Default)]
pub struct Wanted {
    /// With JSON bodies only.
    pub json_bodies: bool,
    /// In YAML, not in JSON.
    pub yaml: bool,
}

/// The document as it is wanted; its paths lie below `server`.
pub(crate) fn text(server: &str, wanted: Wanted) -> Result<String, Failure> {
    let document = if wanted.json_bodies {
        with_json_bodies(server)
    } else {
        document::below(server)
    };
    if wanted.yaml {
        let mut document = document;
        mark_ambiguous(&mut document);
        let text = serde_norway::to_string(&document);
        let text = text.map_err(Failure::when("writing the document in YAML"))?;
        return Ok(quote_marked(&text));
    }
    Ok(document::text(&document))
}

/// Stands before a text that is to be quoted; it appears in no other (Unicode: for private use).
const MARK: char = '\u{e000}';

/// Whether readers of YAML 1.1, which are many, take the text for a date, a time or a number, and those
/// of YAML 1.2 do not.
fn is_ambiguous(text: &str) -> bool {
    let may_stand = |c: char| c.is_ascii_digit() || "+-.:_ TtZz".contains(c);
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains(['-', ':', '_'])
        && text.chars().all(may_stand)
}

fn mark_ambiguous(value: &mut Value) {
    match value {
        Value::String(text) if is_ambiguous(text) => text.insert(0, MARK),
        Value::Array(items) => items.iter_mut().for_each(mark_ambiguous),
        Value::Object(fields) => fields.values_mut().for_each(mark_ambiguous),
        _ => {}
    }
}

/// A marked text is all that follows on its line.
fn quote_marked(yaml: &str) -> String {
    let lines = yaml.lines().map(|line| match line.split_once(MARK) {
        Some((before, text)) => format!("{before}'{text}'\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}
