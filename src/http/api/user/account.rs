//! user/update, user/password/update: one's own account and password.

use poem_openapi::payload::Json;
use poem_openapi::types::Password;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::accounts::own::{OwnAccount, OwnChange, OwnError};
use crate::domain::LiveSession;
use crate::http::api::tag::Tag;
use crate::http::wire::{
    Answer, BEARER, BadRequest, Body, Call, EmailText, Forms, Input, LIMITED, Refused, Sentence,
    bad_request, first_rule,
};

/// The account and its profile.
#[derive(Object)]
#[oai(rename = "Account", skip_serializing_if_is_none)]
struct AccountBody {
    /// The number of the user, as text.
    user_id: String,
    /// The user name.
    username: String,
    /// The address.
    email: String,
    /// The first name.
    name: String,
    /// The last name.
    surname: String,
    /// What kind of organisation the person works for, such as `NGO`.
    organisation_type: String,
    /// The name of the organisation.
    organisation_name: String,
    /// The country, by its code or its name.
    country: String,
    /// Whether the person is a recognised expert; only the operator says so.
    is_expert: bool,
    /// Over which networks the app may upload photographs.
    upload_preference: String,
    /// The new address, which replaces the old one when the link that was mailed there is used.
    new_email: Option<String>,
}

impl From<OwnAccount> for AccountBody {
    fn from(account: OwnAccount) -> Self {
        let OwnAccount {
            user,
            profile,
            new_email,
        } = account;
        Self {
            user_id: user.id.to_string(),
            username: user.username.to_string(),
            email: user.email.to_string(),
            name: user.first_name,
            surname: user.last_name,
            organisation_type: profile.organisation_type,
            organisation_name: profile.organisation_name,
            country: profile.country,
            is_expert: profile.is_expert,
            upload_preference: profile.upload_preference.as_str().to_owned(),
            new_email: new_email.map(|it| it.to_string()),
        }
    }
}

/// What to change. Optional fields that are absent stay as they are; others that are not listed are
/// passed over.
#[derive(Object)]
struct AccountRequest {
    /// The user name. A new one must be free.
    #[oai(validator(max_length = 150))]
    username: Option<String>,
    /// The address. Another one must be free, and is confirmed by mail before it replaces the old one.
    #[oai(validator(min_length = 1, max_length = 254))]
    email: EmailText,
    /// The first name.
    #[oai(validator(min_length = 1, max_length = 150))]
    name: String,
    /// The last name.
    #[oai(validator(min_length = 1, max_length = 150))]
    surname: String,
    /// What kind of organisation the person works for, such as `NGO`.
    #[oai(validator(max_length = 255))]
    organisation_type: Option<String>,
    /// The name of the organisation.
    #[oai(validator(max_length = 255))]
    organisation_name: Option<String>,
    /// The country, by its code or its name.
    #[oai(validator(max_length = 255))]
    country: Option<String>,
    /// Over which networks the app may upload photographs.
    #[oai(validator(min_length = 1, max_length = 10))]
    upload_preference: String,
}

impl Input for AccountRequest {
    const SENTENCE: Sentence = first_rule;
}

impl From<AccountRequest> for OwnChange {
    fn from(fields: AccountRequest) -> Self {
        Self {
            username: fields.username.filter(|it| !it.is_empty()),
            email: fields.email.0,
            first_name: fields.name,
            last_name: fields.surname,
            organisation_type: fields.organisation_type,
            organisation_name: fields.organisation_name,
            country: fields.country,
            upload_preference: fields.upload_preference,
        }
    }
}

/// The old and the new password.
#[derive(Object)]
struct PasswordRequest {
    /// The password as it is.
    #[oai(validator(min_length = 1))]
    old_password: Password,
    /// At least 8 characters, and not one that everybody tries.
    #[oai(validator(min_length = 1, max_length = 128))]
    password: Password,
    /// The new password again.
    #[oai(validator(min_length = 1))]
    confirm_password: Password,
}

impl Input for PasswordRequest {
    const SENTENCE: Sentence = first_rule;
}

/// It was done.
#[derive(Object)]
#[oai(rename = "Status")]
struct StatusBody {
    /// Always `OK`.
    status: String,
}

#[derive(ApiResponse)]
enum AccountReply {
    /// The account.
    #[oai(status = 200)]
    Ok(Json<AccountBody>),
}

#[derive(ApiResponse)]
enum UpdateReply {
    /// The account as it is now.
    #[oai(status = 200)]
    Ok(Json<AccountBody>),
    /// What is wrong with the fields; nothing was changed.
    #[oai(status = 400)]
    BadRequest(Json<BadRequest>),
}

impl From<OwnError> for Refused<UpdateReply, BEARER, LIMITED> {
    fn from(err: OwnError) -> Self {
        match err {
            OwnError::Invalid(broken) => {
                Self::Reply(UpdateReply::BadRequest(bad_request::<AccountRequest>(
                    &broken,
                )))
            }
            OwnError::Trouble(trouble) => trouble.into(),
        }
    }
}

#[derive(ApiResponse)]
enum PasswordReply {
    /// The password is another one; the other sessions have ended.
    #[oai(status = 200)]
    Ok(Json<StatusBody>),
    /// What is wrong with the fields; nothing was changed.
    #[oai(status = 400)]
    BadRequest(Json<BadRequest>),
}

impl From<OwnError> for Refused<PasswordReply, BEARER, LIMITED> {
    fn from(err: OwnError) -> Self {
        match err {
            OwnError::Invalid(broken) => {
                Self::Reply(PasswordReply::BadRequest(bad_request::<PasswordRequest>(
                    &broken,
                )))
            }
            OwnError::Trouble(trouble) => trouble.into(),
        }
    }
}

pub(crate) struct AccountApi;

#[OpenApi(tag = "Tag::Own")]
impl AccountApi {
    /// Show User
    ///
    /// The account of the bearer.
    #[oai(path = "/user/update", method = "get", operation_id = "show_user")]
    async fn show(&self, call: Call<LiveSession>) -> Answer<AccountReply, BEARER> {
        let account = call.accounts.own_account(&call.who).await?;
        Ok(AccountReply::Ok(Json(account.into())))
    }

    /// Update User
    ///
    /// Changes the account of the bearer. A new address is confirmed by mail before it replaces the
    /// old one, which is told.
    #[oai(path = "/user/update", method = "post", operation_id = "update_user")]
    async fn update(
        &self,
        call: Call<LiveSession, Forms, Body<AccountRequest>>,
    ) -> Answer<UpdateReply, BEARER, LIMITED> {
        let change = call.body.fields.into();
        let account = call
            .accounts
            .update_own(&call.who, change, &call.actor)
            .await?;
        Ok(UpdateReply::Ok(Json(account.into())))
    }

    /// Update Password
    ///
    /// Changes the password of the bearer and ends their other sessions. Earlier passwords are refused.
    #[oai(
        path = "/user/password/update",
        method = "post",
        operation_id = "update_password"
    )]
    async fn update_password(
        &self,
        call: Call<LiveSession, Forms, Body<PasswordRequest>>,
    ) -> Answer<PasswordReply, BEARER, LIMITED> {
        let fields = call.body.fields;
        let new = (&**fields.password, &**fields.confirm_password);
        call.accounts
            .change_own_password(&call.who, &fields.old_password, new, &call.actor)
            .await?;
        Ok(PasswordReply::Ok(Json(StatusBody {
            status: "OK".to_owned(),
        })))
    }
}
