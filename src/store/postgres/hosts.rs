//! The servers that may have the database, and the one that connections lead to: all to the same one, for as long as
//! it answers and takes changes.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::ServerUrl;
use super::way::{Before, Way};

pub(super) struct Hosts {
    ways: Vec<Arc<Way>>,
    course: Mutex<Course>,
}

/// Where connections lead.
#[derive(Clone, Default)]
pub(super) struct Course {
    pub(super) current: Option<Place>,
    /// How often they have left a server. Those from before are not used any more.
    pub(super) epoch: u64,
    /// Whether nobody has connected since.
    pub(super) is_left: bool,
}

impl Course {
    /// Whether that is the way to the current one.
    pub(super) fn is_by(&self, way: &Arc<Way>) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|it| Arc::ptr_eq(&it.way, way))
    }

    /// By that way, where connections have led.
    pub(super) fn before(&self, way: &Arc<Way>) -> Option<Before> {
        let current = self.current.as_ref().filter(|_| self.is_by(way))?;
        Some(Before {
            address: current.address?,
            is_left: self.is_left,
        })
    }
}

/// The end of a connection.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) way: Arc<Way>,
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
        let ways = url.hosts.iter().cloned();
        let ways = ways.map(|it| Arc::new(Way::to(it, config, tls)));
        Self {
            ways: ways.collect(),
            course: Mutex::default(),
        }
    }

    /// Whether no machine answered when it was last asked.
    pub(super) fn are_silent(&self) -> bool {
        self.ways.iter().all(|it| it.is_silent())
    }

    pub(super) fn course(&self) -> Course {
        self.locked().clone()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.locked().epoch
    }

    /// First the current one, then as they are named; those that are silent, and one that was left, at the end.
    pub(super) fn in_order(&self, course: &Course) -> Vec<Arc<Way>> {
        let mut ways = self.ways.clone();
        ways.sort_by_key(|it| (it.is_silent(), course.is_by(it) == course.is_left));
        ways
    }

    /// A connection of that epoch led to a server that does not answer, or takes no changes.
    pub(super) fn leave(&self, epoch: u64) {
        let mut course = self.locked();
        // Or else others found out first, and may have arrived elsewhere.
        if course.epoch == epoch {
            course.epoch += 1;
            course.is_left = true;
        }
    }

    /// Notes where a connection leads that was begun in the epoch `begun`, and returns the epoch that it is of: if
    /// it leads to another server than before, all others are to follow. None if it leads where the others have been
    /// meanwhile.
    pub(super) fn arrive(&self, place: &Place, begun: u64) -> Option<u64> {
        let mut course = self.locked();
        let was = course.current.clone();
        let was = was.filter(|it| it.server.started != place.server.started);
        let is_late = course.epoch != begun && (was.is_some() || course.is_left);
        if is_late {
            return None;
        }
        if let Some(was) = was {
            was.tell_of(place);
            course.epoch += 1;
        }
        course.current = Some(place.clone());
        course.is_left = false;
        Some(course.epoch)
    }

    fn locked(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
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
        Arc::ptr_eq(&self.way, &other.way)
            && self.address == other.address
            && self.server.address == other.server.address
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, server, .. } = self;
        write!(f, "{way} ({})", server.address)
    }
}
