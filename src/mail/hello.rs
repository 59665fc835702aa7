//! The name by which we greet mail servers, as `smtp_hello` gives it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use lettre::transport::smtp::extension::ClientId;

use crate::domain::{WebUrl, ascii_host};

/// A name or an address, of which EHLO makes a literal. By default it is the name of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello(pub(super) ClientId);

impl Hello {
    /// The host of an address on the web.
    pub fn of(url: &WebUrl) -> Self {
        url.host().parse().unwrap_or_default()
    }
}

impl FromStr for Hello {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let bare = raw.trim_start_matches('[').trim_end_matches(']');
        let address = bare.strip_prefix("IPv6:").unwrap_or(bare).parse();
        let client = match address {
            Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
            Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
            // Nothing that passes here could start another line.
            Err(_) => ascii_host(raw)
                .map(ClientId::Domain)
                .ok_or("it is no name of a host and no address")?,
        };
        Ok(Self(client))
    }
}

impl fmt::Display for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
