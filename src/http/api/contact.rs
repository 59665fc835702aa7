//! contact-us.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::tag::Tag;
use crate::accounts::contact::{ContactError, ContactMessage};
use crate::domain::{self, Invalid};
use crate::http::wire::{
    ANYONE, Answer, Anyone, BadRequest, Body, Call, EmailText, ErrorSentence, Forms, Input,
    LIMITED, Message, Refused, Sentence, bad_request, error, first_field_and_rule,
};

/// What somebody wants to say.
#[derive(Object)]
struct ContactRequest {
    /// Who says so.
    #[oai(validator(min_length = 1, max_length = 150))]
    name: String,
    /// Where an answer may go.
    #[oai(validator(min_length = 1, max_length = 254))]
    email: EmailText,
    /// For those who would rather talk.
    #[oai(validator(max_length = 50))]
    phone: Option<String>,
    /// What the person wants to say.
    #[oai(validator(min_length = 1, max_length = 10000))]
    message: String,
}

impl Input for ContactRequest {
    const SENTENCE: Sentence = first_field_and_rule;
}

#[derive(ApiResponse)]
enum ContactReply {
    /// The message is on its way.
    #[oai(status = 200)]
    Ok(Json<Message>),
    /// What is wrong with the fields; nothing was sent.
    #[oai(status = 400)]
    BadRequest(Json<BadRequest>),
    /// Nobody is named who reads messages; nothing was sent.
    #[oai(status = 404)]
    NobodyReads(Json<ErrorSentence>),
}

impl From<ContactError> for Refused<ContactReply, ANYONE, LIMITED> {
    fn from(err: ContactError) -> Self {
        match err {
            ContactError::NobodyReads => {
                Self::Reply(ContactReply::NobodyReads(error(err.to_string())))
            }
            ContactError::Failed(failure) => failure.into(),
        }
    }
}

pub(crate) struct ContactApi;

#[OpenApi(tag = "Tag::Accounts")]
impl ContactApi {
    /// Contact Us
    ///
    /// Mails a message to the people behind miniSASS, if the operator has named who reads it.
    #[oai(path = "/contact-us", method = "post", operation_id = "contact_us")]
    async fn contact(
        &self,
        call: Call<Anyone, Forms, Body<ContactRequest>>,
    ) -> Answer<ContactReply, ANYONE, LIMITED> {
        let fields = call.body.fields;
        let email = match domain::Email::parse(&fields.email.0) {
            Ok(email) => email,
            Err(rule) => {
                let broken = [Invalid::new("email", rule)];
                return Ok(ContactReply::BadRequest(bad_request::<ContactRequest>(
                    &broken,
                )));
            }
        };
        let message = ContactMessage {
            name: fields.name,
            email,
            phone: fields.phone.unwrap_or_default(),
            message: fields.message,
        };
        call.accounts.contact(message, &call.actor).await?;
        Ok(ContactReply::Ok(Message::new("Email sent")))
    }
}
