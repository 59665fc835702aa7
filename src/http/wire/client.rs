//! Where a request comes from, and who asks.

use std::net::IpAddr;

use ipnet::IpNet;
use poem::http::{HeaderMap, header};
use poem::web::RemoteAddr;
use poem::{Addr, Request};

use crate::domain::Actor;

/// A longer name is cut: people only recognise their sessions by it.
const LONGEST_USER_AGENT: usize = 256;

/// The address that a request comes from; none over a Unix socket without a proxy's word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl ClientAddress {
    /// The socket's address; or, if that is a trusted proxy, the last address in `X-Forwarded-For`
    /// that is no trusted proxy. The client can write anything before it, so the search ends there
    /// even if it cannot be read.
    pub(crate) fn of(remote: &RemoteAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
        let socket = match &remote.0 {
            Addr::SocketAddr(address) => Some(address.ip().to_canonical()),
            _ => None,
        };
        // Whoever can open the Unix socket is the proxy.
        if trusted.is_empty() || socket.is_some_and(|address| !is_trusted(&address)) {
            return Self(socket);
        }
        let last_first = headers.get_all("x-forwarded-for").iter().rev();
        let client = last_first
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.rsplit(','))
            .map(|address| Some(address.trim().parse::<IpAddr>().ok()?.to_canonical()))
            .find(|address| !address.is_some_and(|it| is_trusted(&it)));
        Self(client.flatten().or(socket))
    }
}

/// Who asks, as the use cases want to know it.
pub(crate) fn actor(request: &Request) -> Actor {
    let address = request.extensions().get::<ClientAddress>();
    let user_agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|it| it.to_str().ok());
    Actor {
        name: "http".to_owned(),
        address: address.and_then(|it| it.0).map(|it| it.to_string()),
        user_agent: user_agent.map(|it| it.chars().take(LONGEST_USER_AGENT).collect()),
    }
}
