//! The servers that may have the database, and the one that connections lead to: all to the same one, for as long as
//! it answers and takes changes.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_postgres::Config;
use tokio_postgres::config::LoadBalanceHosts;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::ServerUrl;
use super::way::Way;

pub(super) struct Hosts {
    ways: Vec<Arc<Way>>,
    /// How many connections were begun, if each is to go to another host than the last one.
    begun: Option<AtomicUsize>,
    /// Where connections lead.
    current: Mutex<Option<Place>>,
}

/// The end of a connection.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) way: Arc<Way>,
    /// A name may stand for several.
    pub(super) machine: Option<IpAddr>,
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
        let ways = url.hosts.iter().cloned();
        let ways = ways.map(|it| Arc::new(Way::to(it, config, tls)));
        let takes_turns = config.get_load_balance_hosts() == LoadBalanceHosts::Random;
        Self {
            ways: ways.collect(),
            begun: takes_turns.then(AtomicUsize::default),
            current: Mutex::default(),
        }
    }

    /// Whether no machine answered when it was last asked.
    pub(super) fn are_silent(&self) -> bool {
        self.ways.iter().all(|it| it.is_silent())
    }

    pub(super) fn current(&self) -> Option<Place> {
        self.locked().clone()
    }

    /// First the current one, unless they take turns, then as they are named; those that are silent at the end.
    pub(super) fn in_order(&self, current: Option<&Place>) -> Vec<Arc<Way>> {
        let mut ways = self.ways.clone();
        if let Some(begun) = &self.begun {
            ways.rotate_left(begun.fetch_add(1, Ordering::SeqCst) % self.ways.len());
        }
        let current = current.filter(|_| self.begun.is_none());
        let is_current = |way: &Arc<Way>| current.is_some_and(|it| Arc::ptr_eq(&it.way, way));
        ways.sort_by_key(|it| (it.is_silent(), !is_current(it)));
        ways
    }

    /// Notes where a connection leads that was begun while `before` was the current place. Returns whether that is
    /// another server, to which all others are to follow.
    pub(super) fn move_to(&self, place: &Place, before: Option<&Place>) -> bool {
        let mut current = self.locked();
        let now = current.as_ref().map(|it| it.server.started);
        // Others have moved meanwhile, and this one is too late.
        if now.is_some() && now != before.map(|it| it.server.started) {
            return false;
        }
        let is_other = now.is_some_and(|it| it != place.server.started);
        let was = current.replace(place.clone());
        if let Some(was) = was.filter(|it| is_other && !it.is_at(place)) {
            tracing::warn!(event = "database_moved", from = %was, to = %place);
        }
        is_other
    }

    fn locked(&self) -> MutexGuard<'_, Option<Place>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether it is the same but for a restart.
    fn is_at(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.way, &other.way)
            && self.machine == other.machine
            && self.server.address == other.server.address
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, server, .. } = self;
        write!(f, "{way} ({})", server.address)
    }
}
