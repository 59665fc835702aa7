//! Limits for one client.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use poem::Request;

use super::client::{ClientAddress, network};
use crate::accounts::Trouble;

/// Logins at once. A school class behind one address logs in together; a guesser does not get far.
const LOGINS: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// At once of everything else that writes: the class also registers, and asks for mails.
const FORMS: NonZeroU32 = NonZeroU32::new(120).unwrap();
/// Beyond the burst: one a second.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(1).unwrap();

type Limiter = DefaultKeyedRateLimiter<IpAddr>;

/// Counts what one client asks of the endpoints that cost something. A success does not clear the
/// count.
pub(crate) struct RateLimits {
    logins: Limiter,
    forms: Limiter,
}

impl RateLimits {
    pub(crate) fn new() -> Self {
        let limiter = |burst| RateLimiter::keyed(Quota::per_second(PER_SECOND).allow_burst(burst));
        Self {
            logins: limiter(LOGINS),
            forms: limiter(FORMS),
        }
    }

    /// So that memory does not grow with every visitor.
    pub(crate) fn forget_quiet_clients(&self) {
        for limiter in [&self.logins, &self.forms] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

type Choice = Option<fn(&RateLimits) -> &Limiter>;

/// Which limit an endpoint has.
pub(crate) trait Limit {
    const LIMITER: Choice;
}

pub(crate) struct Unlimited;

impl Limit for Unlimited {
    const LIMITER: Choice = None;
}

/// The limit of endpoints that try a password.
pub(crate) struct Logins;

impl Limit for Logins {
    const LIMITER: Choice = Some(|limits| &limits.logins);
}

/// The limit of everything else that writes.
pub(crate) struct Forms;

impl Limit for Forms {
    const LIMITER: Choice = Some(|limits| &limits.forms);
}

/// Counts the request.
pub(crate) fn count<L: Limit>(request: &Request) -> Result<(), Trouble> {
    // Without the setting `throttle` there are no limits. Over a Unix socket without a proxy's word
    // there is nobody to tell apart.
    let limits = request.data::<Option<Arc<RateLimits>>>();
    let client = request.data::<ClientAddress>().and_then(|it| it.0);
    let (Some(limiter), Some(Some(limits)), Some(client)) = (L::LIMITER, limits, client) else {
        return Ok(());
    };
    let counted = limiter(limits).check_key(&network(client));
    counted.map_err(|until| {
        tracing::warn!(event = "excess_rate_limit_exceeded", limit = "client");
        let wait = until.wait_time_from(DefaultClock::default().now());
        Trouble::TooMany(wait.as_secs() + 1)
    })
}
