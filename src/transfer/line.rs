//! A user as a line of JSON or CSV: what `user export` writes and `user import` reads.

use std::mem::take;

use anyhow::{anyhow, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::choices::{NoAddress, placeholder};
use super::report::{NoPassword, Origin};
use super::unshown::quoted;
use crate::crypto::Hasher;
use crate::domain::{
    AdditionalFields, Email, Policy, Profile, Timestamp, UploadPreference, User, UserId, Username,
};
use crate::store::transfer::{EarlierPassword, Record, RecordedConsent, RecordedPolicy};

/// Numbers above are not exact in every JSON reader (RFC 8259, section 6).
pub(super) const HIGHEST_ID: i64 = (1 << 53) - 1;

pub(super) const NO_PASSWORDS: &str = "password: plain passwords are not imported; give a password_hash, or leave \
    it out and mail links with --send-reset";

/// The names are stable. What a file leaves out is empty, false or null.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Line {
    pub(super) id: Option<i64>,
    /// The address if it is blank, as in `user create`.
    pub(super) username: String,
    pub(super) email: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    /// True if it is left out.
    pub(super) is_active: Option<bool>,
    pub(super) is_staff: bool,
    pub(super) awaits_confirmation: bool,
    pub(super) created_at: Option<String>,
    pub(super) last_login_at: Option<String>,
    pub(super) email_confirmed_at: Option<String>,
    pub(super) organisation_type: String,
    pub(super) organisation_name: String,
    pub(super) country: String,
    pub(super) additional_fields: Map<String, Value>,
    pub(super) is_expert: bool,
    pub(super) upload_preference: Option<String>,
    pub(super) consents: Vec<ConsentLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_hash: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) password_history: Vec<EarlierLine>,
    /// Refused: hashing would take a second each.
    #[serde(skip_serializing)]
    pub(super) password: Option<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentLine {
    pub(super) version: String,
    pub(super) is_given: bool,
    pub(super) given_at: String,
    pub(super) address: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EarlierLine {
    pub(super) password_hash: String,
    pub(super) created_at: String,
}

/// A version of the policy, which stands before the users in JSON Lines.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyLine {
    pub(super) version: String,
    pub(super) url: String,
    pub(super) published_at: String,
}

impl Line {
    pub(super) fn of(record: Record, with_hashes: bool) -> Self {
        let time = |it: Option<Timestamp>| it.map(|it| it.to_string());
        let profile = record.profile;
        Self {
            id: record.id.map(|it| it.0),
            username: record.username.to_string(),
            email: record.email.to_string(),
            first_name: record.first_name,
            last_name: record.last_name,
            is_active: Some(record.is_active),
            is_staff: record.is_staff,
            awaits_confirmation: record.awaits_confirmation,
            created_at: time(Some(record.created_at)),
            last_login_at: time(record.last_login_at),
            email_confirmed_at: time(record.email_confirmed_at),
            organisation_type: profile.organisation_type,
            organisation_name: profile.organisation_name,
            country: profile.country,
            additional_fields: profile.additional_fields.as_map().clone(),
            is_expert: profile.is_expert,
            upload_preference: Some(profile.upload_preference.as_str().to_owned()),
            consents: record.consents.into_iter().map(ConsentLine::of).collect(),
            password_hash: record.password_hash.filter(|_| with_hashes),
            password_history: record
                .password_history
                .into_iter()
                .filter(|_| with_hashes)
                .map(EarlierLine::of)
                .collect(),
            password: None,
        }
    }

    /// Whom it names, before anything is judged.
    pub(super) fn origin(&self, place: String) -> Origin {
        let has_password = self.password_hash.as_ref().is_some_and(|it| !it.is_empty());
        Origin {
            username: self.username.clone(),
            email: self.email.clone(),
            is_inactive: self.is_active == Some(false),
            without_password: (!has_password).then_some(NoPassword::NotThere),
            ..Origin::at(place)
        }
    }

