//! The only source of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::Timestamp;

/// No clock that is right says an earlier time, for this program was written later: 2026-01-01. A machine whose
/// clock has no battery starts decades before, or at a time that systemd remembers, until it has asked for
/// the time; one that remembers a later time than this is not told from one that was put right.
pub const EARLIEST: Timestamp = Timestamp(1_767_225_600);

/// Says that no other clock is followed.
const NOT_FOLLOWED: i64 = i64::MIN;

/// How far two looks at a clock may differ because the answer took a while, in milliseconds.
const NOISE: i64 = 500;

/// What another clock said, and when it was asked.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Since 1970.
    pub says: Duration,
    /// In the middle of the time that the answer took.
    pub at: Instant,
    /// How long the answer took: so much may be wrong.
    pub took: Duration,
    /// By how many seconds it was ahead of this machine's clock.
    pub ahead: i64,
}

impl Reading {
    /// Whether a clock that is right could say so.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        milliseconds(self.says) / 1000 >= EARLIEST.0
    }
}

/// Tells the time: the machine's, that of a database which several servers share, or a test's that moves on
/// command. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
    /// By how many milliseconds the clock that is followed is ahead of the monotonic one of the source.
    followed: Arc<AtomicI64>,
}

#[derive(Clone, Debug)]
enum Source {
    /// The wall clock of the machine; its monotonic clock counts from then.
    System(Instant),
    /// It stands still until it is moved.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Self {
        Self::of(Source::System(Instant::now()))
    }

    /// A clock that stands at `at`.
    pub fn fixed(at: Timestamp) -> Self {
        Self::of(Source::Fixed(Arc::new(AtomicI64::new(at.0))))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            followed: Arc::new(AtomicI64::new(NOT_FOLLOWED)),
        }
    }

    /// The time now, in whole seconds.
    pub fn now(&self) -> Timestamp {
        let followed = self.followed.load(Ordering::SeqCst);
        match &self.source {
            Source::System(_) if followed == NOT_FOLLOWED => system_now(),
            Source::System(began) => {
                Timestamp((milliseconds(began.elapsed()) + followed).div_euclid(1000))
            }
            Source::Fixed(at) if followed == NOT_FOLLOWED => Timestamp(at.load(Ordering::SeqCst)),
            Source::Fixed(at) => Timestamp(at.load(Ordering::SeqCst) + followed / 1000),
        }
    }

    /// Goes by another clock from now on, whatever becomes of that of this machine, unless the other one says
    /// what it cannot be.
    pub fn follow(&self, theirs: &Reading) {
        if !theirs.is_possible() {
            return;
        }
        let followed = self.ahead(theirs);
        let last = self.followed.load(Ordering::SeqCst);
        if last == NOT_FOLLOWED || (followed - last).abs() > NOISE {
            self.followed.store(followed, Ordering::SeqCst);
        }
    }

    /// Whether that is what it has followed so far, as well as the answer tells. True if it has followed nothing, or
    /// if that says what cannot be.
    pub fn agrees_with(&self, theirs: &Reading) -> bool {
        let followed = self.followed.load(Ordering::SeqCst);
        let most = 2 * NOISE + milliseconds(theirs.took);
        let is_close = || (self.ahead(theirs) - followed).abs() <= most;
        followed == NOT_FOLLOWED || !theirs.is_possible() || is_close()
    }

    /// By how many milliseconds that is ahead of the monotonic clock.
    fn ahead(&self, theirs: &Reading) -> i64 {
        match &self.source {
            Source::System(began) => {
                let counted = theirs.at.saturating_duration_since(*began);
                milliseconds(theirs.says) - milliseconds(counted)
            }
            // As a machine whose clock is right would be off.
            Source::Fixed(_) => theirs.ahead * 1000,
        }
    }

    /// Moves a fixed clock by `seconds`; the system clock does not obey.
    pub fn advance(&self, seconds: i64) {
        if let Source::Fixed(at) = &self.source {
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
