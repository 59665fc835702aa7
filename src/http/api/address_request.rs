//! The body of endpoints that mail something to the owner of an address.

use poem_openapi::Object;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;

use crate::domain::{self, Invalid};
use crate::http::wire::{BadRequest, EmailText, Input, Sentence, bad_request, first_rule};

/// Whose account it is about.
#[derive(Object)]
#[oai(example)]
pub(crate) struct AddressRequest {
    /// The address of the account.
    #[oai(validator(min_length = 1, max_length = 254))]
    email: EmailText,
}

impl AddressRequest {
    pub(crate) fn email(&self) -> Result<domain::Email, Json<BadRequest>> {
        let broken = |rule| bad_request::<Self>(&[Invalid::new("email", rule)]);
        domain::Email::parse(&self.email.0).map_err(broken)
    }
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
