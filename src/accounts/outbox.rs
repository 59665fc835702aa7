//! What happens behind the answers: mails leave, and what has expired is forgotten.

use std::time::Duration;

use super::Accounts;
use crate::domain::{Email, Timestamp};
use crate::failure::Failure;
use crate::mail::{Facts, Letter};
use crate::store::{Delivery, DueMail};

/// So many mails are taken at once.
const BATCH: usize = 32;
/// A mail that did not leave is tried again after so many seconds.
const RETRY: Duration = Duration::from_secs(60);
/// What ended so long ago is forgotten.
const KEEP: i64 = 30 * 24 * 3600;

impl Accounts {
    /// Sends what is due and returns how many mails were looked at.
    ///
    /// # Errors
    /// If the outbox cannot be read or written; a mail that does not leave is no error here, it is
    /// tried again.
    pub async fn deliver_due(&self) -> Result<usize, Failure> {
        let due = self.0.store.due_mail(self.now(), BATCH).await?;
        let count = due.len();
        for mail in due {
            let now = self.now();
            let delivery = self.deliver(&mail, now);
            self.0.store.mark_mail(mail.id, delivery, now).await?;
        }
        Ok(count)
    }

    fn deliver(&self, mail: &DueMail, now: Timestamp) -> Delivery {
        if mail.recipient.is_empty() {
            return Delivery::Decoy;
        }
        if mail.expires_at.is_some_and(|it| it <= now) {
            tracing::warn!(event = "mail_expired", mail = mail.id);
            return Delivery::Expired;
        }
        let sent = self.letter(mail, now).and_then(|letter| {
            let to = Email::stored(mail.recipient.clone());
            self.0.mailer.send(mail.id, &to, &letter, now)
        });
        match sent {
            Ok(()) => {
                let user_id = mail.user.as_ref().map(|it| it.id.0);
                tracing::info!(event = "mail_sent", mail = mail.id, user_id);
                Delivery::Sent
            }
            Err(failure) => {
                tracing::error!(
                    event = "mail_failed",
                    mail = mail.id,
                    error = failure.chain()
                );
                Delivery::Retry(now.plus(RETRY), failure.chain())
            }
        }
    }

    fn letter(&self, mail: &DueMail, now: Timestamp) -> Result<Letter, Failure> {
        let link = match (&mail.user, &mail.nonce) {
            (Some(user), Some(nonce)) => Some(self.link_url(mail.kind, user.id, nonce)),
            _ => None,
        };
        let seconds = mail.expires_at.map_or(0, |it| it.seconds_since(now));
        let details = mail.details.as_deref().map(serde_json::from_str);
        let facts = Facts {
            username: mail.user.as_ref().map(|it| it.username.to_string()),
            link,
            minutes: seconds.unsigned_abs().div_ceil(60),
            details: details
                .transpose()
                .map_err(Failure::when("reading what a mail says"))?
                .unwrap_or_default(),
        };
        Letter::new(mail.kind, &facts)
    }

    /// Forgets what expired 30 days ago.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn purge(&self) -> Result<(), Failure> {
        self.0.store.purge(Timestamp(self.now().0 - KEEP)).await
    }
}
