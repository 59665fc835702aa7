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

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    #[error(
        "This service takes no messages, because nobody is named who reads them. Write to the people behind it in another way."
    )]
    NobodyReads,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// Queues the message to whoever reads the contact form, if anybody does.
    pub async fn contact(
        &self,
        message: ContactMessage,
        caller: &Actor,
    ) -> Result<(), ContactError> {
        let to = self.parts.rules.contact_to.clone();
        let to = to.ok_or(ContactError::NobodyReads)?;
        let details = json!({
            "name": message.name,
            "email": message.email.as_str(),
            "phone": message.phone,
            "message": message.message,
        });
        let stamp = caller.at(self.now());
        let store = &self.parts.store;
        store
            .add_mail(MailKind::Contact, to, details.to_string(), stamp)
            .await?;
        Ok(())
    }
}
