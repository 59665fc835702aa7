//! activate, confirm-address: what the links in mails lead to that confirm something. Following one
//! changes nothing, because mail scanners do; the button on the page does. resend-activation: another
//! such mail.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Html;
use poem_openapi::{ApiResponse, OpenApi};

use super::address_request::{AddressBody, MailedReply, address, ask_again, in_whole_steps};
use super::tag::Tag;
use crate::accounts::Accounts;
use crate::accounts::activation::ConfirmError;
use crate::domain::{FoundLink, LinkState, MailKind};
use crate::failure::Failure;
use crate::http::pages::links::{self, Account, Confirmation, Mailed};
use crate::http::wire::{
    ANYONE, Answer, Anyone, Call, Deployment, ErrorSentence, Forms, JsonOrPage, LIMITED, Message,
    WantsHtml, error,
};

#[derive(ApiResponse)]
enum PageReply {
    /// A page with a button that confirms; or it is confirmed already, which programs learn as JSON.
    #[oai(status = 200)]
    Page(JsonOrPage<Message>),
    /// The link has expired or was replaced by a newer one, or never was one.
    #[oai(status = 400)]
    BadLink(JsonOrPage<ErrorSentence>),
}

#[derive(ApiResponse)]
enum ConfirmReply {
    /// It is confirmed; or it was already.
    #[oai(status = 200)]
    Ok(JsonOrPage<Message>),
    /// It is confirmed; on to the front end.
    #[oai(status = 302)]
    Redirect(#[oai(header = "Location")] String),
    /// The link has expired or was replaced by a newer one, or never was one; or somebody else has the
    /// address by now.
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
    /// Confirms the address of the account, and lets its owner in. Of an account that is confirmed
    /// already it says so.
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
        confirm(
            &call,
            deployment,
            Confirmation::Account,
            (&uid, &token),
            html,
        )
        .await
    }

    /// Resend Activation
    ///
    /// Mails another activation link, if an account with this address waits to be confirmed. The
    /// answer and its time are the same for every address.
    #[oai(
        path = "/resend-activation",
        method = "post",
        operation_id = "resend_activation"
    )]
    async fn resend(
        &self,
        Data(deployment): Data<&Arc<Deployment>>,
        WantsHtml(html): WantsHtml,
        call: Call<Anyone, Forms, AddressBody>,
    ) -> Answer<MailedReply, ANYONE, LIMITED> {
        let what = Mailed::Activation;
        let email = match address(call.body) {
            Ok(email) => email,
            Err(bad) => return Ok(MailedReply::refused(bad, what, deployment, html)?),
        };
        in_whole_steps(call.accounts.resend_activation(email, &call.actor)).await?;
        Ok(MailedReply::sent(what, deployment, html)?)
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
    /// Makes the address that the link was mailed to the account's own. If it is already, it says so.
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
        confirm(
            &call,
            deployment,
            Confirmation::Address,
            (&uid, &token),
            html,
        )
        .await
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
    let link = accounts.confirming_link(purpose(what), uid, token).await?;
    let Some(link) = link else {
        return Ok(PageReply::BadLink(bad_link(what, deployment, html)?));
    };
    Ok(match link.state {
        LinkState::Works => {
            let page = match what {
                Confirmation::Account => "activate",
                Confirmation::Address => "confirm-address",
            };
            let action = deployment.api_path(&format!("{page}/{uid}/{token}/"));
            let account = Account::to_be_confirmed(what, &link.address);
            let page = links::confirm(what, &action, &account)?;
            PageReply::Page(JsonOrPage::Page(Html(page)))
        }
        LinkState::Done => PageReply::Page(done(what, &link, deployment, html)?),
    })
}

async fn confirm(
    call: &Call<Anyone, Forms>,
    deployment: &Deployment,
    what: Confirmation,
    (uid, token): (&str, &str),
    html: bool,
) -> Answer<ConfirmReply, ANYONE, LIMITED> {
    let accounts = &call.accounts;
    let confirmed = accounts.confirm(purpose(what), uid, token, &call.actor);
    Ok(match (confirmed.await, front_end(what, deployment)) {
        (Ok(_), Some(front_end)) => ConfirmReply::Redirect(front_end),
        (Ok(link), None) => ConfirmReply::Ok(done(what, &link, deployment, html)?),
        (Err(ConfirmError::BadLink), _) => ConfirmReply::BadLink(bad_link(what, deployment, html)?),
        (Err(ConfirmError::EmailTaken), _) => {
            let taken = error("This email is already registered.");
            let page = || links::address_taken(deployment.way_on().as_deref());
            ConfirmReply::BadLink(JsonOrPage::new(html, taken, page)?)
        }
        (Err(ConfirmError::Trouble(trouble)), _) => return Err(trouble.into()),
    })
}

fn purpose(what: Confirmation) -> MailKind {
    match what {
        Confirmation::Account => MailKind::Activation,
        Confirmation::Address => MailKind::AddressChange,
    }
}

/// Where the front end goes on, if there is one.
fn front_end(what: Confirmation, deployment: &Deployment) -> Option<String> {
    let front = deployment.frontend_url.as_ref()?;
    let parameter = match what {
        Confirmation::Account => "activation_complete",
        Confirmation::Address => "address_confirmed",
    };
    Some(format!("{front}/?{parameter}=true"))
}

/// What a link is for is done: by it now, or before.
fn done(
    what: Confirmation,
    link: &FoundLink,
    deployment: &Deployment,
    html: bool,
) -> Result<JsonOrPage<Message>, Failure> {
    let message = Message::new(match (what, link.state) {
        (Confirmation::Account, LinkState::Works) => "Account activated",
        (Confirmation::Account, LinkState::Done) => "Account already confirmed",
        (Confirmation::Address, LinkState::Works) => "Email address changed",
        (Confirmation::Address, LinkState::Done) => "Email address already confirmed",
    });
    JsonOrPage::new(html, message, || {
        let way_on = front_end(what, deployment).or_else(|| deployment.way_on());
        let account = Account::to_be_confirmed(what, &link.address);
        match link.state {
            LinkState::Works => links::confirmed(what, &account, way_on.as_deref()),
            LinkState::Done => links::already_confirmed(what, &account, way_on.as_deref()),
        }
    })
}

fn bad_link(
    what: Confirmation,
    deployment: &Deployment,
    html: bool,
) -> Result<JsonOrPage<ErrorSentence>, Failure> {
    let sentence = error("Invalid token or expired");
    JsonOrPage::new(html, sentence, || match what {
        Confirmation::Account => ask_again(Mailed::Activation, deployment, None),
        Confirmation::Address => links::bad_address_link(deployment.way_on().as_deref()),
    })
}
