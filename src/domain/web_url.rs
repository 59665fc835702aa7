//! Addresses of web pages and web servers.

use std::fmt;

use url::{Host, Url};

use super::invalid::Rule;

/// What the paths of the API start with, as clients call them.
pub const API_BASE: &str = "/authentication/api";

/// An address that starts with http:// or https://, as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUrl {
    /// Shown as it was written, but for a base: `url` adds a slash.
    text: String,
    url: Url,
}

impl WebUrl {
    /// The address of a page.
    pub fn parse(raw: &str) -> Result<Self, Rule> {
        let rest = Self::behind_scheme(raw)?;
        // `Url` repairs these, as browsers do; an address that goes into mails and pages has to be
        // right as it is.
        if rest.starts_with('/') || rest.contains('\\') {
            return Err(Rule::NotAUrl);
        }
        Ok(Self {
            text: raw.to_owned(),
            url: Url::parse(raw).map_err(|_| Rule::NotAUrl)?,
        })
    }

    /// What follows http:// or https://, if it can stand in any text.
    pub(super) fn behind_scheme(raw: &str) -> Result<&str, Rule> {
        let is_ours = |scheme: &str| {
            ["https", "http"]
                .iter()
                .any(|it| it.eq_ignore_ascii_case(scheme))
        };
        let parts = raw.split_once("://");
        let rest = parts.and_then(|(scheme, rest)| is_ours(scheme).then_some(rest));
        let is_plain =
            |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '<' | '>');
        rest.filter(|it| !it.is_empty() && it.chars().all(is_plain))
            .ok_or(Rule::NotAUrl)
    }

    /// What other addresses start with: it has no login, query or fragment, and no slash at its end.
    pub fn base(raw: &str) -> Result<Self, NotABase> {
        if raw.contains(['@', '?', '#']) {
            return Err(NotABase::NoAddress);
        }
        let mut base = Self::parse(raw.trim_end_matches('/')).map_err(|_| NotABase::NoAddress)?;
        base.text = base.normalised();
        let rest = Self::behind_scheme(&base.text).unwrap_or_default();
        let path = rest.split_once('/').map(|it| it.1);
        if path.is_some_and(|it| !it.split('/').all(is_plain_name)) {
            return Err(NotABase::Path);
        }
        Ok(base)
    }

    /// The address as it stands in mails, headers and tokens: its name in ASCII and small letters, and no
    /// port that goes without saying.
    fn normalised(&self) -> String {
        let rest = Self::behind_scheme(&self.text).unwrap_or_default();
        let path = rest.split_once('/').map(|it| it.1);
        let path = path.map_or_else(String::new, |it| format!("/{it}"));
        format!("{}{path}", self.origin())
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether nobody can read on the way what is sent there.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// The name of its machine as A-labels, or its address, one of IPv6 in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Where to connect to: host and port.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    /// What comes behind the origin; `/` if nothing does.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// The origin that `raw` is, and nothing more than one, as browsers write it: they know neither
    /// capitals nor the usual port.
    pub fn origin_of(raw: &str) -> Result<String, Rule> {
        if raw.contains(['@', '?', '#', '*']) {
            return Err(Rule::NotAUrl);
        }
        let parsed = Self::parse(raw)?;
        if parsed.url.path() != "/" {
            return Err(Rule::NotAUrl);
        }
        Ok(parsed.origin())
    }

    /// Scheme, host and port, as browsers write them in `Origin`.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The origin as a source of a Content-Security-Policy. Such a list cannot name an IPv6 address
    /// (CSP 3, section 2.3.1), so for one it is the scheme.
    pub fn policy_source(&self) -> String {
        match self.url.host() {
            Some(Host::Ipv6(_)) => format!("{}:", self.url.scheme()),
            _ => self.origin(),
        }
    }

    /// The text `raw` with stars instead of a login, which a web address should not have. The rest
    /// may be wrong too.
    pub fn without_login(raw: &str) -> String {
        match (raw.find("://"), raw.rfind('@')) {
            (Some(start), Some(end)) if start < end => {
                format!("{}****{}", &raw[..start + 3], &raw[end..])
            }
            _ => raw.to_owned(),
        }
    }
}

/// Whether it is read alike by everything that reads addresses: browsers, proxies, forms.
fn is_plain_name(segment: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain)
}

/// Why other addresses cannot start with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotABase {
    #[error("is no web address")]
    NoAddress,
    /// Browsers take `//` for a host, and proxies decode and shorten paths in ways of their own.
    #[error("has a path of other characters than letters, digits, - . _ ~ and single slashes")]
    Path,
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
