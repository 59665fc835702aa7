//! Why a mail did not leave, and what can be done about it.

use std::fmt;
use std::time::Duration;

use lettre::transport::smtp::Error;

use crate::failure::Failure;

/// Characters that are kept of what a server says.
const MOST_WORDS: usize = 500;

/// Why a mail did not leave.
#[derive(Clone, Debug)]
pub struct NotSent {
    /// What was being done.
    pub during: &'static str,
    /// The number that the mail server answered, if it did (RFC 5321, section 4.2).
    pub code: Option<u16>,
    /// The words of the mail server, or what happened instead. May hold the address.
    pub words: String,
    /// Whether it would be refused again.
    pub is_final: bool,
    /// What the operator can do.
    pub hint: &'static str,
}

impl NotSent {
    /// For the log: says nothing that somebody outside wrote.
    pub fn brief(&self) -> String {
        match self.code {
            Some(code) => format!("{code} during {}", self.during),
            None => format!("no answer during {}", self.during),
        }
    }

    /// A message that could not be made will not be made in an hour either.
    pub(crate) fn broken(failure: &Failure) -> Self {
        Self {
            during: "composing",
            code: None,
            words: failure.chain(),
            is_final: true,
            hint: "look at the template and the address",
        }
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{}: {code} {}", self.during, self.words),
            None => write!(f, "{}: {}", self.during, self.words),
        }
    }
}

/// A refusal that the settings cause: the mail is kept until they are right.
pub(crate) fn ours(during: &'static str, words: &str) -> NotSent {
    NotSent {
        during,
        code: None,
        words: words.to_owned(),
        is_final: false,
        hint: "change smtp_url, or what the mail server offers",
    }
}

/// What a server refuses for good is the message or its recipient. Before that it refuses us: then
/// every mail waits until the settings or the server are right. 53x asks for another login
/// (RFC 4954, section 6), wherever it is said.
pub(crate) fn not_sent(during: &'static str, err: &Error) -> NotSent {
    let code: Option<u16> = err.status().and_then(|it| it.to_string().parse().ok());
    let about_the_mail = matches!(during, "RCPT TO" | "DATA" | "the message");
    let words = match (code, std::error::Error::source(err)) {
        (Some(_), Some(said)) => said.to_string(),
        (_, Some(cause)) => format!("{err}: {}", deepest(cause)),
        _ => err.to_string(),
    };
    NotSent {
        during,
        code,
        words: shortened(&words),
        is_final: about_the_mail && code.is_some_and(|it| it >= 500 && it / 10 != 53),
        hint: hint(during, code),
    }
}

/// A server that says nothing at all.
pub(crate) fn silent(during: &'static str, after: Duration) -> NotSent {
    NotSent {
        during,
        code: None,
        words: format!("no answer within {}", humantime::format_duration(after)),
        is_final: false,
        hint: "see whether the mail server is overloaded, or a firewall drops the connection",
    }
}

fn deepest(cause: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = cause;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn hint(during: &str, code: Option<u16>) -> &'static str {
    match (during, code) {
        ("AUTH", _) => "check the user and the password in smtp_url",
        ("connecting", None) => {
            "check host and port in smtp_url, whether port 465 wants smtps://, and that the mail server runs"
        }
        ("STARTTLS", None) => {
            "check that the certificate names the host in smtp_url; if a private authority signed it, set smtp_ca_file"
        }
        ("MAIL FROM", _) => "check mail_from, and whether the mail server wants a login",
        ("RCPT TO", Some(500..)) => {
            "check the address; if it is right, ask the mail server's operator"
        }
        (_, Some(..500)) => "try again later",
        _ => "look into the log of the mail server",
    }
}

/// On one line, and not more than somebody reads.
pub(crate) fn shortened(words: &str) -> String {
    let line: Vec<&str> = words.split_whitespace().collect();
    line.join(" ").chars().take(MOST_WORDS).collect()
}
