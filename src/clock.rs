//! The only source of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::Timestamp;

/// Says that no other clock is followed.
const NONE: i64 = i64::MIN;

/// How far two looks at a clock may differ because the answer took a while, in milliseconds.
const NOISE: i64 = 500;

/// What another clock said, and when it was asked.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Since 1970.
    pub says: Duration,
    pub at: Instant,
    /// By how many seconds it was ahead of this machine's clock.
    pub ahead: i64,
}

/// Tells the time: the machine's, that of a database which several servers share, or a test's that moves on
/// command. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Clock {
    hands: Hands,
    /// Milliseconds from what counts steadily here to the clock that is followed.
    followed: Arc<AtomicI64>,
}

#[derive(Clone, Debug)]
enum Hands {
    /// The wall clock of the machine, and where what counts steadily begins.
    System(Instant),
    /// They stand still until they are moved.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Self {
        Self::of(Hands::System(Instant::now()))
    }

    /// A clock that stands at `at`.
    pub fn fixed(at: Timestamp) -> Self {
        Self::of(Hands::Fixed(Arc::new(AtomicI64::new(at.0))))
    }

    fn of(hands: Hands) -> Self {
        Self {
            hands,
            followed: Arc::new(AtomicI64::new(NONE)),
        }
    }

    /// The time now, in whole seconds.
    pub fn now(&self) -> Timestamp {
        let followed = self.followed.load(Ordering::SeqCst);
        match &self.hands {
            Hands::System(_) if followed == NONE => system_now(),
            Hands::System(began) => {
                Timestamp((milliseconds(began.elapsed()) + followed).div_euclid(1000))
            }
            Hands::Fixed(at) if followed == NONE => Timestamp(at.load(Ordering::SeqCst)),
            Hands::Fixed(at) => Timestamp(at.load(Ordering::SeqCst) + followed / 1000),
        }
    }

    /// Goes by another clock from now on, whatever becomes of that of this machine.
    pub fn follow(&self, theirs: &Reading) {
        let followed = match &self.hands {
            Hands::System(began) => {
                milliseconds(theirs.says)
                    - milliseconds(theirs.at.saturating_duration_since(*began))
            }
            // As a machine whose clock is right would be off.
            Hands::Fixed(_) => theirs.ahead * 1000,
        };
        let last = self.followed.load(Ordering::SeqCst);
        if last == NONE || (followed - last).abs() > NOISE {
            self.followed.store(followed, Ordering::SeqCst);
        }
    }

    /// Moves a fixed clock by `seconds`; the system clock does not obey.
    pub fn advance(&self, seconds: i64) {
        if let Hands::Fixed(at) = &self.hands {
            at.fetch_add(seconds, Ordering::SeqCst);
        }
    }
}

/// What the clock of this machine says, whatever clock is followed.
pub fn system_now() -> Timestamp {
    Timestamp(milliseconds(since_epoch()) / 1000)
}

/// What the clock of this machine says, since 1970.
pub fn since_epoch() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
