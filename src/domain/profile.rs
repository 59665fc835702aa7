//! What is known of a person beside their login.

use serde_json::{Map, Value};

use super::invalid::{Invalid, Rule};
use super::text::check_text;

/// As in Django's profile model, whose rows are imported.
const MAX_LENGTH: usize = 255;

/// Organisation, country, and whatever else a client sent at registration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Such as `NGO`; free text.
    pub organisation_type: String,
    pub organisation_name: String,
    /// A code or a name; free text.
    pub country: String,
    pub additional_fields: AdditionalFields,
    /// Whether the person is a recognised expert; the operator says so.
    pub is_expert: bool,
    pub upload_preference: UploadPreference,
}

/// The network that the Android client uploads over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadPreference {
    #[default]
    Wifi,
    Mobile,
    /// Whichever there is.
    Both,
}

impl UploadPreference {
    pub const ALL: [Self; 3] = [Self::Wifi, Self::Mobile, Self::Both];

    /// The name that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wifi => "wifi",
            Self::Mobile => "mobile",
            Self::Both => "both",
        }
    }

    pub fn parse(name: &str) -> Result<Self, Rule> {
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == name)
            .ok_or(Rule::NotAChoice("wifi, mobile, both"))
    }
}

impl Profile {
    /// The names of the fields that are different in the other.
    pub fn differs_in(&self, other: &Self) -> impl Iterator<Item = &'static str> {
        let fields = [
            (
                "organisation_type",
                self.organisation_type != other.organisation_type,
            ),
            (
                "organisation_name",
                self.organisation_name != other.organisation_name,
            ),
            ("country", self.country != other.country),
            (
                "additional_fields",
                self.additional_fields != other.additional_fields,
            ),
            ("is_expert", self.is_expert != other.is_expert),
            (
                "upload_preference",
                self.upload_preference != other.upload_preference,
            ),
        ];
        fields.into_iter().filter(|it| it.1).map(|it| it.0)
    }

    /// Whether the three named fields are filled in.
    pub fn is_complete(&self) -> bool {
        [
            &self.organisation_type,
            &self.organisation_name,
            &self.country,
        ]
        .iter()
        .all(|field| !field.is_empty())
    }

    /// White space around the three named fields is no part of them.
    pub fn trimmed(mut self) -> Self {
        for field in [
            &mut self.organisation_type,
            &mut self.organisation_name,
            &mut self.country,
        ] {
            *field = field.trim().to_owned();
        }
        self
    }

    /// The rules of each of the three named fields.
    pub fn check_text(text: &str) -> Result<(), Rule> {
        check_text(text, MAX_LENGTH)
    }

    /// The named fields that break a rule.
    pub fn broken(&self) -> impl Iterator<Item = Invalid> {
        [
            ("organisation_type", &self.organisation_type),
            ("organisation_name", &self.organisation_name),
            ("country", &self.country),
        ]
        .into_iter()
        .filter_map(|(field, text)| Some(Invalid::new(field, Self::check_text(text).err()?)))
    }
}

/// A profile as it was read, and as it is to be.
#[derive(Clone, Debug)]
pub struct ProfileChange {
    pub before: Profile,
    pub after: Profile,
}

impl ProfileChange {
    /// What is stored by now, with what differs between the two: what others changed meanwhile stays.
    pub fn onto(&self, mut stored: Profile) -> Profile {
        fn set<T: Clone + PartialEq>(stored: &mut T, before: &T, after: &T) {
            if before != after {
                stored.clone_from(after);
            }
        }
        let (before, after) = (&self.before, &self.after);
        set(
            &mut stored.organisation_type,
            &before.organisation_type,
            &after.organisation_type,
        );
        set(
            &mut stored.organisation_name,
            &before.organisation_name,
            &after.organisation_name,
        );
        set(&mut stored.country, &before.country, &after.country);
        set(&mut stored.is_expert, &before.is_expert, &after.is_expert);
        set(
            &mut stored.upload_preference,
            &before.upload_preference,
            &after.upload_preference,
        );
        let fields = [&before, &after].map(|it| &it.additional_fields);
        stored.additional_fields.change(fields[0], fields[1]);
        stored
    }
}

/// Fields of a registration that have no meaning to this service, as a JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdditionalFields(Map<String, Value>);

impl AdditionalFields {
    pub const MOST: usize = 32;
    /// Of all of them together, as JSON text.
    pub const MOST_BYTES: usize = 4096;

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
    pub fn stored(json: &str) -> Self {
        Self(serde_json::from_str(json).unwrap_or_default())
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// Sets and removes what differs between the two. If others have added so many meanwhile that it
    /// would be too much, it is as the second says.
    fn change(&mut self, before: &Self, after: &Self) {
        let mut fields = self.0.clone();
        fields.retain(|name, _| after.0.contains_key(name) || !before.0.contains_key(name));
        for (name, value) in &after.0 {
            if before.0.get(name) != Some(value) {
                fields.insert(name.clone(), value.clone());
            }
        }
        *self = Self::new(fields).unwrap_or_else(|_| after.clone());
    }

    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}
