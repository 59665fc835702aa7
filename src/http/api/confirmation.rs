//! activate, confirm-address: what the links in mails lead to that confirm something. Following one
//! changes nothing, because mail scanners do; the button on the page does.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Html;
use poem_openapi::{ApiResponse, OpenApi};

use super::tag::Tag;
use crate::accounts::Accounts;
use crate::accounts::activation::ConfirmError;
use crate::domain::MailKind;
use crate::failure::Failure;
use crate::http::pages::links::{self, Confirmation};
use crate::http::wire::{
    ANYONE, Answer, Anyone, Call, Deployment, ErrorSentence, Forms, JsonOrPage, LIMITED, Message,
    WantsHtml, error,
};

#[derive(ApiResponse)]
enum PageReply {
    /// A page with a button that confirms.
    #[oai(status = 200)]
    Page(Html<String>),
    /// The link was used, has expired, or never was one.
    #[oai(status = 400)]
    BadLink(JsonOrPage<ErrorSentence>),
}

#[derive(ApiResponse)]
enum ConfirmReply {
    /// It is confirmed.
    #[oai(status = 200)]
    Ok(JsonOrPage<Message>),
    /// It is confirmed; on to the front end.
    #[oai(status = 302)]
    Redirect(#[oai(header = "Location")] String),
    /// The link was used, has expired, or never was one; or somebody else has the address by now.
    #[oai(status = 400)]
    BadLink(JsonOrPage<ErrorSentence>),
}

pub(crate) struct ConfirmApi;

#[OpenApi(tag = "Tag::Accounts")]
impl ConfirmApi {
    /// Activate Account
    ///
    /// Where the mailed link leads. Changes nothing, so mail scanners may follow it.
    #[oai(
        path = "/activate/:uid/:token",
        method = "get",
        operation_id = "activate_page"
    )]
    async fn activate_page(
        &self,
        Data(deployment): Data<&Arc<Deployment>>,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
        call: Call,
    ) -> Answer<PageReply> {
        let what = Confirmation::Account;
        ask(&call.accounts, deployment, what, (&uid, &token), html).await
    }

    /// Confirm Account
    ///
    /// Confirms the address of the account, and lets its owner in. The link works once.
    #[oai(
        path = "/activate/:uid/:token",
        method = "post",
        operation_id = "activate"
    )]
    async fn activate(
        &self,
        Data(deployment): Data<&Arc<Deployment>>,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
        call: Call<Anyone, Forms>,
    ) -> Answer<ConfirmReply, ANYONE, LIMITED> {
        let confirmed = call
            .accounts
            .confirm_account(&uid, &token, &call.actor)
            .await;
        answer(confirmed, Confirmation::Account, deployment, html)
    }

    /// Confirm Address
    ///
    /// Where the link leads that is mailed to a new address. Changes nothing.
    #[oai(
        path = "/confirm-address/:uid/:token",
        method = "get",
        operation_id = "confirm_address_page"
    )]
    async fn address_page(
        &self,
        Data(deployment): Data<&Arc<Deployment>>,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
        call: Call,
    ) -> Answer<PageReply> {
        let what = Confirmation::Address;
        ask(&call.accounts, deployment, what, (&uid, &token), html).await
    }

    /// Change Address
    ///
    /// Makes the address that the link was mailed to the account's own. The link works once.
    #[oai(
        path = "/confirm-address/:uid/:token",
        method = "post",
        operation_id = "confirm_address"
    )]
    async fn address(
        &self,
        Data(deployment): Data<&Arc<Deployment>>,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
        call: Call<Anyone, Forms>,
    ) -> Answer<ConfirmReply, ANYONE, LIMITED> {
        let confirmed = call
            .accounts
            .confirm_address(&uid, &token, &call.actor)
            .await;
        answer(confirmed, Confirmation::Address, deployment, html)
    }
}

/// The page with the button, whoever asks: there is nothing for a program in it.
async fn ask(
    accounts: &Accounts,
    deployment: &Deployment,
    what: Confirmation,
    (uid, token): (&str, &str),
    html: bool,
) -> Answer<PageReply> {
    let (purpose, page) = match what {
        Confirmation::Account => (MailKind::Activation, "activate"),
        Confirmation::Address => (MailKind::AddressChange, "confirm-address"),
    };
    let action = deployment.api_path(&format!("{page}/{uid}/{token}/"));
    Ok(if accounts.is_link(purpose, uid, token).await? {
        PageReply::Page(Html(links::confirm(what, &action)?))
    } else {
        PageReply::BadLink(bad_link(html)?)
    })
}

fn answer(
    confirmed: Result<(), ConfirmError>,
    what: Confirmation,
    deployment: &Deployment,
    html: bool,
) -> Answer<ConfirmReply, ANYONE, LIMITED> {
    let (parameter, message) = match what {
        Confirmation::Account => ("activation_complete", "Account activated"),
        Confirmation::Address => ("address_confirmed", "Email address changed"),
    };
    Ok(match (confirmed, &deployment.frontend_url) {
        (Ok(()), Some(front)) => ConfirmReply::Redirect(format!("{front}/?{parameter}=true")),
        (Ok(()), None) => {
            let page = || links::confirmed(what);
            ConfirmReply::Ok(JsonOrPage::new(html, Message::new(message), page)?)
        }
        (Err(ConfirmError::BadLink), _) => ConfirmReply::BadLink(bad_link(html)?),
        (Err(ConfirmError::EmailTaken), _) => {
            let taken = error("This email is already registered.");
            ConfirmReply::BadLink(JsonOrPage::new(html, taken, links::address_taken)?)
        }
        (Err(ConfirmError::Trouble(trouble)), _) => return Err(trouble.into()),
    })
}

fn bad_link(html: bool) -> Result<JsonOrPage<ErrorSentence>, Failure> {
    let sentence = error("Invalid token or expired");
    JsonOrPage::new(html, sentence, links::bad_link)
}
