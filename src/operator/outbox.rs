//! The outbox, as the operator sees and changes it.

use std::path::PathBuf;

use super::Operator;
use crate::domain::{Actor, Email, MailState};
use crate::failure::Failure;
use crate::mail::{Letter, NotSent};
use crate::store::mails::{MailPage, MailRecord, NoRetry};

/// How many mails are queued again together.
const PAGE: usize = 200;

/// What stands where a mail has its link.
const NO_LINK: &str = "(the link, which only the mail itself shows)";

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

    /// The number before the last mails of the outbox, as many as the page may have; 0 if those are all.
    pub async fn mails_before(&self, page: MailPage) -> Result<i64, Failure> {
        self.parts.store.mails_before(page).await
    }

    /// The mail of a number.
    pub async fn mail(&self, id: i64) -> Result<MailRecord, MailError> {
        let mail = self.parts.store.mail(id).await?;
        mail.ok_or(MailError::Unknown(id))
    }

    /// Queues mails again, to be tried at once; all of them or none.
    pub async fn retry_mails(&self, ids: &[i64], caller: &Actor) -> Result<(), MailError> {
        let stamp = caller.at(self.now());
        Ok(self.parts.store.retry_mail(ids.to_vec(), stamp).await??)
    }

    /// Queues every mail of a state again. Returns those, and how many were left because their links
    /// do not work any more.
    pub async fn retry_all_mails(
        &self,
        state: MailState,
        caller: &Actor,
    ) -> Result<(Vec<i64>, usize), Failure> {
        let mut page = MailPage {
            state: Some(state),
            after: 0,
            limit: PAGE,
        };
        let (mut ids, mut left) = (Vec::new(), 0);
        loop {
            let stamp = caller.at(self.now());
            let retried = self.parts.store.retry_page(page, stamp).await?;
            let Some(last) = retried.last else { break };
            page.after = last;
            ids.extend(retried.ids);
            left += retried.left;
        }
        Ok((ids, left))
    }

    /// What a mail says, in the words of today's templates. Its link is left out: it lets in whoever
    /// reads it.
    pub async fn mail_letter(&self, mail: &MailRecord) -> Result<Letter, MailError> {
        let whole = self.parts.store.mail_to_write(mail.id).await?;
        let whole = whole.ok_or(MailError::Unknown(mail.id))?;
        let link = mail.expires_at.map(|ends| {
            let seconds = ends.seconds_since(mail.created_at).unsigned_abs();
            (NO_LINK.to_owned(), seconds)
        });
        Ok(self.letter(&whole, link)?)
    }

    /// The file that a mail became, if it is still there.
    pub fn mail_file(&self, mail: &MailRecord) -> Option<PathBuf> {
        self.parts.mailer.file(mail.id, mail.kind)
    }

    /// Sends a test mail now, past the outbox. Returns what the mail server said.
    pub async fn send_test_mail(&self, to: &Email) -> Result<String, NotSent> {
        let letter = Letter::test(&self.parts.rules.public_url);
        let now = self.now();
        // In the order of time, and each another: its number names its file and its message.
        let random = self.parts.random.bytes::<4>();
        let random = random.map_err(|it| NotSent::broken(&it))?;
        let number = now.0 << 28 | i64::from(u32::from_be_bytes(random) >> 4);
        self.parts.mailer.send(number, now, to, &letter).await
    }
}
