//! request-reset, and what the mailed link leads to.

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::{Html, Json};
use poem_openapi::types::{Email, Example, Password};
use poem_openapi::{ApiResponse, Object, OpenApi, ResponseContent};

use super::tag::Tag;
use crate::accounts::Accounts;
use crate::accounts::reset::ResetError;
use crate::domain;
use crate::domain::Invalid;
use crate::failure::Failure;
use crate::http::pages::links;
use crate::http::pages::links::WantsHtml;
use crate::http::wire::body::{Body, Input, Tried};
use crate::http::wire::client::Client;
use crate::http::wire::deployment::Deployment;
use crate::http::wire::problem::{BadRequest, ErrorSentence, Message, Refused, Unserved, error};
use crate::http::wire::rate_limit::FormPassage;

/// Whose password is forgotten.
#[derive(Object)]
#[oai(example)]
struct ResetRequest {
    /// The address of the account.
    #[oai(validator(min_length = 1, max_length = 254))]
    email: Email,
}

impl Input for ResetRequest {
    fn sentence(broken: &[Invalid]) -> Option<String> {
        sentence(broken)
    }
}

impl Example for ResetRequest {
    fn example() -> Self {
        Self {
            email: Email("test@example.org".to_owned()),
        }
    }
}

/// A new password.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct NewPassword {
    /// At least 8 characters, and not one that everybody tries.
    #[oai(validator(min_length = 1, max_length = 128))]
    new_password: Password,
}

impl Input for NewPassword {
    fn sentence(broken: &[Invalid]) -> Option<String> {
        sentence(broken)
    }
}

#[derive(ApiResponse)]
enum RequestReply {
    /// If somebody has this address, a mail is on its way to it.
    #[oai(status = 200)]
    Ok(Json<Message>),
    /// The address is missing or malformed.
    #[oai(status = 400)]
    #[expect(
        dead_code,
        reason = "answered by the body extractor; declared here for the document"
    )]
    BadRequest(Json<BadRequest>),
}

#[derive(ResponseContent)]
enum Unauthorized {
    Json(Json<ErrorSentence>),
    Html(Html<String>),
}

impl Unauthorized {
    fn new(html: bool) -> Result<Self, Failure> {
        Ok(if html {
            Self::Html(Html(links::bad_link()?))
        } else {
            Self::Json(error("Unauthorized"))
        })
    }
}

#[derive(ResponseContent)]
enum Updated {
    Json(Json<Message>),
    Html(Html<String>),
}

#[derive(ResponseContent)]
enum NotUpdated {
    Json(Json<BadRequest>),
    Html(Html<String>),
}

#[derive(ApiResponse)]
enum VerifyReply {
    /// A page with a form for the new password.
    #[oai(status = 200)]
    Form(Html<String>),
    /// To the front end, which asks for the new password.
    #[oai(status = 302)]
    Redirect(#[oai(header = "Location")] String),
    /// The link was used, has expired, or never was one.
    #[oai(status = 401)]
    Unauthorized(Unauthorized),
}

#[derive(ApiResponse)]
enum UpdateReply {
    /// The password is set and every session of the user has ended.
    #[oai(status = 200)]
    Ok(Updated),
    /// The password broke a rule; the link still works.
    #[oai(status = 400)]
    BadRequest(NotUpdated),
    /// The link was used, has expired, or never was one.
    #[oai(status = 401)]
    Unauthorized(Unauthorized),
}

pub(crate) struct ResetApi;

#[OpenApi(tag = "Tag::Accounts")]
impl ResetApi {
    /// Request Password Reset
    ///
    /// Mails a link to the stored address. The answer and its time are the same for every address.
    #[oai(
        path = "/request-reset",
        method = "post",
        operation_id = "request_reset"
    )]
    async fn request_reset(
        &self,
        Data(accounts): Data<&Accounts>,
        Client(caller): Client,
        FormPassage(passage): FormPassage,
        body: Body<ResetRequest>,
    ) -> Result<RequestReply, Refused> {
        passage?;
        // The extractor has checked it by the same rule, so an address always parses.
        if let Ok(email) = domain::Email::parse(&body.fields.email) {
            accounts.request_reset(email, &caller).await?;
        }
        Ok(RequestReply::Ok(Message::new("Password reset email sent")))
    }

    /// Verify Password Reset
    ///
    /// Where the mailed link leads. Changes nothing, so mail scanners may follow it.
    #[oai(
        path = "/verify-password-reset/:uid/:token",
        method = "get",
        operation_id = "verify_password_reset"
    )]
    async fn verify_password_reset(
        &self,
        Data(accounts): Data<&Accounts>,
        Data(deployment): Data<&Deployment>,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
    ) -> Result<VerifyReply, Unserved> {
        if !accounts.is_reset_link(&uid, &token).await? {
            return Ok(VerifyReply::Unauthorized(Unauthorized::new(html)?));
        }
        Ok(match &deployment.frontend_url {
            // Both are base64url here: nothing to escape.
            Some(frontend) => {
                VerifyReply::Redirect(format!("{frontend}/?uid={}&token={}", uid.0, token.0))
            }
            None => VerifyReply::Form(Html(links::new_password(
                &uid,
                &token,
                least(accounts),
                None,
            )?)),
        })
    }

    /// Update Password Reset
    ///
    /// Sets the password of whoever got the link. The link works once; every session of the user ends.
    #[oai(
        path = "/update-password-reset/:uid/:token",
        method = "post",
        operation_id = "update_password_reset"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is one part of the request")]
    async fn update_password_reset(
        &self,
        Data(accounts): Data<&Accounts>,
        Client(caller): Client,
        FormPassage(passage): FormPassage,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
        Tried(body): Tried<NewPassword>,
    ) -> Result<UpdateReply, Refused> {
        passage?;
        let form =
            |refusal: &str| links::new_password(&uid, &token, least(accounts), Some(refusal));
        let refuse = |bad| not_updated(bad, html.then_some(form));
        let new_password = match body {
            Ok(body) => body.fields.new_password,
            Err(bad) => return refuse(bad),
        };
        match accounts
            .confirm_reset(&uid, &token, &new_password, &caller)
            .await
        {
            Ok(()) => Ok(UpdateReply::Ok(if html {
                Updated::Html(Html(links::password_updated()?))
            } else {
                Updated::Json(Message::new("Password updated successfully"))
            })),
            Err(ResetError::BadLink) => Ok(UpdateReply::Unauthorized(Unauthorized::new(html)?)),
            Err(ResetError::Invalid(broken)) => {
                let broken = [broken];
                refuse(BadRequest::fields(&broken, sentence(&broken)))
            }
            Err(ResetError::Trouble(trouble)) => Err(trouble.into()),
        }
    }
}

fn sentence(broken: &[Invalid]) -> Option<String> {
    broken.first().map(|it| it.rule.to_string())
}

/// Characters that a password needs.
fn least(accounts: &Accounts) -> usize {
    accounts.rules().password.min_length
}

/// A browser gets the form again, with the reason.
fn not_updated(
    bad: BadRequest,
    form: Option<impl FnOnce(&str) -> Result<String, Failure>>,
) -> Result<UpdateReply, Refused> {
    Ok(UpdateReply::BadRequest(match form {
        Some(form) => {
            let refusal = bad.0.get("error").and_then(serde_json::Value::as_str);
            NotUpdated::Html(Html(form(
                refusal.unwrap_or("This form could not be read. Try again."),
            )?))
        }
        None => NotUpdated::Json(Json(bad)),
    }))
}
