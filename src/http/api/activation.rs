//! activate, confirm-address: what the links in mails lead to that confirm something. Following one
//! changes nothing, because mail scanners do; the button on the page does.

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::{Html, Json};
use poem_openapi::{ApiResponse, OpenApi, ResponseContent};

use super::tag::Tag;
use crate::accounts::Accounts;
use crate::accounts::activation::ConfirmError;
use crate::domain::{MailKind, WebUrl};
use crate::failure::Failure;
use crate::http::pages::links;
use crate::http::pages::links::{Confirmation, WantsHtml};
use crate::http::wire::client::Client;
use crate::http::wire::deployment::Deployment;
use crate::http::wire::problem::{ErrorSentence, Message, Refused, Unserved, error};
use crate::http::wire::rate_limit::FormPassage;

#[derive(ResponseContent)]
enum Done {
    Json(Json<Message>),
    Html(Html<String>),
}

#[derive(ResponseContent)]
enum Bad {
    Json(Json<ErrorSentence>),
    Html(Html<String>),
}

impl Bad {
    fn link(html: bool) -> Result<Self, Failure> {
        Ok(if html {
            Self::Html(Html(links::bad_link()?))
        } else {
            Self::Json(error("Invalid token or expired"))
        })
    }

    fn taken(html: bool) -> Result<Self, Failure> {
        Ok(if html {
            Self::Html(Html(links::address_taken()?))
        } else {
            Self::Json(error("This email is already registered."))
        })
    }
}

#[derive(ApiResponse)]
enum PageReply {
    /// A page with a button that confirms.
    #[oai(status = 200)]
    Page(Html<String>),
    /// The link was used, has expired, or never was one.
    #[oai(status = 400)]
    BadLink(Bad),
}

#[derive(ApiResponse)]
enum ConfirmReply {
    /// It is confirmed.
    #[oai(status = 200)]
    Ok(Done),
    /// It is confirmed; on to the front end.
    #[oai(status = 302)]
    Redirect(#[oai(header = "Location")] String),
    /// The link was used, has expired, or never was one; or somebody else has the address by now.
    #[oai(status = 400)]
    BadLink(Bad),
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
        Data(accounts): Data<&Accounts>,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
    ) -> Result<PageReply, Unserved> {
        ask(accounts, Confirmation::Account, (&uid, &token), html).await
    }

    /// Confirm Account
    ///
    /// Confirms the address of the account, and lets its owner in. The link works once.
    #[oai(
        path = "/activate/:uid/:token",
        method = "post",
        operation_id = "activate"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is one part of the request")]
    async fn activate(
        &self,
        Data(accounts): Data<&Accounts>,
        Data(deployment): Data<&Deployment>,
        Client(caller): Client,
        FormPassage(passage): FormPassage,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
    ) -> Result<ConfirmReply, Refused> {
        passage?;
        let done = accounts.confirm_account(&uid, &token, &caller).await;
        let there = |front: &WebUrl| format!("{front}/?activation_complete=true");
        let there = deployment.frontend_url.as_ref().map(there);
        answer(done, Confirmation::Account, there, html)
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
        Data(accounts): Data<&Accounts>,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
    ) -> Result<PageReply, Unserved> {
        ask(accounts, Confirmation::Address, (&uid, &token), html).await
    }

    /// Change Address
    ///
    /// Makes the address that the link was mailed to the account's own. The link works once.
    #[oai(
        path = "/confirm-address/:uid/:token",
        method = "post",
        operation_id = "confirm_address"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is one part of the request")]
    async fn address(
        &self,
        Data(accounts): Data<&Accounts>,
        Data(deployment): Data<&Deployment>,
        Client(caller): Client,
        FormPassage(passage): FormPassage,
        WantsHtml(html): WantsHtml,
        /// Whom the link is for.
        uid: Path<String>,
        /// The secret of the link.
        token: Path<String>,
    ) -> Result<ConfirmReply, Refused> {
        passage?;
        let done = accounts.confirm_address(&uid, &token, &caller).await;
        let there = |front: &WebUrl| format!("{front}/?address_confirmed=true");
        let there = deployment.frontend_url.as_ref().map(there);
        answer(done, Confirmation::Address, there, html)
    }
}

/// The page with the button, whoever asks: there is nothing for a program in it.
async fn ask(
    accounts: &Accounts,
    what: Confirmation,
    (uid, token): (&str, &str),
    html: bool,
) -> Result<PageReply, Unserved> {
    let purpose = match what {
        Confirmation::Account => MailKind::Activation,
        Confirmation::Address => MailKind::AddressChange,
    };
    Ok(if accounts.is_link(purpose, uid, token).await? {
        PageReply::Page(Html(links::confirm(what, uid, token)?))
    } else {
        PageReply::BadLink(Bad::link(html)?)
    })
}

fn answer(
    done: Result<(), ConfirmError>,
    what: Confirmation,
    front_end: Option<String>,
    html: bool,
) -> Result<ConfirmReply, Refused> {
    match (done, front_end) {
        (Ok(()), Some(there)) => Ok(ConfirmReply::Redirect(there)),
        (Ok(()), None) if html => Ok(ConfirmReply::Ok(Done::Html(Html(links::confirmed(what)?)))),
        (Ok(()), None) => Ok(ConfirmReply::Ok(Done::Json(Message::new(match what {
            Confirmation::Account => "Account activated",
            Confirmation::Address => "Email address changed",
        })))),
        (Err(ConfirmError::BadLink), _) => Ok(ConfirmReply::BadLink(Bad::link(html)?)),
        (Err(ConfirmError::EmailTaken), _) => Ok(ConfirmReply::BadLink(Bad::taken(html)?)),
        (Err(ConfirmError::Trouble(trouble)), _) => Err(trouble.into()),
    }
}
