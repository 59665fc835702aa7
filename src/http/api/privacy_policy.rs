//! privacy-policy/check, privacy-policy/consent.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::tag::Tag;
use crate::domain::{Consent, LiveSession, Policy};
use crate::http::wire::{Answer, BEARER, Body, Call, Detail, Forms, Input, LIMITED, detail};

/// A version of the privacy policy.
#[derive(Object)]
#[oai(rename = "PrivacyPolicy")]
struct PolicyBody {
    /// Its number.
    id: i64,
    /// Its name.
    version: String,
    /// Where it can be read; null for one that came from Django without a link.
    #[oai(nullable)]
    link: Option<String>,
    /// Always null: a version is a link.
    #[oai(nullable)]
    file: Option<String>,
    /// Since when it counts.
    published_at: String,
}

impl From<Policy> for PolicyBody {
    fn from(policy: Policy) -> Self {
        Self {
            id: policy.id,
            version: policy.version,
            link: Some(policy.url).filter(|it| !it.is_empty()),
            file: None,
            published_at: policy.published_at.to_string(),
        }
    }
}

/// The latest version, and whether the bearer agreed to it.
#[derive(Object)]
#[oai(rename = "PrivacyPolicyStatus")]
struct CheckBody {
    /// Whether the bearer agreed.
    is_agreed_to_privacy_policy: bool,
    /// The latest version.
    policy: PolicyBody,
}

/// What the bearer says.
#[derive(Object)]
struct ConsentRequest {
    /// Whether the bearer agrees; absent counts as no.
    agree: Option<bool>,
}

impl Input for ConsentRequest {}

/// What was noted.
#[derive(Object)]
#[oai(rename = "PrivacyPolicyConsent")]
struct ConsentBody {
    /// Its number.
    id: i64,
    /// The number of the user.
    user: i64,
    /// The number of the version.
    policy: i64,
    /// Whether the user agreed.
    consent_given: bool,
    /// When the user said so.
    consent_date: String,
    /// From where, if known.
    #[oai(nullable)]
    ip_address: Option<String>,
}

impl From<Consent> for ConsentBody {
    fn from(consent: Consent) -> Self {
        Self {
            id: consent.id,
            user: consent.user.0,
            policy: consent.policy.id,
            consent_given: consent.is_given,
            consent_date: consent.given_at.to_string(),
            ip_address: consent.address,
        }
    }
}

#[derive(ApiResponse)]
enum CheckReply {
    /// The latest version.
    #[oai(status = 200)]
    Ok(Json<CheckBody>),
    /// None has been published.
    #[oai(status = 404)]
    NotFound(Json<Detail>),
}

#[derive(ApiResponse)]
enum ConsentReply {
    /// It is noted.
    #[oai(status = 201)]
    Created(Json<ConsentBody>),
    /// None has been published.
    #[oai(status = 404)]
    NotFound(Json<Detail>),
}

pub(crate) struct PolicyApi;

#[OpenApi(tag = "Tag::Own")]
impl PolicyApi {
    /// Privacy Policy Consent Status
    ///
    /// The latest version of the privacy policy, and whether the bearer agreed to it.
    #[oai(
        path = "/privacy-policy/check",
        method = "get",
        operation_id = "check_privacy_policy"
    )]
    async fn check(&self, call: Call<LiveSession>) -> Answer<CheckReply, BEARER> {
        let latest = call.accounts.policies().await?.into_iter().next();
        Ok(match latest {
            Some(policy) => CheckReply::Ok(Json(CheckBody {
                is_agreed_to_privacy_policy: call.who.agreement.is_settled(),
                policy: policy.into(),
            })),
            None => CheckReply::NotFound(detail("No privacy policy available.")),
        })
    }

    /// Privacy Policy Consent Create
    ///
    /// Notes, with time and address, what the bearer says to the latest version.
    #[oai(
        path = "/privacy-policy/consent",
        method = "post",
        operation_id = "consent_to_privacy_policy"
    )]
    async fn consent(
        &self,
        call: Call<LiveSession, Forms, Body<ConsentRequest>>,
    ) -> Answer<ConsentReply, BEARER, LIMITED> {
        let agrees = call.body.fields.agree.unwrap_or(false);
        let consent = call
            .accounts
            .give_consent(&call.who, agrees, &call.actor)
            .await?;
        Ok(match consent {
            Some(consent) => ConsentReply::Created(Json(consent.into())),
            None => ConsentReply::NotFound(detail("Privacy policy not found.")),
        })
    }
}
