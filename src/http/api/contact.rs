//! contact-us.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::Email;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::tag::Tag;
use crate::accounts::Accounts;
use crate::accounts::contact::ContactMessage;
use crate::domain;
use crate::domain::Invalid;
use crate::http::wire::body::{Body, Input};
use crate::http::wire::client::Client;
use crate::http::wire::problem::{BadRequest, Message, Refused};
use crate::http::wire::rate_limit::FormPassage;

/// What somebody wants to say.
#[derive(Object)]
struct ContactRequest {
    /// Who says so.
    #[oai(validator(min_length = 1, max_length = 150))]
    name: String,
    /// Where an answer may go.
    #[oai(validator(min_length = 1, max_length = 254))]
    email: Email,
    /// For those who would rather talk.
    #[oai(validator(max_length = 50))]
    phone: Option<String>,
    /// The message.
    #[oai(validator(min_length = 1, max_length = 10000))]
    message: String,
}

impl Input for ContactRequest {
    fn sentence(broken: &[Invalid]) -> Option<String> {
        broken
            .first()
            .map(|it| format!("{}: {}", it.field, it.rule))
    }
}

#[derive(ApiResponse)]
enum ContactReply {
    /// The message is on its way.
    #[oai(status = 200)]
    Ok(Json<Message>),
    /// What is wrong with the fields; nothing was sent.
    #[oai(status = 400)]
    #[expect(
        dead_code,
        reason = "answered by the body extractor; declared here for the document"
    )]
    BadRequest(Json<BadRequest>),
}

pub(crate) struct ContactApi;

#[OpenApi(tag = "Tag::Accounts")]
impl ContactApi {
    /// Contact Us
    ///
    /// Mails a message to the people behind miniSASS.
    #[oai(path = "/contact-us", method = "post", operation_id = "contact_us")]
    async fn contact(
        &self,
        Data(accounts): Data<&Accounts>,
        Client(caller): Client,
        FormPassage(passage): FormPassage,
        body: Body<ContactRequest>,
    ) -> Result<ContactReply, Refused> {
        passage?;
        let fields = body.fields;
        // The extractor has checked it by the same rule, so an address always parses.
        if let Ok(email) = domain::Email::parse(&fields.email) {
            let message = ContactMessage {
                name: fields.name,
                email,
                phone: fields.phone.unwrap_or_default(),
                message: fields.message,
            };
            accounts.contact(message, &caller).await?;
        }
        Ok(ContactReply::Ok(Message::new("Email sent")))
    }
}
