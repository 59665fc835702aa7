//! What endpoints read and answer that mail a link to the owner of an address: the same for every address.

use std::time::Duration;

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};
use tokio::time::{Instant, sleep_until};

use crate::domain::{self, Invalid};
use crate::failure::Failure;
use crate::http::pages::links::{self, Mailed};
use crate::http::wire::{
    BadRequest, Body, Deployment, EmailText, Input, JsonOrPage, Message, Sentence, bad_request,
    first_rule,
};

/// Answers come at whole steps only. The same is written for every address, but who has an account
/// has rows that lie elsewhere in the file: to find them took a tenth of a millisecond longer among
/// 100 000 mails.
const STEP: Duration = Duration::from_millis(50);

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

/// Waits for `work` and then for the next whole step since its start, so that its time says less.
pub(crate) async fn in_whole_steps<T>(work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let done = work.await;
    let took = started.elapsed().as_millis() / STEP.as_millis();
    let steps = u32::try_from(took).map_or(u32::MAX, |it| it.saturating_add(1));
    sleep_until(started + STEP.saturating_mul(steps)).await;
    done
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
