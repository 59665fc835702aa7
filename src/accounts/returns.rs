//! Attempts that are given back, until it is known that the database has done it: a right password would count as a
//! guess.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;
use crate::store::Store;
use crate::store::attempts::{Attempt, Counter};
use crate::store::pending::Pending;

/// How many are given back again at a time: each may wait for a lock.
pub(super) const MOST_AT_ONCE: usize = 64;

#[derive(Default)]
pub(super) struct Returns(Mutex<Owed>);

#[derive(Default)]
struct Owed {
    /// What is to be given back, or was in vain.
    due: Vec<Return>,
    under_way: Vec<(Return, Pending<()>)>,
}

struct Return {
    counters: Vec<Counter>,
    /// When it was counted.
    at: Timestamp,
}

/// What an attempt is counted under, and when.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) name: Counter,
    pub(super) account: Option<Counter>,
    pub(super) at: Timestamp,
}

impl Login {
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

impl Returns {
    /// It is done though nobody waits, and before what comes after.
    pub(super) fn give_back(&self, store: &Store, counters: Vec<Counter>, at: Timestamp) {
        self.owed().give_back(store, Return { counters, at });
    }

    /// An attempt was counted that nobody will evaluate.
    pub(super) fn note(&self, attempt: Attempt, login: &Login) {
        let counters = login.counted_by(attempt);
        if !counters.is_empty() {
            let at = login.at;
            self.owed().due.push(Return { counters, at });
        }
    }

    /// Gives back what is due, so many at most, and what the database surely did nothing with; where that is in doubt, a
    /// guess that counted is not to be free.
    pub(super) fn settle(&self, store: &Store, most: usize) {
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
        let next: Vec<Return> = owed.due.drain(..count).collect();
        for given in next {
            owed.give_back(store, given);
        }
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owed {
    fn give_back(&mut self, store: &Store, given: Return) {
        let done = store.return_attempt(given.counters.clone(), given.at);
        self.under_way.push((given, done));
    }
}
