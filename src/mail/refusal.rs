//! Why a mail did not leave, and what can be done about it.

use std::io::{self, ErrorKind};
use std::time::Duration;
use std::{fmt, iter};

use lettre::transport::smtp::Error;

use super::blame::{Blame, blamed, is_passing};
use crate::failure::{Failure, in_words};

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
    /// What happened and what to do, for whoever looks after the outbox.
    pub fn advice(&self) -> String {
        format!("{self}; {}", self.hint)
    }

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

/// What a server answered, or how the connection ended. A refusal for good that blames the recipient
/// ends a mail. With any other, every mail waits until the settings or the server are right.
pub(crate) fn not_sent(during: &'static str, err: &Error) -> NotSent {
    let code: Option<u16> = err.status().and_then(|it| it.to_string().parse().ok());
    let words = match (code, std::error::Error::source(err)) {
        (Some(_), Some(said)) => said.to_string(),
        _ => what_ended(err),
    };
    // From its first byte or later: what helps is the same.
    let step = if is_of_tls(err) { "STARTTLS" } else { during };
    let blame = code.map(|code| blamed(during, code, &words));
    let is_for_good = code.is_some_and(|it| it >= 500) && !is_passing(&words);
    NotSent {
        during,
        code,
        words: shortened(&words),
        is_final: is_for_good && blame == Some(Blame::Recipient),
        hint: hint(step, code, blame),
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

/// What ended a connection, in words for whoever has set it up.
fn what_ended(err: &Error) -> String {
    let said = deepest(err);
    let Some(kind) = io_error(err).map(io::Error::kind) else {
        return if err.is_response() {
            format!("what answers there does not speak SMTP: {said}")
        } else {
            said
        };
    };
    let words = match kind {
        ErrorKind::ConnectionRefused => "nobody listens there (connection refused)",
        ErrorKind::TimedOut => "there was no answer in time",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "no network leads there",
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => "the other side closed the connection",
        _ if is_of_tls(err) => return format!("it could not be encrypted: {said}"),
        _ => return said,
    };
    words.to_owned()
}

/// What the TLS library says comes as data that is not valid.
fn is_of_tls(err: &Error) -> bool {
    err.is_tls() || io_error(err).is_some_and(|it| it.kind() == ErrorKind::InvalidData)
}

fn io_error(err: &Error) -> Option<&io::Error> {
    causes(err).find_map(|it| it.downcast_ref())
}

fn deepest(err: &Error) -> String {
    causes(err).last().map_or_else(String::new, in_words)
}

fn causes(err: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let first: &(dyn std::error::Error + 'static) = err;
    iter::successors(Some(first), |it| (**it).source())
}

fn hint(during: &str, code: Option<u16>, blame: Option<Blame>) -> &'static str {
    match (during, blame) {
        ("AUTH", _) => "check the user and the password in smtp_url",
        ("connecting", None) => {
            "check host and port in smtp_url, whether port 465 wants smtps://, and that the mail server runs"
        }
        ("STARTTLS", None) => {
            "check that the certificate names the host in smtp_url; if a private authority signed it, set smtp_ca_file"
        }
        (_, Some(Blame::Recipient)) if code >= Some(500) => {
            "check the address; if it is right, ask the mail server's operator"
        }
        (_, Some(Blame::Hello)) => "check smtp_hello, the name that the mail server is greeted by",
        (_, Some(Blame::Login)) => {
            "check smtp_url: the user and the password, and that this server sends mails for us"
        }
        ("MAIL FROM", Some(_)) | (_, Some(Blame::Sender)) => {
            "check mail_from: the mail server must let the login in smtp_url send as that address"
        }
        ("connecting", Some(_)) if code >= Some(500) => {
            "check smtp_hello, and whether the server in smtp_url takes mails from this machine"
        }
        (_, Some(Blame::Us)) if code >= Some(500) => {
            "check smtp_url, mail_from and smtp_hello, and ask the mail server's operator"
        }
        (_, Some(Blame::Content)) => "look at the mail's template",
        _ if code.is_some_and(|it| it < 500) => "try again later",
        _ => "look into the log of the mail server",
    }
}

/// On one line, and not more than somebody reads.
pub(crate) fn shortened(words: &str) -> String {
    let line: Vec<&str> = words.split_whitespace().collect();
    line.join(" ").chars().take(MOST_WORDS).collect()
}
