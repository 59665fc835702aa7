//! The contact form.

use serde_json::json;

use super::Accounts;
use crate::domain::{Actor, Email, MailKind};
use crate::failure::Failure;

/// What somebody wrote.
#[derive(Clone, Debug)]
pub struct ContactMessage {
    pub name: String,
    /// Where an answer may go.
    pub email: Email,
    /// May be empty.
    pub phone: String,
    pub message: String,
}

impl Accounts {
    /// Queues the message to whoever reads the contact form: `contact_to`, or else the sender of
    /// all mails, so that nothing is lost.
    pub async fn contact(&self, message: ContactMessage, caller: &Actor) -> Result<(), Failure> {
        let to = self.parts.rules.contact_to.clone();
        let to = to.unwrap_or_else(|| self.parts.mailer.sender());
        let details = json!({
            "name": message.name,
            "email": message.email.as_str(),
            "phone": message.phone,
            "message": message.message,
        });
        let actor = caller.at(self.now());
        let store = &self.parts.store;
        store
            .add_mail(MailKind::Contact, to, details.to_string(), actor)
            .await
    }
}
