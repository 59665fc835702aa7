//! check-registration-status, retrieve-email-by-username: for the account itself and for staff.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::tag::Tag;
use crate::accounts::lookup::LookupError;
use crate::domain::LiveSession;
use crate::http::wire::{Answer, BEARER, Call, Detail, ErrorSentence, Refused, detail, error};

/// Whether an account can be used.
#[derive(Object)]
#[oai(rename = "RegistrationStatus")]
struct RegistrationBody {
    /// The address of the account.
    email: String,
    /// Whether the user may log in.
    is_registration_completed: bool,
}

/// The address of an account.
#[derive(Object)]
#[oai(rename = "AccountEmail")]
struct EmailBody {
    /// The address.
    email: String,
}

#[derive(ApiResponse)]
enum RegistrationReply {
    /// The account.
    #[oai(status = 200)]
    Ok(Json<RegistrationBody>),
    /// It is not the bearer's own, and the bearer is not staff.
    #[oai(status = 403)]
    Forbidden(Json<Detail>),
    /// Nobody has this address.
    #[oai(status = 404)]
    NotFound(Json<ErrorSentence>),
}

impl From<LookupError> for Refused<RegistrationReply, BEARER> {
    fn from(err: LookupError) -> Self {
        Self::Reply(match err {
            LookupError::Forbidden => RegistrationReply::Forbidden(detail(FORBIDDEN)),
            LookupError::NotFound => RegistrationReply::NotFound(error("User not found.")),
            LookupError::Failed(failure) => return failure.into(),
        })
    }
}

#[derive(ApiResponse)]
enum EmailReply {
    /// The address.
    #[oai(status = 200)]
    Ok(Json<EmailBody>),
    /// It is not the bearer's own, and the bearer is not staff.
    #[oai(status = 403)]
    Forbidden(Json<Detail>),
    /// Nobody has this user name.
    #[oai(status = 404)]
    NotFound(Json<ErrorSentence>),
}

impl From<LookupError> for Refused<EmailReply, BEARER> {
    fn from(err: LookupError) -> Self {
        Self::Reply(match err {
            LookupError::Forbidden => EmailReply::Forbidden(detail(FORBIDDEN)),
            LookupError::NotFound => EmailReply::NotFound(error("User not found")),
            LookupError::Failed(failure) => return failure.into(),
        })
    }
}

const FORBIDDEN: &str = "You do not have permission to perform this action.";

pub(crate) struct LookupApi;

#[OpenApi(tag = "Tag::Own")]
impl LookupApi {
    /// Check Registration Status
    ///
    /// Answers about the bearer's own address, or about anybody's to staff.
    #[oai(
        path = "/check-registration-status/:email",
        method = "get",
        operation_id = "check_registration_status"
    )]
    async fn registration(
        &self,
        call: Call<LiveSession>,
        /// The address of the account.
        email: Path<String>,
    ) -> Answer<RegistrationReply, BEARER> {
        let user = call.accounts.look_up_email(&call.who, &email).await?;
        Ok(RegistrationReply::Ok(Json(RegistrationBody {
            email: user.email.to_string(),
            is_registration_completed: user.is_active,
        })))
    }

    /// Retrieve Email By Username
    ///
    /// Answers about the bearer's own user name, or about anybody's to staff. Nobody needs it to log
    /// in: login reads a user name too.
    #[oai(
        path = "/retrieve-email-by-username/:username",
        method = "get",
        operation_id = "retrieve_email_by_username"
    )]
    async fn email(
        &self,
        call: Call<LiveSession>,
        /// The user name of the account.
        username: Path<String>,
    ) -> Answer<EmailReply, BEARER> {
        let user = call.accounts.look_up_username(&call.who, &username).await?;
        Ok(EmailReply::Ok(Json(EmailBody {
            email: user.email.to_string(),
        })))
    }
}
