//! How many connections there are: all together within the memory and the file descriptors that there
//! are, and those of one client within a setting.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use poem::Addr;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rarely::Rarely;
use super::rules::ConnectionRules;
use super::seats::{Seat, Seats};
use crate::http::wire::network;

/// File descriptors that are not for connections: the database, its readers, the log, mails; those that are
/// turned away; and the few of an address for metrics alone.
const RESERVED_DESCRIPTORS: u64 = 96;
/// How much memory is for connections, in KiB.
const MEMORY: u64 = 256 * 1024;
/// What a connection needs of it at most, in KiB: a head, a body or an answer on its way, and what
/// becomes of them. A body one byte short of its 64 KiB was measured at 80 to 130; `tests/it/flood.rs`
/// holds a mixed flood to it.
const PER_CONNECTION: u64 = 128;

/// How long a newcomer waits for one to be given up before another one has to go.
const PATIENCE: Duration = Duration::from_millis(100);

/// The places of all connections.
pub(super) struct Places {
    most: u32,
    all: Arc<Semaphore>,
    clients: Arc<Clients>,
    seats: Seats,
    fullness: Rarely,
}

/// The place of one connection, as long as it lasts.
pub(super) struct Place {
    _one_of_all: OwnedSemaphorePermit,
    _of_client: OfClient,
    seat: Arc<Seat>,
}

/// One of the connections that a client may have.
struct OfClient {
    clients: Arc<Clients>,
    client: Option<IpAddr>,
}

struct Clients {
    rules: Arc<ConnectionRules>,
    per_client: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
    fullness: Rarely,
}

impl Places {
    pub(super) fn new(rules: Arc<ConnectionRules>) -> Self {
        let most = rules.most.unwrap_or_else(most_connections);
        let clients = Clients {
            // Where there are few places, no client has all of them.
            per_client: rules.per_client.min((most as usize / 2).max(1)),
            rules,
            open: Mutex::default(),
            fullness: Rarely::default(),
        };
        Self {
            most,
            all: Arc::new(Semaphore::new(most as usize)),
            clients: Arc::new(clients),
            seats: Seats::default(),
            fullness: Rarely::default(),
        }
    }

    /// Waits until every connection has ended.
    pub(super) async fn are_free(&self) {
        // It is never closed.
        let _ = self.all.acquire_many(self.most).await;
    }

    /// Waits for a place for this client, unless it has enough of them. While all are taken, others
    /// give theirs up.
    pub(super) async fn take(&self, remote: &Addr) -> Option<Place> {
        let client = self.clients.counted(remote);
        if let Some(client) = client
            && !self.clients.enter(client)
        {
            return None;
        }
        let of_client = OfClient {
            clients: Arc::clone(&self.clients),
            client,
        };
        Some(Place {
            _one_of_all: self.next().await?,
            _of_client: of_client,
            seat: self.seats.take(),
        })
    }

    async fn next(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(free) = Arc::clone(&self.all).try_acquire_owned() {
            return Some(free);
        }
        loop {
            self.make_room();
            let next = Arc::clone(&self.all).acquire_owned();
            if let Ok(next) = tokio::time::timeout(PATIENCE, next).await {
                // It is never closed.
                return next.ok();
            }
        }
    }

    /// Ends the connection that has waited longest for a request, if there is one.
    pub(super) fn make_room(&self) {
        if self.fullness.is_time() {
            tracing::warn!(
                event = "connections_full",
                most = self.most,
                "all connections are taken: those that send no request are closed, the oldest first; raise \
                 the limit on open files (ulimit -n) if these are real clients",
            );
        }
        self.seats.free_one();
    }
}

impl Place {
    pub(super) fn seat(&self) -> Arc<Seat> {
        Arc::clone(&self.seat)
    }
}

impl Drop for OfClient {
    fn drop(&mut self) {
        if let Some(client) = self.client {
            self.clients.leave(client);
        }
    }
}

impl Clients {
    /// Under which address this client is counted, if it is.
    fn counted(&self, remote: &Addr) -> Option<IpAddr> {
        let Addr::SocketAddr(address) = remote else {
            return None;
        };
        let address = address.ip().to_canonical();
        let is_exempt = self.rules.exempt.iter().any(|it| it.contains(&address));
        (self.per_client > 0 && !is_exempt).then(|| network(address))
    }

    fn enter(&self, client: IpAddr) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if *count >= self.per_client {
            return false;
        }
        *count += 1;
        if *count == self.per_client && self.fullness.is_time() {
            tracing::warn!(
                event = "client_has_all_its_connections",
                %client,
                count = *count,
                "if this is a proxy, name it in trusted_proxies",
            );
        }
        true
    }

    fn leave(&self, client: IpAddr) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = open.entry(client) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// As many as the memory and the limit on file descriptors allow, which is raised as far as it goes.
fn most_connections() -> u32 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() {
        limit.maximum
    } else {
        limit.current
    };
    let most = current
        .unwrap_or(u64::MAX)
        .saturating_sub(RESERVED_DESCRIPTORS)
        .clamp(1, MEMORY / PER_CONNECTION);
    u32::try_from(most).unwrap_or(1)
}