    /// The user, if everything keeps to the rules. An account without a time was made `now`; one
    /// without an address gets a placeholder if there is to be one.
    pub(super) fn record(
        mut self,
        now: Timestamp,
        with_placeholder: bool,
    ) -> anyhow::Result<Record> {
        ensure!(self.password.is_none(), NO_PASSWORDS);
        for name in [&mut self.first_name, &mut self.last_name] {
            *name = name.trim().to_owned();
        }
        let wrong = |field: &'static str| move |rule| anyhow!("{field}: {rule}");
        let profile = self.profile()?;
        User::check_name(&self.first_name).map_err(wrong("first_name"))?;
        User::check_name(&self.last_name).map_err(wrong("last_name"))?;
        if let Some(id) = self.id.filter(|it| !(1..=HIGHEST_ID).contains(it)) {
            bail!("id: {id} is not between 1 and {HIGHEST_ID}");
        }
        let username = self.username.trim();
        let email = match Email::parse(self.email.trim()) {
            // Of those who have nothing of their own, all would get the same.
            Err(_) if with_placeholder && (self.id.is_some() || !username.is_empty()) => {
                placeholder(self.id, username)
            }
            email => email,
        };
        let named = |it: &str| Username::parse_given(it).map_err(wrong("username"));
        let (username, email) = if username.is_empty() {
            let email = email.map_err(NoAddress)?;
            (named(email.as_str())?, email)
        } else {
            (named(username)?, email.map_err(NoAddress)?)
        };
        let password_hash = self.password_hash.filter(|it| !it.is_empty());
        let created_at = time("created_at", self.created_at)?.unwrap_or(now);
        Ok(Record {
            id: self.id.map(UserId),
            username,
            email,
            first_name: self.first_name,
            last_name: self.last_name,
            is_active: self.is_active.unwrap_or(true),
            is_staff: self.is_staff,
            awaits_confirmation: self.awaits_confirmation,
            created_at,
            last_login_at: time("last_login_at", self.last_login_at)?,
            email_confirmed_at: time("email_confirmed_at", self.email_confirmed_at)?,
            profile,
            consents: each(self.consents, ConsentLine::recorded)?,
            password_hash: password_hash.map(usable).transpose()?,
            password_history: each(self.password_history, EarlierLine::earlier)?,
            takes_imported_tokens: false,
        })
    }

    fn profile(&mut self) -> anyhow::Result<Profile> {
        let preference = self.upload_preference.as_deref();
        let profile = Profile {
            organisation_type: take(&mut self.organisation_type),
            organisation_name: take(&mut self.organisation_name),
            country: take(&mut self.country),
            additional_fields: AdditionalFields::new(take(&mut self.additional_fields))
                .map_err(|rule| anyhow!("additional_fields: {rule}"))?,
            is_expert: self.is_expert,
            upload_preference: preference
                .map_or(Ok(UploadPreference::default()), UploadPreference::parse)
                .map_err(|rule| anyhow!("upload_preference: {rule}"))?,
        }
        .trimmed();
        let broken = profile.broken().next();
        broken.map_or(Ok(profile), |it| Err(it.into()))
    }
}

impl ConsentLine {
    fn of(consent: RecordedConsent) -> Self {
        Self {
            version: consent.version,
            is_given: consent.is_given,
            given_at: consent.given_at.to_string(),
            address: consent.address,
        }
    }

    fn recorded(self) -> anyhow::Result<RecordedConsent> {
        Ok(RecordedConsent {
            version: self.version,
            is_given: self.is_given,
            given_at: must_be_time("given_at", &self.given_at)?,
            address: self.address,
        })
    }
}

impl EarlierLine {
    fn of(earlier: EarlierPassword) -> Self {
        Self {
            password_hash: earlier.password_hash,
            created_at: earlier.created_at.to_string(),
        }
    }

    fn earlier(self) -> anyhow::Result<EarlierPassword> {
        Ok(EarlierPassword {
            password_hash: usable(self.password_hash)?,
            created_at: must_be_time("created_at", &self.created_at)?,
        })
    }
}

impl PolicyLine {
    pub(super) fn of(policy: Policy) -> Self {
        Self {
            version: policy.version,
            url: policy.url,
            published_at: policy.published_at.to_string(),
        }
    }

    /// The version, if it keeps to the rules; its address may be empty.
    pub(super) fn recorded(self) -> anyhow::Result<RecordedPolicy> {
        Policy::check_version(&self.version).map_err(|rule| anyhow!("version: {rule}"))?;
        if !self.url.is_empty() {
            Policy::check_published_url(&self.url).map_err(|rule| anyhow!("url: {rule}"))?;
        }
        Ok(RecordedPolicy {
            published_at: must_be_time("published_at", &self.published_at)?,
            version: self.version,
            url: self.url,
        })
    }
}

fn each<T, R>(lines: Vec<T>, read: fn(T) -> anyhow::Result<R>) -> anyhow::Result<Vec<R>> {
    lines.into_iter().map(read).collect()
}

fn usable(hash: String) -> anyhow::Result<String> {
    ensure!(
        Hasher::is_usable(&hash),
        "password_hash: this kind ({}) is unknown or costs too much; leave it out and mail a link with `reset send`",
        Hasher::unusable_kind(&hash)
    );
    Ok(hash)
}

fn time(field: &str, text: Option<String>) -> anyhow::Result<Option<Timestamp>> {
    text.map(|it| must_be_time(field, &it)).transpose()
}

fn must_be_time(field: &str, text: &str) -> anyhow::Result<Timestamp> {
    Timestamp::parse_lenient(text).ok_or_else(|| {
        let text = quoted(text);
        anyhow!("{field}: {text} is no time such as 2026-11-24T12:00:00Z")
    })
}
