//! Where a database of PostgreSQL is.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode, SslNegotiation};

/// Where a server listens unless it is told otherwise.
const PORT: u16 = 5432;

/// `postgres://user@host[,host2]/name?option=…`. Its password is never shown.
#[derive(Clone)]
pub struct ServerUrl {
    /// What is the same wherever it is.
    config: Box<Config>,
    pub(super) hosts: Vec<ServerHost>,
    pub(super) trust: Trust,
    /// The certificates of the authorities that are trusted, in PEM.
    pub(super) authorities: Option<PathBuf>,
    shown: String,
}

/// Where it may be: a name or a folder of sockets, and the address of the machine if that is said too.
#[derive(Clone, Debug)]
pub(super) struct ServerHost {
    pub(super) name: Option<Host>,
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

/// What is asked of the server's certificate, by the names of `sslmode`
/// (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    Anybody,
    Authority,
    Host,
}

/// Why a text names no database of PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    #[error("it is no path and no URL; write it as postgres://user@host/name")]
    NoUrl,
    #[error("it starts with neither postgres:// nor postgresql://")]
    NoScheme,
    #[error(
        "there is no sslmode {0}; there are disable, prefer, require, verify-ca and verify-full"
    )]
    Mode(String),
    #[error("it names no database, as postgres://user@host/name does")]
    NoName,
    #[error("it names no host, as postgres://user@host/name does")]
    NoHost,
    #[error("it has another number of hosts than of their ports or addresses")]
    HostsApart,
    #[error(
        "load_balance_hosts=random is for those who only read; leave it out: there is one server that takes changes"
    )]
    TakesTurns,
    #[error("{0}")]
    Other(String),
}

impl ServerUrl {
    /// Whether a text is meant to be one.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        ["postgres:", "postgresql:"].iter().any(|it| {
            let start = text.get(..it.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(it))
        })
    }

    /// The same with this password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.config.password(password);
        self
    }

    #[must_use]
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// The name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    pub(super) fn config(&self) -> Config {
        Config::clone(&self.config)
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let parts = text.split_once("://").filter(|_| Self::is_meant(text));
        let (scheme, rest) = parts.ok_or(UrlError::NoScheme)?;
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let mut others = form_urlencoded::Serializer::new(String::new());
        let mut hosts = form_urlencoded::Serializer::new(String::new());
        let (mut mode, mut authorities) = ("prefer".to_owned(), None);
        for (name, value) in form_urlencoded::parse(options.as_bytes()) {
            match &*name {
                "sslmode" => mode = value.into_owned(),
                "sslrootcert" => authorities = Some(PathBuf::from(&*value)),
                // The library takes one host for each option of that name.
                "host" => value.split(',').for_each(|it| {
                    hosts.append_pair("host", it);
                }),
                "hostaddr" | "port" => drop(hosts.append_pair(&name, &value)),
                _ => drop(others.append_pair(&name, &value)),
            }
        }
        // A blank is written as %20 where this is read.
        let [others, hosts] = [others, hosts].map(|mut it| it.finish().replace('+', "%20"));
        let scheme = scheme.to_lowercase();
        let both = format!("{others}&{hosts}");
        let whole = parse(&format!("{scheme}://{place}?{}", both.trim_matches('&')))?;
        let hosts = hosts_of(&whole)?;
        let mut config = parse(&format!("{scheme}://{}?{others}", without_hosts(place)))?;
        let (mode, trust) = mode_and_trust(&mode)?;
        config
            .ssl_mode(mode)
            .ssl_negotiation(SslNegotiation::Postgres);
        if config.get_load_balance_hosts() == LoadBalanceHosts::Random {
            return Err(UrlError::TakesTurns);
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(UrlError::NoName);
        }
        Ok(Self {
            shown: without_password(text, &config),
            config: Box::new(config),
            hosts,
            trust,
            authorities,
        })
    }
}

fn parse(text: &str) -> Result<Config, UrlError> {
    text.parse().map_err(|err: tokio_postgres::Error| {
        UrlError::Other(super::error::in_words(&err).replace(
            "invalid connection string",
            "it is no address of a database",
        ))
    })
}

fn hosts_of(config: &Config) -> Result<Vec<ServerHost>, UrlError> {
    let (names, addresses, ports) = (
        config.get_hosts(),
        config.get_hostaddrs(),
        config.get_ports(),
    );
    let count = names.len().max(addresses.len());
    let fits = |some: usize, least| some == count || some <= least;
    if !fits(names.len(), 0) || !fits(addresses.len(), 0) || !fits(ports.len(), 1) {
        return Err(UrlError::HostsApart);
    }
    let host = |at: usize| ServerHost {
        name: names.get(at).cloned(),
        address: addresses.get(at).copied(),
        port: ports.get(at).or(ports.first()).copied().unwrap_or(PORT),
    };
    let hosts: Vec<_> = (0..count).map(host).collect();
    if hosts.is_empty() {
        return Err(UrlError::NoHost);
    }
    Ok(hosts)
}

/// `user:password@host/name` without the host.
fn without_hosts(place: &str) -> String {
    let (user, rest) = match place.split_once('@') {
        Some((user, rest)) => (format!("{user}@"), rest),
        None => (String::new(), place),
    };
    let name = rest.split_once('/').map_or("", |it| it.1);
    format!("{user}/{name}")
}

fn mode_and_trust(name: &str) -> Result<(SslMode, Trust), UrlError> {
    Ok(match name {
        "disable" => (SslMode::Disable, Trust::Anybody),
        "allow" | "prefer" => (SslMode::Prefer, Trust::Anybody),
        "require" => (SslMode::Require, Trust::Anybody),
        "verify-ca" => (SslMode::Require, Trust::Authority),
        "verify-full" => (SslMode::Require, Trust::Host),
        _ => return Err(UrlError::Mode(name.to_owned())),
    })
}

/// As it was typed, but for the password, wherever that stands.
fn without_password(text: &str, config: &Config) -> String {
    if config.get_password().is_none() {
        return text.to_owned();
    }
    let (place, options) = text.split_once('?').unwrap_or((text, ""));
    let mut shown = place.to_owned();
    let user = place.split_once("://").map(|it| it.1);
    let user = user.and_then(|it| it.rsplit_once('@')).map(|it| it.0);
    if let Some((_, password)) = user.and_then(|it| it.split_once(':')) {
        shown = place.replacen(&format!(":{password}@"), ":…@", 1);
    }
    let is_password = |option: &str| {
        let name = option.split('=').next().unwrap_or_default();
        percent_decode_str(name).eq(b"password".iter().copied())
    };
    let options = options.split('&');
    let options: Vec<_> = options
        .filter(|it| !it.is_empty() && !is_password(it))
        .collect();
    if options.is_empty() {
        shown
    } else {
        format!("{shown}?{}", options.join("&"))
    }
}

/// As it is told to people.
impl fmt::Display for ServerHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.address) {
            (Some(Host::Unix(folder)), _) => write!(f, "{}", folder.display()),
            (Some(Host::Tcp(name)), _) => write!(f, "{name}:{}", self.port),
            (None, Some(number)) => write!(f, "{number}:{}", self.port),
            (None, None) => write!(f, "port {}", self.port),
        }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
