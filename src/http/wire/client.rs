//! Where a request comes from, and who asks.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

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
        if socket.is_some_and(|address| !is_trusted(&address)) {
            return Self(socket);
        }
        let last_first = headers.get_all("x-forwarded-for").iter().rev();
        let client = last_first
            // As bytes: one that is no text is only in the part of whoever wrote it.
            .flat_map(|value| value.as_bytes().rsplit(|b| *b == b','))
            .map(|part| forwarded(std::str::from_utf8(part).ok()?))
            .find(|address| !address.is_some_and(|it| is_trusted(&it)));
        Self(client.flatten().or(socket))
    }
}

/// An address as proxies write it: some add the port, which IPv6 needs brackets for, or the zone.
fn forwarded(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let (before_zone, after_zone) = match text.split_once('%') {
        // The zone ends with the text, or before the bracket.
        Some((address, zone)) => (address, zone.find(']').map_or("", |end| &zone[end..])),
        None => (text, ""),
    };
    let text = format!("{before_zone}{after_zone}");
    let in_brackets = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let address = in_brackets.unwrap_or(&text).parse::<IpAddr>();
    let with_port = || text.parse::<SocketAddr>().map(|it| it.ip());
    Some(address.or_else(|_| with_port()).ok()?.to_canonical())
}

/// What one client is counted under: an IPv6 client has a whole /64.
pub(crate) fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
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
        name: "http".into(),
        address: address.and_then(|it| it.0),
        // What can be read as text is ASCII.
        user_agent: user_agent.map(|it| it[..it.len().min(LONGEST_USER_AGENT)].to_owned()),
    }
}
