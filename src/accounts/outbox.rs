//! What happens behind the answers: mails leave, and what has expired is forgotten.

use std::time::Duration;

use super::Accounts;
use crate::domain::{Email, Timestamp};
use crate::failure::Failure;
use crate::mail::{Letter, PASSWORD_RESET};
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
        let (Some(user), Some(nonce), Some(expires_at)) =
            (&mail.user, &mail.nonce, mail.expires_at)
        else {
            return Delivery::Decoy;
        };
        if expires_at <= now {
            tracing::warn!(event = "mail_expired", mail = mail.id);
            return Delivery::Expired;
        }
        let minutes = expires_at.seconds_since(now).unsigned_abs().div_ceil(60);
        let sent = match mail.kind.as_str() {
            PASSWORD_RESET => {
                Letter::password_reset(user, &self.reset_url(user.id, nonce), minutes)
            }
            other => Err(Failure::new(
                "writing a mail",
                format!("there is no mail called {other}"),
            )),
        }
        .and_then(|letter| {
            self.0.mailer.send(
                mail.id,
                &Email::stored(mail.recipient.clone()),
                &letter,
                now,
            )
        });
        match sent {
            Ok(()) => {
                tracing::info!(event = "mail_sent", mail = mail.id, user_id = user.id.0);
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

    /// Forgets what expired 30 days ago.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn purge(&self) -> Result<(), Failure> {
        self.0.store.purge(Timestamp(self.now().0 - KEEP)).await
    }
}
