//! Mails: what they say, and how they leave.

mod blame;
mod files;
mod hello;
mod letter;
mod message;
mod refusal;
mod sender;
mod server;
mod smtp;

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, UNIX_EPOCH};

use self::message::OutgoingMail;
use crate::domain::{Email, MailKind, Timestamp};
use crate::failure::Failure;

pub use self::hello::Hello;
pub use self::letter::{Letter, Letters, Values};
pub use self::refusal::NotSent;
pub use self::sender::Sender;
pub use self::server::{Encryption, SmtpServer};
pub use self::smtp::Smtp;

/// A file is written in less time than this.
const LONGEST_WRITE: Duration = Duration::from_secs(300);

/// Where mails go.
pub enum Transport {
    /// Each to a file of its own in this folder, for any mail program to open.
    Files(PathBuf),
    /// To a mail server.
    Smtp(Smtp),
}

/// Writes letters and sends them.
pub struct Mailer {
    transport: Transport,
    /// Where files of mails lie, if they may be removed.
    outbox: Option<PathBuf>,
    letters: RwLock<Letters>,
    from: Sender,
}

impl Mailer {
    /// Sends through `transport` in the words of the compiled-in templates.
    pub fn new(transport: Transport, from: Sender) -> Self {
        Self {
            transport,
            outbox: None,
            letters: Letters::compiled_in().into(),
            from,
        }
    }

    pub fn with_letters(self, letters: Letters) -> Self {
        self.change_letters(letters);
        self
    }

    /// From now on mails are in these words.
    pub fn change_letters(&self, letters: Letters) {
        *self.letters.write().unwrap_or_else(PoisonError::into_inner) = letters;
    }

    /// Mails that are to be forgotten have files in this folder, also those that were written when
    /// there was no mail server yet.
    pub fn with_outbox(self, folder: PathBuf) -> Self {
        let outbox = Some(folder);
        Self { outbox, ..self }
    }

    pub fn write(&self, kind: MailKind, values: Values) -> Result<Letter, Failure> {
        let letters = self.letters.read().unwrap_or_else(PoisonError::into_inner);
        letters.write(kind, values)
    }

    /// Sends the letter, and returns what the mail server said or where the file is. Sending the
    /// same number again repeats the same message, never makes another one.
    pub async fn send(
        &self,
        number: i64,
        written_at: Timestamp,
        to: &Email,
        letter: &Letter,
    ) -> Result<String, NotSent> {
        let broken = |failure: Failure| NotSent::broken(&failure);
        let mail = OutgoingMail::new(&self.from, number, written_at, to, letter).map_err(broken)?;
        match &self.transport {
            Transport::Files(folder) => {
                let name = files::name(number, letter.name);
                files::write(folder, &name, &mail.message(true).map_err(broken)?)
            }
            Transport::Smtp(smtp) => smtp.send(&mail).await,
        }
    }

    /// The file of a mail, if it became one that is still there.
    pub fn file(&self, number: i64, kind: MailKind) -> Option<PathBuf> {
        let path = self
            .outbox
            .as_ref()?
            .join(files::name(number, kind.as_str()));
        path.exists().then_some(path)
    }

    /// The numbers of the mails whose files were written before `before`.
    pub fn written_before(&self, before: Timestamp) -> Result<Vec<i64>, Failure> {
        let since_epoch = Duration::from_secs(u64::try_from(before.0).unwrap_or_default());
        let found = |folder| files::written_before(folder, UNIX_EPOCH + since_epoch);
        let found = self.outbox.as_deref().map_or_else(|| Ok(Vec::new()), found);
        found.map_err(Failure::when("looking into the outbox folder"))
    }

    /// Removes the files of the mails of these numbers.
    pub fn forget(&self, numbers: &[i64]) -> Result<(), Failure> {
        let Some(folder) = &self.outbox else {
            return Ok(());
        };
        let names = numbers.iter().flat_map(|number| {
            let kinds = MailKind::ALL.into_iter();
            kinds.map(|kind| files::name(*number, kind.as_str()))
        });
        files::remove(folder, names).map_err(Failure::when("removing mails from the outbox folder"))
    }

    /// Talks with the mail server up to where a mail would start, and returns what it said last;
    /// None if mails become files.
    pub async fn greet(&self) -> Result<Option<String>, NotSent> {
        match &self.transport {
            Transport::Files(_) => Ok(None),
            Transport::Smtp(smtp) => smtp.greet().await.map(Some),
        }
    }

    /// No attempt to send takes longer.
    pub fn longest_attempt(&self) -> Duration {
        match &self.transport {
            Transport::Files(_) => LONGEST_WRITE,
            Transport::Smtp(smtp) => smtp.longest_attempt(),
        }
    }

    /// Closes connections that have had nothing to do for a while.
    pub async fn close_idle(&self) {
        if let Transport::Smtp(smtp) = &self.transport {
            smtp.close_idle().await;
        }
    }
}
