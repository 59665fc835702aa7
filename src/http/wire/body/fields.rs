//! Fields against their schema: the same one that is documented.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use serde_json::{Map, Value};

use crate::domain::{Email, Invalid, Rule};

type Fields = Map<String, Value>;

/// Words that forms send for yes and no, as Django REST framework reads them.
const YES: [&str; 6] = ["true", "t", "yes", "y", "on", "1"];
const NO: [&str; 6] = ["false", "f", "no", "n", "off", "0"];

/// What was sent, sorted.
pub(crate) struct Checked {
    /// The fields that the schema knows and that are in order.
    pub(crate) known: Fields,
    /// All that the schema does not know.
    pub(crate) rest: Fields,
    /// What is wrong with the others.
    pub(crate) broken: Vec<Invalid>,
}

pub(crate) fn check(schema: &MetaSchema, mut sent: Fields) -> Checked {
    let mut known = Fields::new();
    let mut broken = Vec::new();
    for (name, field) in &schema.properties {
        let MetaSchemaRef::Inline(field) = field else {
            continue;
        };
        let required = schema.required.contains(name);
        match value(field, sent.shift_remove(*name), required) {
            Ok(Some(value)) => {
                known.insert((*name).to_owned(), value);
            }
            Ok(None) => {}
            Err(rule) => broken.push(Invalid::new(name, rule)),
        }
    }
    Checked {
        known,
        rest: sent,
        broken,
    }
}

/// The value of a field, or none if it may be absent and is.
fn value(schema: &MetaSchema, sent: Option<Value>, required: bool) -> Result<Option<Value>, Rule> {
    match sent {
        None if required => Err(Rule::Required),
        // What has a default may be left out, but not be called nothing.
        Some(Value::Null) if required || schema.default.is_some() => Err(Rule::Null),
        None | Some(Value::Null) => Ok(None),
        Some(value) if schema.ty == "boolean" => boolean(&value).map(Some),
        Some(Value::String(text)) => string(schema, text, required).map(Some),
        Some(_) => Err(Rule::NotAString),
    }
}

fn boolean(value: &Value) -> Result<Value, Rule> {
    let word = match value {
        Value::Bool(_) => return Ok(value.clone()),
        Value::String(text) => text.to_ascii_lowercase(),
        Value::Number(number) => number.to_string(),
        _ => return Err(Rule::NotABoolean),
    };
    if YES.contains(&word.as_str()) {
        Ok(true.into())
    } else if NO.contains(&word.as_str()) || word.is_empty() {
        Ok(false.into())
    } else {
        Err(Rule::NotABoolean)
    }
}

fn string(schema: &MetaSchema, text: String, required: bool) -> Result<Value, Rule> {
    let is_password = schema.format == Some("password");
    // A password stays as it was typed; white space is no part of anything else.
    let text = if is_password {
        text
    } else {
        text.trim().to_owned()
    };
    if required && text.is_empty() {
        return Err(Rule::Blank);
    }
    // A login never says what is wrong with the password, so there a NUL counts as a wrong type, which
    // a lenient check passes over.
    if text.contains('\0') {
        return Err(if is_password && !required {
            Rule::NotAString
        } else {
            Rule::NullCharacter
        });
    }
    if schema.format == Some("email") && !text.is_empty() {
        Email::parse(&text)?;
    }
    match schema.max_length {
        Some(most) if text.chars().count() > most => Err(Rule::TooLong(most)),
        _ => Ok(text.into()),
    }
}
