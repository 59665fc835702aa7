//! Mails: how they read, and how they leave. The only folder that names lettre.

mod letter;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};

pub use self::letter::{Facts, Letter};
use crate::domain::{Email, Timestamp};
use crate::failure::Failure;

/// Where mails go.
pub enum Transport {
    /// Each to a file of its own in this folder, for any mail program to open.
    Files(PathBuf),
}

/// Sends letters.
pub struct Mailer {
    transport: Transport,
    from: Mailbox,
    /// The domain of message ids.
    host: String,
}

impl Mailer {
    /// Sends through `transport` as `from` (`name@host` or `Name <name@host>`).
    ///
    /// # Errors
    /// If `from` is no address or the folder of the transport cannot be made.
    pub fn new(transport: Transport, from: &str) -> Result<Self, Failure> {
        let from: Mailbox = from
            .parse()
            .map_err(Failure::when("reading the setting mail_from"))?;
        let Transport::Files(folder) = &transport;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(Failure::when("creating the outbox folder"))?;
        let host = from.email.domain().to_owned();
        Ok(Self {
            transport,
            from,
            host,
        })
    }

    /// The address that mails come from.
    #[must_use]
    pub fn sender(&self) -> Email {
        Email::stored(self.from.email.to_string())
    }

    /// Sends the letter, or says why not. Sending the same `number` again replaces or repeats the
    /// same message, never makes another one.
    ///
    /// # Errors
    /// If the message cannot be made or does not leave.
    pub fn send(
        &self,
        number: i64,
        to: &Email,
        letter: &Letter,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let message = self.compose(number, to, letter, now)?;
        let Transport::Files(folder) = &self.transport;
        let path = folder.join(format!("{number:08}-{}.eml", letter.kind.as_str()));
        let draft = path.with_extension("tmp");
        let write = || {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&draft)?;
            file.write_all(&message.formatted())?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            fs::File::open(folder)?.sync_all()
        };
        write().map_err(Failure::when("writing a mail to the outbox folder"))
    }

    fn compose(
        &self,
        number: i64,
        to: &Email,
        letter: &Letter,
        now: Timestamp,
    ) -> Result<Message, Failure> {
        let seconds = std::time::Duration::from_secs(now.0.unsigned_abs());
        let mailbox = |email: &Email| {
            email
                .as_str()
                .parse()
                .map(|address| Mailbox::new(None, address))
                .map_err(Failure::when("addressing a mail"))
        };
        let mut builder = Message::builder();
        if let Some(email) = &letter.reply_to {
            builder = builder.reply_to(mailbox(email)?);
        }
        let mut message = builder
            .from(self.from.clone())
            .to(mailbox(to)?)
            .subject(letter.subject)
            .message_id(Some(format!(
                "<{number}.{}@{}>",
                letter.kind.as_str(),
                self.host
            )))
            .date(std::time::UNIX_EPOCH + seconds)
            .multipart(MultiPart::alternative_plain_html(
                letter.text.clone(),
                letter.html.clone(),
            ))
            .map_err(Failure::when("composing a mail"))?;
        // Vacation responders leave such mail alone (RFC 3834, section 5).
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message
            .headers_mut()
            .insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message)
    }
}
