//! user/export, user/delete: all that is kept about somebody, and an end to it.

use std::collections::BTreeMap;

use poem_openapi::payload::Json;
use poem_openapi::types::Password;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::Value;

use crate::accounts::own::{OwnData, OwnError};
use crate::domain::{Consent, LiveSession, SessionId};
use crate::http::api::session_body::SessionEntry;
use crate::http::api::tag::Tag;
use crate::http::wire::{
    Answer, BEARER, BadRequest, Body, Call, Forms, Input, LIMITED, Message, Refused, Sentence,
    bad_request, first_rule,
};

/// What was said to a version of the privacy policy.
#[derive(Object)]
struct ConsentEntry {
    /// The version.
    version: String,
    /// Whether it was agreed to.
    consent_given: bool,
    /// When the user said so.
    consent_date: String,
    /// From where, if known.
    #[oai(nullable)]
    ip_address: Option<String>,
}

impl From<Consent> for ConsentEntry {
    fn from(consent: Consent) -> Self {
        Self {
            version: consent.policy.version,
            consent_given: consent.is_given,
            consent_date: consent.given_at.to_string(),
            ip_address: consent.address,
        }
    }
}

/// All that is kept about a person, but for secrets.
#[derive(Object)]
#[oai(rename = "PersonalData")]
struct ExportBody {
    /// The number of the user.
    user_id: i64,
    /// The user name.
    username: String,
    /// The address.
    email: String,
    /// When its owner last proved to be one.
    #[oai(nullable)]
    email_confirmed_at: Option<String>,
    /// The first name.
    first_name: String,
    /// The last name.
    last_name: String,
    /// Whether the user is staff.
    is_staff: bool,
    /// When the account was made.
    created_at: String,
    /// When a session was last opened.
    #[oai(nullable)]
    last_login_at: Option<String>,
    /// What kind of organisation the person works for, such as `NGO`.
    organisation_type: String,
    /// The name of the organisation.
    organisation_name: String,
    /// The country, by its code or its name.
    country: String,
    /// Whether the person is a recognised expert.
    is_expert: bool,
    /// Over which networks the app may upload photographs.
    upload_preference: String,
    /// What else was sent at registration.
    additional_fields: BTreeMap<String, Value>,
    /// Sessions that have not ended.
    sessions: Vec<SessionEntry>,
    /// What was said to privacy policies.
    consents: Vec<ConsentEntry>,
}

impl ExportBody {
    fn new(data: OwnData, current: SessionId) -> Self {
        let OwnData {
            user,
            profile,
            sessions,
            consents,
        } = data;
        let sessions = sessions.into_iter();
        Self {
            user_id: user.id.0,
            username: user.username.to_string(),
            email: user.email.to_string(),
            email_confirmed_at: user.email_confirmed_at.map(|it| it.to_string()),
            first_name: user.first_name,
            last_name: user.last_name,
            is_staff: user.is_staff,
            created_at: user.created_at.to_string(),
            last_login_at: user.last_login_at.map(|it| it.to_string()),
            organisation_type: profile.organisation_type,
            organisation_name: profile.organisation_name,
            country: profile.country,
            is_expert: profile.is_expert,
            upload_preference: profile.upload_preference.as_str().to_owned(),
            additional_fields: profile
                .additional_fields
                .as_map()
                .clone()
                .into_iter()
                .collect(),
            sessions: sessions.map(|it| SessionEntry::new(it, current)).collect(),
            consents: consents.into_iter().map(Into::into).collect(),
        }
    }
}

/// The password, so that nobody closes an account that was left open.
#[derive(Object)]
struct DeleteRequest {
    /// The password of the account.
    #[oai(validator(min_length = 1))]
    password: Password,
}

impl Input for DeleteRequest {
    const SENTENCE: Sentence = first_rule;
}

#[derive(ApiResponse)]
enum ExportReply {
    /// All that is kept.
    #[oai(status = 200)]
    Ok(
        Json<ExportBody>,
        #[oai(header = "Content-Disposition")] String,
    ),
}

#[derive(ApiResponse)]
enum DeleteReply {
    /// The account is gone, with all that belonged to it.
    #[oai(status = 200)]
    Ok(Json<Message>),
    /// The password is not right; nothing was done.
    #[oai(status = 400)]
    BadRequest(Json<BadRequest>),
}

impl From<OwnError> for Refused<DeleteReply, BEARER, LIMITED> {
    fn from(err: OwnError) -> Self {
        match err {
            OwnError::Invalid(broken) => {
                Self::Reply(DeleteReply::BadRequest(bad_request::<DeleteRequest>(
                    &broken,
                )))
            }
            OwnError::Trouble(trouble) => trouble.into(),
        }
    }
}

pub(crate) struct OwnApi;

#[OpenApi(tag = "Tag::Own")]
impl OwnApi {
    /// Export Data
    ///
    /// All that is kept about the bearer, but for secrets.
    #[oai(path = "/user/export", method = "get", operation_id = "export_data")]
    async fn export(&self, call: Call<LiveSession>) -> Answer<ExportReply, BEARER> {
        let data = call.accounts.own_data(&call.who).await?;
        Ok(ExportReply::Ok(
            Json(ExportBody::new(data, call.who.id)),
            "attachment; filename=\"minisass-account.json\"".to_owned(),
        ))
    }

    /// Delete Account
    ///
    /// Forgets the account of the bearer for good, if the password is right.
    #[oai(
        path = "/user/delete",
        method = "post",
        operation_id = "delete_account"
    )]
    async fn delete(
        &self,
        call: Call<LiveSession, Forms, Body<DeleteRequest>>,
    ) -> Answer<DeleteReply, BEARER, LIMITED> {
        let password = &call.body.fields.password;
        call.accounts
            .delete_own(&call.who, password, &call.actor)
            .await?;
        Ok(DeleteReply::Ok(Message::new("Account deleted")))
    }
}
