//! Which mail server, as `smtp_url` names it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;
use zeroize::Zeroizing;

const NO_URL: &str = "it is no address of a mail server (in user and password, \
                      the characters @ : / # ? % are written %40 %3A %2F %23 %3F %25)";

/// How a connection becomes private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all: only for a server on this machine.
    None,
    /// By STARTTLS if the server offers it.
    Opportunistic,
    /// By STARTTLS, or nothing is sent.
    Required,
    /// From the first byte.
    Wrapped,
}

/// A mail server and how to log in there, which is never done unencrypted except on this machine. Its
/// errors and its `Display` hold no password.
#[derive(Clone)]
pub struct SmtpServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) encryption: Encryption,
    pub(crate) login: Option<(String, Zeroizing<String>)>,
}

impl SmtpServer {
    /// Whether somebody who knows the setting knows a password.
    pub fn has_password(&self) -> bool {
        self.login.is_some()
    }

    /// The address `raw` with stars instead of its password.
    pub fn without_password(raw: &str) -> Result<String, &'static str> {
        let server: Self = raw.trim().parse()?;
        let mut url = Url::parse(raw.trim()).map_err(|_| NO_URL)?;
        if server.has_password() {
            url.set_password(Some("****")).map_err(|()| NO_URL)?;
        }
        Ok(url.into())
    }
}

/// Whether it is this machine, so that nobody listens in between.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

impl fmt::Display for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.encryption {
            Encryption::None => "without TLS",
            Encryption::Opportunistic => "with STARTTLS if offered",
            Encryption::Required => "with STARTTLS",
            Encryption::Wrapped => "with TLS",
        };
        if self.host.contains(':') {
            write!(f, "[{}]:{}, {how}", self.host, self.port)
        } else {
            write!(f, "{}:{}, {how}", self.host, self.port)
        }
    }
}

impl fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpServer({self})")
    }
}

impl FromStr for SmtpServer {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(raw).map_err(|_| NO_URL)?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(NO_URL);
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        if host.is_empty() || !host.chars().all(is_name) {
            return Err(NO_URL);
        }
        let encryption = encryption(&url, is_loopback(host))?;
        let login = login(&url)?;
        let is_private = matches!(encryption, Encryption::Required | Encryption::Wrapped);
        if login.is_some() && !is_private && !is_loopback(host) {
            return Err("a password is only sent encrypted: write tls=required, or smtps://");
        }
        // RFC 8314, section 7.3, and RFC 6409.
        let usual_port = match encryption {
            Encryption::Wrapped => 465,
            Encryption::Required => 587,
            Encryption::None | Encryption::Opportunistic => 25,
        };
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(usual_port),
            encryption,
            login,
        })
    }
}

fn encryption(url: &Url, is_loopback: bool) -> Result<Encryption, &'static str> {
    let asked: Vec<_> = url.query_pairs().collect();
    let tls = match asked.as_slice() {
        [] => None,
        [(name, value)] if name == "tls" => Some(value.as_ref()),
        _ => return Err("after ? stands tls=required, tls=opportunistic or tls=none"),
    };
    match (url.scheme(), tls) {
        ("smtps", None | Some("required")) => Ok(Encryption::Wrapped),
        ("smtps", Some(_)) => Err("smtps:// always uses TLS; leave out what follows the ?"),
        ("smtp", None) if is_loopback => Ok(Encryption::Opportunistic),
        ("smtp", None | Some("required")) => Ok(Encryption::Required),
        ("smtp", Some("opportunistic")) => Ok(Encryption::Opportunistic),
        ("smtp", Some("none")) if is_loopback => Ok(Encryption::None),
        ("smtp", Some("none")) => Err("tls=none is only for a mail server on this machine"),
        ("smtp", Some(_)) => Err("after ? stands tls=required, tls=opportunistic or tls=none"),
        _ => Err("it starts with smtp:// or smtps://"),
    }
}

type Login = Option<(String, Zeroizing<String>)>;

fn login(url: &Url) -> Result<Login, &'static str> {
    let decode = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        let decoded = decoded.map_err(|_| "user or password is not UTF-8")?;
        if decoded.contains(char::is_control) {
            return Err("user or password holds a control character");
        }
        Ok(decoded.into_owned())
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, Some(password)) if !user.is_empty() && !password.is_empty() => {
            Ok(Some((decode(user)?, Zeroizing::new(decode(password)?))))
        }
        _ => Err("user and password stand together, as user:password@host, or not at all"),
    }
}
