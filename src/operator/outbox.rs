//! The outbox, as the operator sees and changes it.

use super::Operator;
use crate::domain::{Actor, Email, MailState};
use crate::failure::Failure;
use crate::mail::{Letter, NotSent};
use crate::store::mails::{MailPage, MailRecord, NoRetry};

/// How many mails are read at once.
const PAGE: usize = 500;

/// Why nothing was done with a mail.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("there is no mail {0}; `mail list` shows them all")]
    Unknown(i64),
    #[error("mail {0} was sent already; leave it out. Nothing was queued")]
    Sent(i64),
    #[error(
        "the link in mail {} does not work any more; `reset send {}` sends a new one. \
         Nothing was queued",
        .0.id,
        .0.user.as_ref().map_or("USER", |it| &it.1)
    )]
    LinkEnded(Box<MailRecord>),
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<NoRetry> for MailError {
    fn from(why: NoRetry) -> Self {
        match why {
            NoRetry::Unknown(id) => Self::Unknown(id),
            NoRetry::Sent(id) => Self::Sent(id),
            NoRetry::LinkEnded(mail) => Self::LinkEnded(mail),
        }
    }
}

impl Operator {
    /// A page of the outbox, in the order of the numbers.
    pub async fn mails(&self, page: MailPage) -> Result<Vec<MailRecord>, Failure> {
        self.parts.store.mail_page(page).await
    }

    /// The mail of a number.
    pub async fn mail(&self, id: i64) -> Result<MailRecord, MailError> {
        let mail = self.parts.store.mail(id).await?;
        mail.ok_or(MailError::Unknown(id))
    }

    /// Queues mails again, to be tried at once; all of them or none.
    pub async fn retry_mails(&self, ids: &[i64], caller: &Actor) -> Result<(), MailError> {
        let actor = caller.at(self.now());
        Ok(self.parts.store.retry_mail(ids.to_vec(), actor).await??)
    }

    /// Queues every failed mail again. Returns those, and how many were left because their links do
    /// not work any more.
    pub async fn retry_failed_mails(&self, caller: &Actor) -> Result<(Vec<i64>, usize), MailError> {
        let mut page = MailPage {
            state: Some(MailState::Failed),
            after: 0,
            limit: PAGE,
        };
        let (mut ids, mut left) = (Vec::new(), 0);
        loop {
            let mails = self.mails(page).await?;
            let Some(last) = mails.last() else { break };
            page.after = last.id;
            for mail in mails {
                match self.retry_mails(&[mail.id], caller).await {
                    Ok(()) => ids.push(mail.id),
                    Err(MailError::Failed(failure)) => return Err(failure.into()),
                    Err(_) => left += 1,
                }
            }
        }
        Ok((ids, left))
    }

    /// Sends a test mail now, past the outbox. Returns what the mail server said.
    pub async fn send_test_mail(&self, to: &Email) -> Result<String, NotSent> {
        let letter = Letter::test(&self.parts.rules.public_url);
        let now = self.now();
        self.parts.mailer.send(now.0, now, to, &letter).await
    }
}
