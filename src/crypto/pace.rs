//! How long a refusal takes: as long as for an account that nobody has, whatever hash is stored.
//!
//! Nobody's account is refused by computing a hash of the dearest kind that is stored, the decoy.
//! Whatever took less time is answered when as much has passed as the decoy took lately. It waits on
//! its hashing thread: if its place were free earlier, several guesses at once would be answered
//! earlier, and tell.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stored::Stored;
use crate::domain::Password;

/// How many of the latest decoys are remembered: enough for their times to vary as they do, and few
/// enough to follow the load of the machine.
const REMEMBERED: usize = 32;

pub(super) struct Pace {
    state: Mutex<State>,
}

struct State {
    decoy: Arc<Stored>,
    /// How long one hash of its kind took lately.
    recent: VecDeque<Duration>,
}

impl Pace {
    /// Until another kind is known to be dearer, the decoy is this one, which is nobody's.
    pub(super) fn new(decoy: Arc<Stored>) -> Self {
        let recent = VecDeque::with_capacity(REMEMBERED);
        Self {
            state: Mutex::new(State { decoy, recent }),
        }
    }

    /// From now on this is the decoy; a hash of its kind took `took`. False if it was before.
    pub(super) fn set(&self, decoy: Arc<Stored>, took: impl IntoIterator<Item = Duration>) -> bool {
        let mut state = self.state();
        let is_other = state.decoy.kind() != decoy.kind();
        if is_other {
            state.decoy = decoy;
            state.recent.clear();
        }
        if state.recent.is_empty() {
            state.recent.extend(took);
        }
        is_other
    }

    /// Whether `attempt` is right, and how many hashes that took to say. Without a hash it is wrong.
    /// `draw` chooses how long a refusal takes.
    pub(super) fn check(
        &self,
        known: Option<&Stored>,
        attempt: &Password,
        draw: u32,
    ) -> (bool, usize) {
        let started = Instant::now();
        let decoy = Arc::clone(&self.state().decoy);
        // One call for both: the same computation takes another time where another function calls it.
        let (is_right, hashes) = known.unwrap_or(&decoy).matches(attempt);
        if is_right && known.is_some() {
            return (true, hashes);
        }
        // A foreign hash is compared with each spelling.
        let times = attempt.spellings().count();
        let is_of_its_kind = known.is_none_or(|it| it.kind() == decoy.kind());
        let one = self.draw(draw);
        let whole = one.map(|it| it.saturating_mul(u32::try_from(times).unwrap_or(1)));
        let took = started.elapsed();
        // A library may refuse a password before it has computed anything.
        let is_whole = whole.is_none_or(|it| took >= it / 2);
        if is_of_its_kind && hashes == times && is_whole {
            self.note(&decoy, took, times);
            return (false, hashes);
        }
        if let Some(whole) = whole {
            wait_until(started + whole);
            return (false, hashes);
        }
        // Nobody knows yet.
        let started = Instant::now();
        let (_, more) = decoy.matches(&Password::attempt(""));
        self.note(&decoy, started.elapsed(), more);
        (false, hashes + more)
    }

    fn note(&self, decoy: &Arc<Stored>, took: Duration, times: usize) {
        let mut state = self.state();
        // It may have been replaced meanwhile.
        if Arc::ptr_eq(&state.decoy, decoy) {
            if state.recent.len() == REMEMBERED {
                state.recent.pop_front();
            }
            let times = u32::try_from(times).unwrap_or(1).max(1);
            state.recent.push_back(took / times);
        }
    }

    fn draw(&self, draw: u32) -> Option<Duration> {
        let state = self.state();
        let place = (draw as usize).checked_rem(state.recent.len())?;
        state.recent.get(place).copied()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sleep ends late by about a fifth of a millisecond, which tells after many rounds: the end is
/// waited for awake.
fn wait_until(end: Instant) {
    const LATE: Duration = Duration::from_micros(500);
    let left = end.saturating_duration_since(Instant::now());
    std::thread::sleep(left.saturating_sub(LATE));
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}
