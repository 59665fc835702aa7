//! From a letter to a message as it goes over the wire (RFC 5322).

use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};

use super::letter::Letter;
use crate::domain::{Email, Timestamp};
use crate::failure::Failure;

/// The message of a letter. The same number and time make the same message id, however often it
/// is sent: whoever gets it twice can tell.
pub(crate) fn compose(
    from: &Mailbox,
    number: i64,
    written_at: Timestamp,
    to: &Email,
    letter: &Letter,
) -> Result<Message, Failure> {
    let seconds = std::time::Duration::from_secs(written_at.0.unsigned_abs());
    let to: Address = to
        .as_str()
        .parse()
        .map_err(Failure::when("addressing a mail"))?;
    // The number alone would repeat in another database, and some mailboxes drop what they know.
    let id = format!(
        "<{number}.{}.{}@{}>",
        written_at.0,
        letter.name,
        from.email.domain()
    );
    let mut builder = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(&letter.subject)
        .message_id(Some(id))
        .date(std::time::UNIX_EPOCH + seconds);
    if let Some(reply_to) = letter.reply_to.as_deref().and_then(answerable) {
        builder = builder.reply_to(Mailbox::new(None, reply_to));
    }
    let mut message = builder
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

/// What somebody typed as their address, if it is one.
fn answerable(typed: &str) -> Option<Address> {
    Email::parse(typed).ok()?.as_str().parse().ok()
}
