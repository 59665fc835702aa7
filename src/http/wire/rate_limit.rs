//! Limits for one client. The only file that names governor.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use poem::{FromRequest, Request, RequestBody};

use super::client::ClientAddress;
use crate::accounts::Trouble;

/// So many at once. A school class behind one address logs in together; a guesser does not get far.
const LOGINS: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// So many at once of everything else that writes: the class also registers, and asks for mails.
const FORMS: NonZeroU32 = NonZeroU32::new(120).unwrap();
/// Beyond the burst: one a second.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(1).unwrap();

type Limiter = DefaultKeyedRateLimiter<IpAddr>;

/// Counts what one client asks of the endpoints that cost something. A success does not clear the
/// count. IPv6 clients count by /64, which one customer has.
pub(crate) struct Gate {
    limiters: Option<Limiters>,
}

struct Limiters {
    logins: Limiter,
    forms: Limiter,
}

impl Gate {
    pub(crate) fn new(throttle: bool) -> Self {
        let limiter = |burst| RateLimiter::keyed(Quota::per_second(PER_SECOND).allow_burst(burst));
        Self {
            limiters: throttle.then(|| Limiters {
                logins: limiter(LOGINS),
                forms: limiter(FORMS),
            }),
        }
    }

    /// Forgets clients that have been quiet, so that memory does not grow with every visitor.
    pub(crate) fn forget_quiet_clients(&self) {
        if let Some(limiters) = &self.limiters {
            limiters.logins.retain_recent();
            limiters.forms.retain_recent();
        }
    }
}

/// Counts the request.
fn check(request: &Request, choose: fn(&Limiters) -> &Limiter) -> Result<(), Trouble> {
    let client = request
        .extensions()
        .get::<ClientAddress>()
        .and_then(|it| it.0);
    let gate = request.extensions().get::<Arc<Gate>>();
    // Over a Unix socket without a proxy's word there is nobody to tell apart.
    let (Some(client), Some(limiters)) = (client, gate.and_then(|it| it.limiters.as_ref())) else {
        return Ok(());
    };
    choose(limiters)
        .check_key(&network(client))
        .map_err(|until| {
            tracing::warn!(event = "excess_rate_limit_exceeded", limit = "client");
            let wait = until.wait_time_from(DefaultClock::default().now());
            Trouble::TooMany(wait.as_secs() + 1)
        })
}

fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Whether this client may try a password, counted now.
pub(crate) struct LoginPassage(pub(crate) Result<(), Trouble>);

impl<'a> FromRequest<'a> for LoginPassage {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(check(request, |it| &it.logins)))
    }
}

/// Whether this client may send a form, counted now.
pub(crate) struct FormPassage(pub(crate) Result<(), Trouble>);

impl<'a> FromRequest<'a> for FormPassage {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(check(request, |it| &it.forms)))
    }
}
