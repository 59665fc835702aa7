//! request-reset, and what the mailed link leads to.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::{Html, Json};
use poem_openapi::types::Password;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::address_request::{AddressBody, MailedReply, address, ask_again, in_whole_steps};
use super::tag::Tag;
use crate::accounts::Accounts;
use crate::accounts::reset::ResetError;
use crate::failure::Failure;
use crate::http::pages::links::{self, Account, Mailed};
use crate::http::wire::{
    ANYONE, Answer, Anyone, BadRequest, Body, CHALLENGE, Call, Deployment, ErrorSentence, Forms,
    Input, JsonOrPage, LIMITED, Message, Sentence, Unread, WantsHtml, bad_request, error,
    first_rule,
};

/// A new password.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct NewPassword {
    /// At least 8 characters, and not one that everybody tries.
    #[oai(validator(min_length = 1, max_length = 128))]
    new_password: Password,
}

impl Input for NewPassword {
    const SENTENCE: Sentence = first_rule;
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
    Unauthorized(
        JsonOrPage<ErrorSentence>,
        #[oai(header = "WWW-Authenticate")] String,
    ),
}

#[derive(ApiResponse)]
enum UpdateReply {
    /// The password is set and every session of the user has ended.
    #[oai(status = 200)]
    Ok(JsonOrPage<Message>),
    /// The password broke a rule; the link still works.
    #[oai(status = 400)]
    BadRequest(JsonOrPage<BadRequest>),
    /// The link was used, has expired, or never was one.
    #[oai(status = 401)]
    Unauthorized(
        JsonOrPage<ErrorSentence>,
        #[oai(header = "WWW-Authenticate")] String,
    ),
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
        Data(deployment): Data<&Arc<Deployment>>,
        WantsHtml(html): WantsHtml,
        call: Call<Anyone, Forms, AddressBody>,
    ) -> Answer<MailedReply, ANYONE, LIMITED> {
        let what = Mailed::Reset;
        let email = match address(call.body) {
            Ok(email) => email,
            Err(bad) => return Ok(MailedReply::refused(bad, what, deployment, html)?),
        };
        in_whole_steps(call.accounts.request_reset(email, &call.actor)).await?;
        Ok(MailedReply::sent(what, deployment, html)?)
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
        Data(deployment): Data<&Arc<Deployment>>,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
        call: Call,
    ) -> Answer<VerifyReply> {
        let Some(account) = account(&call.accounts, (&uid, &token)).await? else {
            let (page, challenge) = bad_link(deployment, html)?;
            return Ok(VerifyReply::Unauthorized(page, challenge));
        };
        Ok(match &deployment.frontend_url {
            // Both are base64url here: nothing to escape.
            Some(frontend) => {
                VerifyReply::Redirect(format!("{frontend}/?uid={}&token={}", uid.0, token.0))
            }
            None => {
                let link = (&*uid.0, &*token.0);
                let page = form(&call.accounts, deployment, link, Some(&account), None)?;
                VerifyReply::Form(Html(page))
            }
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
    async fn update_password_reset(
        &self,
        Data(deployment): Data<&Arc<Deployment>>,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
        call: Call<Anyone, Forms, Unread<Result<Body<NewPassword>, BadRequest>>>,
    ) -> Answer<UpdateReply, ANYONE, LIMITED> {
        // The link says who asks, and nobody's body is read before that is known.
        let unauthorized =
            || bad_link(deployment, html).map(|(page, it)| UpdateReply::Unauthorized(page, it));
        let Some(account) = account(&call.accounts, (&uid, &token)).await? else {
            return Ok(unauthorized()?);
        };
        // A browser gets the form again, with the reason.
        let refuse = |bad: BadRequest| {
            let reason = bad.sentence();
            let refusal = Some(&*reason);
            let link = (&*uid.0, &*token.0);
            let page = || form(&call.accounts, deployment, link, Some(&account), refusal);
            JsonOrPage::new(html, Json(bad), page).map(UpdateReply::BadRequest)
        };
        let new_password = match call.body.read().await? {
            Ok(body) => body.fields.new_password,
            Err(bad) => return Ok(refuse(bad)?),
        };
        let set = call
            .accounts
            .confirm_reset(&uid, &token, &new_password, &call.actor)
            .await;
        Ok(match set {
            Ok(()) => {
                let message = Message::new("Password updated successfully");
                let way_on = deployment.way_on();
                let page = || links::password_updated(Some(&account), way_on.as_deref());
                UpdateReply::Ok(JsonOrPage::new(html, message, page)?)
            }
            Err(ResetError::BadLink) => unauthorized()?,
            Err(ResetError::Invalid(broken)) => refuse(bad_request::<NewPassword>(&[broken]).0)?,
            Err(ResetError::Trouble(trouble)) => return Err(trouble.into()),
        })
    }
}

/// Whose password the link sets, if it works.
async fn account(
    accounts: &Accounts,
    (uid, token): (&str, &str),
) -> Result<Option<Account>, Failure> {
    let owner = accounts.password_link_owner(uid, token).await?;
    Ok(owner.map(|it| Account::new(it.username, &it.email)))
}

/// What is shown, and the challenge that every 401 has.
fn bad_link(
    deployment: &Deployment,
    html: bool,
) -> Result<(JsonOrPage<ErrorSentence>, String), Failure> {
    let page = || ask_again(Mailed::Reset, deployment, None);
    let page = JsonOrPage::new(html, error("Unauthorized"), page)?;
    Ok((page, CHALLENGE.to_owned()))
}

fn form(
    accounts: &Accounts,
    deployment: &Deployment,
    (uid, token): (&str, &str),
    account: Option<&Account>,
    refusal: Option<&str>,
) -> Result<String, Failure> {
    let action = deployment.api_path(&format!("update-password-reset/{uid}/{token}/"));
    let least = accounts.rules().password.min_length;
    links::new_password(&action, least, account, refusal)
}
