//! What endpoints read and answer that mail a link to the owner of an address: the same for every address.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use crate::domain::{self, Invalid};
use crate::failure::Failure;
use crate::http::pages::links::{self, Mailed};
use crate::http::wire::{
    BadRequest, Body, Deployment, EmailText, Input, JsonOrPage, Message, Sentence, bad_request,
    first_rule,
};

/// Whose account it is about.
#[derive(Object)]
#[oai(example)]
pub(crate) struct AddressRequest {
    /// The address of the account.
    #[oai(validator(min_length = 1, max_length = 254))]
    email: EmailText,
}

/// A browser gets a page, whatever is wrong.
pub(crate) type AddressBody = Result<Body<AddressRequest>, BadRequest>;

#[derive(ApiResponse)]
pub(crate) enum MailedReply {
    /// If there is an account for it, a mail is on its way to the address.
    #[oai(status = 200)]
    Ok(JsonOrPage<Message>),
    /// The address is missing or malformed.
    #[oai(status = 400)]
    BadRequest(JsonOrPage<BadRequest>),
}

impl MailedReply {
    pub(crate) fn sent(what: Mailed, deployment: &Deployment, html: bool) -> Result<Self, Failure> {
        let message = Message::new(match what {
            Mailed::Activation => "Activation email sent",
            Mailed::Reset => "Password reset email sent",
        });
        let page = || links::sent_again(what, deployment.way_on().as_deref());
        JsonOrPage::new(html, message, page).map(Self::Ok)
    }

    /// A browser gets the form again, with the reason.
    pub(crate) fn refused(
        bad: Json<BadRequest>,
        what: Mailed,
        deployment: &Deployment,
        html: bool,
    ) -> Result<Self, Failure> {
        let reason = bad.0.sentence();
        let page = || ask_again(what, deployment, Some(&reason));
        JsonOrPage::new(html, bad, page).map(Self::BadRequest)
    }
}

/// The page with the form that has another link mailed.
pub(crate) fn ask_again(
    what: Mailed,
    deployment: &Deployment,
    refusal: Option<&str>,
) -> Result<String, Failure> {
    let action = deployment.api_path(match what {
        Mailed::Activation => "resend-activation/",
        Mailed::Reset => "request-reset/",
    });
    links::ask_again(what, &action, refusal, deployment.way_on().as_deref())
}

/// Whose link it is to be.
pub(crate) fn address(body: AddressBody) -> Result<domain::Email, Json<BadRequest>> {
    let request = body.map_err(Json)?.fields;
    let broken = |rule| bad_request::<AddressRequest>(&[Invalid::new("email", rule)]);
    domain::Email::parse(&request.email.0).map_err(broken)
}

impl Input for AddressRequest {
    const SENTENCE: Sentence = first_rule;
}

impl Example for AddressRequest {
    fn example() -> Self {
        Self {
            email: EmailText("test@example.org".to_owned()),
        }
    }
}
