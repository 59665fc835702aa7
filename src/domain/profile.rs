//! What is known of a person beside their login.

use serde_json::{Map, Value};

use super::check_text;
use super::invalid::Rule;

/// As in Django's profile model, whose rows are imported.
const MAX_LENGTH: usize = 255;

/// Organisation, country, and whatever else a client sent at registration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Such as `NGO`; free text.
    pub organisation_type: String,
    /// Free text.
    pub organisation_name: String,
    /// A code or a name; free text.
    pub country: String,
    /// Kept as they came; they never mean anything here.
    pub additional_fields: AdditionalFields,
    /// Whether the person is a recognised expert; the operator says so.
    pub is_expert: bool,
    /// The network that the Android client uploads over.
    pub upload_preference: UploadPreference,
}

/// The network that the Android client uploads over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadPreference {
    /// Wi-Fi only.
    #[default]
    Wifi,
    /// Mobile data only.
    Mobile,
    /// Whichever there is.
    Both,
}

impl UploadPreference {
    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wifi => "wifi",
            Self::Mobile => "mobile",
            Self::Both => "both",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// [`Rule::NotAChoice`].
    pub fn parse(name: &str) -> Result<Self, Rule> {
        [Self::Wifi, Self::Mobile, Self::Both]
            .into_iter()
            .find(|it| it.as_str() == name)
            .ok_or(Rule::NotAChoice("wifi, mobile, both"))
    }
}

impl Profile {
    /// Whether the three named fields are filled in.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        [
            &self.organisation_type,
            &self.organisation_name,
            &self.country,
        ]
        .iter()
        .all(|field| !field.is_empty())
    }

    /// Checks the text of one of the three named fields.
    ///
    /// # Errors
    /// [`Rule::NullCharacter`] or [`Rule::TooLong`].
    pub fn check_text(text: &str) -> Result<(), Rule> {
        check_text(text, MAX_LENGTH)
    }
}

/// Fields of a registration that have no meaning to this service, as a JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdditionalFields(Map<String, Value>);

impl AdditionalFields {
    /// As many fields as are kept.
    pub const MOST: usize = 32;
    /// As many bytes as they may have together, as JSON text.
    pub const MOST_BYTES: usize = 4096;

    /// Takes the fields if they are few and small enough.
    ///
    /// # Errors
    /// [`Rule::AdditionalFieldsTooMany`] or [`Rule::AdditionalFieldsTooLarge`].
    pub fn new(fields: Map<String, Value>) -> Result<Self, Rule> {
        if fields.len() > Self::MOST {
            return Err(Rule::AdditionalFieldsTooMany(Self::MOST));
        }
        let fields = Self(fields);
        if fields.to_json().len() > Self::MOST_BYTES {
            return Err(Rule::AdditionalFieldsTooLarge(Self::MOST_BYTES));
        }
        Ok(fields)
    }

    /// Restores fields that were checked before they were stored.
    #[must_use]
    pub fn stored(json: &str) -> Self {
        Self(serde_json::from_str(json).unwrap_or_default())
    }

    /// The fields as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// The fields by name.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}
