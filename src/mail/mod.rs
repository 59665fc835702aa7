//! Mails: how they read, and how they leave. The only folder that names lettre.

mod files;
mod letter;
mod message;
mod refusal;
mod server;
mod smtp;

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;

use crate::domain::{Email, MailKind, Timestamp};
use crate::failure::Failure;
use crate::mail::files::Files;
pub use crate::mail::letter::{Letter, Letters, Values};
pub use crate::mail::refusal::NotSent;
pub use crate::mail::server::{Encryption, SmtpServer};
pub use crate::mail::smtp::Smtp;

/// A file is written in less time than this.
const FILE_PATIENCE: Duration = Duration::from_secs(300);

/// Where mails go.
pub enum Transport {
    /// Each to a file of its own in this folder, for any mail program to open.
    Files(PathBuf),
    /// To a mail server.
    Smtp(Smtp),
}

/// Writes letters and sends them.
pub struct Mailer {
    outlet: Outlet,
    letters: Letters,
    from: Mailbox,
}

enum Outlet {
    Files(Files),
    Smtp(Smtp),
}

impl Mailer {
    /// Sends through `transport` as `from` (`name@host` or `Name <name@host>`), in the words of the
    /// compiled-in templates.
    ///
    /// # Errors
    /// If `from` is no address.
    pub fn new(transport: Transport, from: &str) -> Result<Self, Failure> {
        let from = from
            .parse()
            .map_err(Failure::when("reading the setting mail_from"))?;
        let outlet = match transport {
            Transport::Files(folder) => Outlet::Files(Files::new(folder)),
            Transport::Smtp(smtp) => Outlet::Smtp(smtp),
        };
        Ok(Self {
            outlet,
            letters: Letters::compiled_in(),
            from,
        })
    }

    /// Writes with other templates.
    #[must_use]
    pub fn with_letters(self, letters: Letters) -> Self {
        Self { letters, ..self }
    }

    /// The address that mails come from.
    #[must_use]
    pub fn sender(&self) -> Email {
        Email::stored(self.from.email.to_string())
    }

    /// The letter of a kind.
    ///
    /// # Errors
    /// If a template is wrong or a value is missing.
    pub fn write(&self, kind: MailKind, values: Values) -> Result<Letter, Failure> {
        self.letters.write(kind, values)
    }

    /// Sends the letter, and returns what the mail server said or where the file is. Sending the
    /// same number again repeats the same message, never makes another one.
    ///
    /// # Errors
    /// Why it did not leave.
    pub async fn send(
        &self,
        number: i64,
        written_at: Timestamp,
        to: &Email,
        letter: &Letter,
    ) -> Result<String, NotSent> {
        let message = message::compose(&self.from, number, written_at, to, letter)
            .map_err(|failure| NotSent::broken(&failure))?;
        match &self.outlet {
            Outlet::Files(files) => files.write(number, letter.name, &message.formatted()),
            Outlet::Smtp(smtp) => smtp.send(message.envelope(), &message.formatted()).await,
        }
    }

    /// Talks with the mail server up to where a mail would start, and returns what it said last;
    /// none if mails become files.
    ///
    /// # Errors
    /// Why a mail would not leave.
    pub async fn greet(&self) -> Result<Option<String>, NotSent> {
        match &self.outlet {
            Outlet::Files(_) => Ok(None),
            Outlet::Smtp(smtp) => smtp.greet().await.map(Some),
        }
    }

    /// No attempt to send takes longer.
    #[must_use]
    pub fn patience(&self) -> Duration {
        match &self.outlet {
            Outlet::Files(_) => FILE_PATIENCE,
            Outlet::Smtp(smtp) => smtp.patience(),
        }
    }

    /// Takes leave of connections that have had nothing to do for a while.
    pub async fn rest(&self) {
        if let Outlet::Smtp(smtp) = &self.outlet {
            smtp.rest().await;
        }
    }
}
