//! From a letter to a message as it goes over the wire (RFC 5322).

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};

use super::letter::Letter;
use super::sender::Sender;
use crate::domain::{Email, Timestamp};
use crate::failure::Failure;

/// Octets that a line may have (RFC 5322, section 2.1.1).
const LONGEST_LINE: usize = 998;

/// A letter with its sender and recipient. The same number and time make the same message id, however
/// often it is sent: whoever gets it twice can tell.
pub(super) struct OutgoingMail<'a> {
    from: &'a Sender,
    number: i64,
    written_at: Timestamp,
    to: Address,
    letter: &'a Letter,
}

impl<'a> OutgoingMail<'a> {
    pub(super) fn new(
        from: &'a Sender,
        number: i64,
        written_at: Timestamp,
        to: &Email,
        letter: &'a Letter,
    ) -> Result<Self, Failure> {
        let to = to.on_the_wire().parse();
        Ok(Self {
            from,
            number,
            written_at,
            to: to.map_err(Failure::when("addressing a mail"))?,
            letter,
        })
    }

    pub(super) fn envelope(&self) -> Result<Envelope, Failure> {
        let from = self.from.0.email.clone();
        Envelope::new(Some(from), vec![self.to.clone()]).map_err(Failure::when("addressing a mail"))
    }

    /// The message, in which letters of other alphabets may be encoded in 8 bits or not.
    pub(super) fn message(&self, is_8bit: bool) -> Result<Vec<u8>, Failure> {
        let (from, letter) = (&self.from.0, self.letter);
        let seconds = std::time::Duration::from_secs(self.written_at.0.unsigned_abs());
        // The number alone would repeat in another database, and some mailboxes drop what they know.
        let id = format!(
            "<{}.{}.{}@{}>",
            self.number,
            self.written_at.0,
            letter.name,
            from.email.domain()
        );
        let mut builder = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, self.to.clone()))
            .subject(&letter.subject)
            .message_id(Some(id))
            .date(std::time::UNIX_EPOCH + seconds);
        if let Some(reply_to) = letter.reply_to.as_deref().and_then(answerable) {
            builder = builder.reply_to(Mailbox::new(None, reply_to));
        }
        let parts = MultiPart::alternative()
            .singlepart(part(ContentType::TEXT_PLAIN, &letter.text, is_8bit))
            .singlepart(part(ContentType::TEXT_HTML, &letter.html, is_8bit));
        let mut message = builder
            .multipart(parts)
            .map_err(Failure::when("composing a mail"))?;
        // Vacation responders leave such mail alone (RFC 3834, section 5).
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message
            .headers_mut()
            .insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message.formatted())
    }
}

/// What somebody typed as their address, if it is one.
fn answerable(typed: &str) -> Option<Address> {
    Email::parse(typed).ok()?.on_the_wire().parse().ok()
}

/// A part that travels as it is, if it can: other encodings cut links in two for whoever reads them
/// undecoded.
fn part(kind: ContentType, text: &str, is_8bit: bool) -> SinglePart {
    let text = in_lines(text);
    let is_short = text.split("\r\n").all(|line| line.len() <= LONGEST_LINE);
    let encoding = match (is_short, text.is_ascii()) {
        (true, true) => ContentTransferEncoding::SevenBit,
        (true, false) if is_8bit => ContentTransferEncoding::EightBit,
        // Quoted-printable would cut links in two, and double their `=`.
        _ => {
            let body = Body::new_with_encoding(text.into_bytes(), ContentTransferEncoding::Base64);
            // Base64 takes everything.
            return SinglePart::builder()
                .header(kind)
                .body(body.unwrap_or_else(Body::new));
        }
    };
    let body = Body::dangerous_pre_encoded(text.into_bytes(), encoding);
    SinglePart::builder().header(kind).body(body)
}

/// With line ends as mails have them. A line that is too long goes on in the next one behind a space.
fn in_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = Vec::new();
    for mut line in text.split('\n') {
        while let Some(space) = last_space(line) {
            lines.push(&line[..space]);
            line = &line[space + 1..];
        }
        lines.push(line);
    }
    lines.join("\r\n")
}

/// Where a line that is too long can end.
fn last_space(line: &str) -> Option<usize> {
    let start = line.as_bytes().get(..=LONGEST_LINE)?;
    start.iter().rposition(|byte| *byte == b' ')
}
