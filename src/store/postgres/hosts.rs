//! The servers that may have the database, and the one that connections lead to: all to the same one, for as long as
//! it answers and takes changes.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::endpoint::{Endpoint, Previous};
use super::url::ServerUrl;

pub(super) struct Hosts {
    endpoints: Vec<Arc<Endpoint>>,
    target: Mutex<Target>,
}

/// Where connections lead.
#[derive(Clone, Default)]
pub(super) struct Target {
    pub(super) current: Option<Place>,
    /// How often they have left a server. Those from before are not used any more.
    pub(super) epoch: u64,
    /// Whether nobody has connected since.
    pub(super) is_abandoned: bool,
}

impl Target {
    /// Whether the current server is reached there.
    pub(super) fn is_at(&self, endpoint: &Arc<Endpoint>) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|it| Arc::ptr_eq(&it.endpoint, endpoint))
    }

    /// At that endpoint, where connections have led.
    pub(super) fn previous(&self, endpoint: &Arc<Endpoint>) -> Option<Previous> {
        let current = self.current.as_ref().filter(|_| self.is_at(endpoint))?;
        Some(Previous {
            address: current.address?,
            is_abandoned: self.is_abandoned,
        })
    }
}

/// The end of a connection.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) endpoint: Arc<Endpoint>,
    /// A name may stand for several.
    pub(super) address: Option<IpAddr>,
    pub(super) server: ServerId,
}

/// A server says who it is: a proxy may lead to another one than before.
#[derive(Clone)]
pub(super) struct ServerId {
    /// When it was started, in microseconds since 1970: no other one was.
    pub(super) started: i64,
    /// Address and port by which it was reached, as it knows them: it may have several.
    pub(super) address: String,
}

impl Hosts {
    /// `config` names no place.
    pub(super) fn of(url: &ServerUrl, config: &Config, tls: &MakeRustlsConnect) -> Self {
        let endpoints = url.hosts.iter().cloned();
        let endpoints = endpoints.map(|it| Arc::new(Endpoint::to(it, config, tls)));
        Self {
            endpoints: endpoints.collect(),
            target: Mutex::default(),
        }
    }

    /// Whether no machine answered when it was last asked.
    pub(super) fn are_silent(&self) -> bool {
        self.endpoints.iter().all(|it| it.is_silent())
    }

    pub(super) fn target(&self) -> Target {
        self.locked().clone()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.locked().epoch
    }

    /// First the current one, then as they are named; those that are silent, and one that was left, at the end.
    pub(super) fn in_order(&self, target: &Target) -> Vec<Arc<Endpoint>> {
        let mut endpoints = self.endpoints.clone();
        endpoints.sort_by_key(|it| (it.is_silent(), target.is_at(it) == target.is_abandoned));
        endpoints
    }

    /// A connection of that epoch led to a server that does not answer, or takes no changes.
    pub(super) fn abandon(&self, epoch: u64) {
        let mut target = self.locked();
        // Or else others found out first, and may have arrived elsewhere.
        if target.epoch == epoch {
            target.epoch += 1;
            target.is_abandoned = true;
        }
    }

    /// Notes where a connection leads that was begun in the epoch `begun`, and returns the epoch that it is of: if
    /// it leads to another server than before, all others are to follow. None if it leads where the others have been
    /// meanwhile.
    pub(super) fn confirm(&self, place: &Place, begun: u64) -> Option<u64> {
        let mut target = self.locked();
        let was = target.current.clone();
        let was = was.filter(|it| it.server.started != place.server.started);
        let is_late = target.epoch != begun && (was.is_some() || target.is_abandoned);
        if is_late {
            return None;
        }
        if let Some(was) = was {
            was.tell_of(place);
            target.epoch += 1;
        }
        target.current = Some(place.clone());
        target.is_abandoned = false;
        Some(target.epoch)
    }

    fn locked(&self) -> MutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address that goes from one machine to another looks the same.
const RESTARTED: &str = "if this is another machine, which has taken over the address, see that the one before it \
                         does not come back as it was";

impl Place {
    /// Says that this one is not the current one any more.
    fn tell_of(&self, next: &Self) {
        if self.is_at(next) {
            tracing::warn!(event = "database_restarted", at = %next, note = RESTARTED);
        } else {
            tracing::warn!(event = "database_moved", from = %self, to = %next);
        }
    }

    /// Whether the address is the same.
    fn is_at(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.endpoint, &other.endpoint)
            && self.address == other.address
            && self.server.address == other.server.address
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint, server, ..
        } = self;
        write!(f, "{endpoint} ({})", server.address)
    }
}
