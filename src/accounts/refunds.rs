//! Attempts that were counted and are not evaluated, such as that of a right password whose session could not be
//! stored: they are taken off the counters again, until the database has confirmed it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;
use crate::store::Store;
use crate::store::attempts::{Attempt, Counter};
use crate::store::pending::Pending;

/// How many are given back again at a time: each may wait for a lock.
pub(super) const MOST_AT_ONCE: usize = 64;

#[derive(Default)]
pub(super) struct Refunds(Mutex<Owed>);

#[derive(Default)]
struct Owed {
    /// What is to be given back, or was in vain.
    due: Vec<Refund>,
    under_way: Vec<(Refund, Pending<()>)>,
}

struct Refund {
    counters: Vec<Counter>,
    /// When it was counted.
    at: Timestamp,
}

/// What an attempt is counted under, and when.
#[derive(Clone)]
pub(super) struct Reservation {
    pub(super) name: Counter,
    pub(super) account: Option<Counter>,
    pub(super) at: Timestamp,
}

impl Reservation {
    /// The counters that an attempt stands in.
    pub(super) fn counted_by(&self, attempt: Attempt) -> Vec<Counter> {
        let name = || [self.name.clone()].into_iter();
        match attempt {
            Attempt::Allowed => name().chain(self.account.clone()).collect(),
            Attempt::Unevaluated => name().collect(),
            Attempt::Disabled | Attempt::Wait(_) => Vec::new(),
        }
    }
}

impl Refunds {
    /// It is done though nobody waits, and before what comes after.
    pub(super) fn refund(&self, store: &Store, counters: Vec<Counter>, at: Timestamp) {
        self.owed().refund(store, Refund { counters, at });
    }

    /// An attempt was counted that nobody will evaluate.
    pub(super) fn owe(&self, attempt: Attempt, reservation: &Reservation) {
        let counters = reservation.counted_by(attempt);
        if !counters.is_empty() {
            let at = reservation.at;
            self.owed().due.push(Refund { counters, at });
        }
    }

    /// Gives back what is due, so many at most, and what the database surely did nothing with; where that is in doubt, a
    /// guess that counted is not to be free.
    pub(super) fn retry(&self, store: &Store, most: usize) {
        let mut owed = self.owed();
        for (given, done) in std::mem::take(&mut owed.under_way) {
            match done.now() {
                Ok(Ok(())) => {}
                Ok(Err(failure)) if failure.is_transient() && !failure.is_in_doubt() => {
                    owed.due.push(given);
                }
                Ok(Err(failure)) => failure.log(),
                Err(done) => owed.under_way.push((given, done)),
            }
        }
        let count = owed.due.len().min(most);
        let next: Vec<Refund> = owed.due.drain(..count).collect();
        for given in next {
            owed.refund(store, given);
        }
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owed {
    fn refund(&mut self, store: &Store, given: Refund) {
        let done = store.refund_attempt(given.counters.clone(), given.at);
        self.under_way.push((given, done));
    }
}
