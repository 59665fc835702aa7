//! Limits for one client. The only file that names governor.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use poem::{FromRequest, Request, RequestBody};

use super::client::ClientAddress;
use crate::accounts::Trouble;

/// A school class behind one address logs in and registers at once; a guesser does not get far.
const BURST: NonZeroU32 = NonZeroU32::new(120).unwrap();
/// Beyond the burst: one a second.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(1).unwrap();

/// Counts what one client asks of the endpoints that cost something: logins, registrations, mails.
/// A success does not clear the count. IPv6 clients count by /64, which one customer has.
pub(super) struct Gate {
    limiter: Option<DefaultKeyedRateLimiter<IpAddr>>,
}

impl Gate {
    pub(super) fn new(throttle: bool) -> Self {
        let quota = Quota::per_second(PER_SECOND).allow_burst(BURST);
        Self {
            limiter: throttle.then(|| RateLimiter::keyed(quota)),
        }
    }

    fn check(&self, client: IpAddr) -> Result<(), Trouble> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        limiter.check_key(&network(client)).map_err(|until| {
            tracing::warn!(event = "excess_rate_limit_exceeded", limit = "client");
            let wait = until.wait_time_from(DefaultClock::default().now());
            Trouble::TooMany(wait.as_secs() + 1)
        })
    }

    /// Forgets clients that have been quiet, so that memory does not grow with every visitor.
    pub(super) fn forget_quiet_clients(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
        }
    }
}

fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Whether this client may go on, counted now.
pub(super) struct Passage(pub(super) Result<(), Trouble>);

impl<'a> FromRequest<'a> for Passage {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        let client = request
            .extensions()
            .get::<ClientAddress>()
            .and_then(|it| it.0);
        let gate = request.extensions().get::<std::sync::Arc<Gate>>();
        Ok(Self(match (client, gate) {
            (Some(client), Some(gate)) => gate.check(client),
            // Over a Unix socket without a proxy's word there is nobody to tell apart.
            _ => Ok(()),
        }))
    }
}
