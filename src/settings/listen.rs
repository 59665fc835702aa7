//! Where the server listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::domain::WebUrl;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Who may open a Unix socket.
#[derive(Clone, Debug)]
pub(crate) struct SocketAccess {
    pub(crate) mode: u32,
    /// A name or a number.
    pub(crate) group: Option<String>,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, String> {
        match raw.strip_prefix("unix:") {
            Some(path) if !path.is_empty() => Ok(Self::Unix(path.into())),
            Some(_) => Err("the path is missing".to_owned()),
            None => raw.parse().map(Self::Tcp).map_err(|_| {
                let what = "it is no numeric address with a port";
                match raw.strip_prefix("localhost:") {
                    Some(port) => format!("{what}; localhost is 127.0.0.1:{port}"),
                    None => what.to_owned(),
                }
            }),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listen {
    /// Where this machine finds what listens here and nowhere else.
    pub(crate) fn loopback_url(&self) -> Option<WebUrl> {
        match self {
            Self::Tcp(address) if address.ip().is_loopback() => {
                WebUrl::base(&format!("http://{address}")).ok()
            }
            _ => None,
        }
    }
}
