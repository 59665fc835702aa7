//! A row of a dump that is ours: its key and its fields.

use anyhow::{Context, anyhow, bail};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::blacklist::Issued;
use super::line::PolicyLine;
use super::report::Origin;
use super::rows::{RawRow, tamed};
use super::unshown::{misfit, quoted};
use crate::domain::Timestamp;

/// Stands in a field for what JSON does not know.
const UNREADABLE: &str = "not in JSON";

/// Fields that only a profile has.
const OF_PROFILE: [&str; 7] = [
    "organisation_type",
    "organization_type",
    "organisation_name",
    "organization_name",
    "country",
    "is_expert",
    "upload_preference",
];

#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Row {
    pub(super) model: String,
    #[serde(default)]
    pub(super) pk: Value,
    pub(super) fields: Map<String, Value>,
}

impl Row {
    pub(super) fn read(raw: &RawRow<'_>) -> anyhow::Result<Self> {
        if raw.is_cut {
            bail!("it is too long");
        }
        let strict = serde_json::from_slice(raw.text);
        // What JSON does not know may stand in a field that is none of ours.
        let mut row: Self = strict
            .or_else(|_| Self::read_tamed(raw.text))
            .map_err(|err| misfit(&err).context("it is not what dumpdata writes"))?;
        row.model.make_ascii_lowercase();
        Ok(row)
    }

    /// With a mark in each field that is a value which JSON does not know: whoever asks for one of those
    /// is told.
    fn read_tamed(text: &[u8]) -> serde_json::Result<Self> {
        let mut row: Self = serde_json::from_slice(&tamed(text, "null"))?;
        let other: Self = serde_json::from_slice(&tamed(text, "false"))?;
        for (name, value) in &mut row.fields {
            if value.is_null() && other.fields.get(name) != Some(value) {
                *value = json!({ UNREADABLE: true });
            }
        }
        Ok(row)
    }

    /// Where it stands in the file, and whom it names.
    pub(super) fn origin(&self, line: u64) -> Origin {
        let text = |name| {
            let value = self.fields.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let place = match self.key() {
            Some(key) => format!("{} {key}", self.model),
            None => format!("{} at line {line}", self.model),
        };
        Origin {
            username: text("username"),
            email: text("email"),
            ..Origin::at(place)
        }
    }

    /// A field; null and an absent one are the default.
    pub(super) fn get<T: DeserializeOwned + Default>(
        &self,
        name: &'static str,
    ) -> anyhow::Result<T> {
        let value = self.fields.get(name).cloned();
        if value
            .as_ref()
            .is_some_and(|it| it.get(UNREADABLE).is_some())
        {
            bail!(
                "{name}: its value is none that JSON has, such as NaN; put a right one there, or null"
            );
        }
        serde_json::from_value::<Option<T>>(value.unwrap_or_default())
            .map(Option::unwrap_or_default)
            .map_err(|err| misfit(&err).context(name))
    }

    /// The first of these fields that says something.
    pub(super) fn text(&self, names: &[&'static str]) -> anyhow::Result<String> {
        for name in names {
            let text: String = self.get(name)?;
            if !text.is_empty() {
                return Ok(text);
            }
        }
        Ok(String::new())
    }

    /// A time, whose zone is UTC if none is given.
    pub(super) fn time(&self, name: &'static str) -> anyhow::Result<Option<String>> {
        let Some(text) = self.get::<Option<String>>(name)? else {
            return Ok(None);
        };
        let time = Timestamp::parse_lenient(&text);
        let time = time.ok_or_else(|| anyhow!("{name}: {} is no time", quoted(&text)))?;
        Ok(Some(time.to_string()))
    }

    /// The row that a field points to, by its key or by its natural key.
    pub(super) fn owner(&self, name: &'static str) -> anyhow::Result<String> {
        key_of(self.fields.get(name)).ok_or_else(|| anyhow!("{name}: it is missing"))
    }

    /// Its own key; dumps with natural keys have none for some models.
    pub(super) fn key(&self) -> Option<String> {
        key_of(Some(&self.pk))
    }

    pub(super) fn must_have_key(&self) -> anyhow::Result<String> {
        self.key()
            .context("it has no key; dump again without --natural-primary")
    }

    pub(super) fn issued(&self) -> anyhow::Result<Issued> {
        Ok(Issued {
            jti: self.get("jti")?,
            expires_at: self.time("expires_at")?.unwrap_or_default(),
        })
    }

    pub(super) fn policy(&self) -> anyhow::Result<PolicyLine> {
        Ok(PolicyLine {
            version: self.get("version")?,
            url: self.get("link")?,
            published_at: self.time("published_at")?.unwrap_or_default(),
        })
    }

    /// Which fields of a profile it has.
    pub(super) fn of_profile(&self) -> Vec<&'static str> {
        let mut names = OF_PROFILE.to_vec();
        names.retain(|it| self.fields.contains_key(*it));
        names
    }

    /// Whether it looks like a user.
    pub(super) fn is_like_a_user(&self) -> bool {
        let has = |name: &str| self.fields.contains_key(name);
        has("password") && (has("username") || has("email") || has("last_login"))
    }
}

/// A key as a text: a number, a UUID, or the list that is a natural key.
fn key_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        value @ (Value::Number(_) | Value::Array(_)) => Some(value.to_string()),
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

/// The natural key of whoever has that name or address.
pub(super) fn natural_key(text: &str) -> String {
    Value::from(vec![text]).to_string()
}
