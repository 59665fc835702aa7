//! Attempts that are given back, until it is known that the database has done it: a right password would count as a
//! guess.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;
use crate::store::Store;
use crate::store::attempts::{Attempt, Counter};
use crate::store::pending::Pending;

#[derive(Default)]
pub(super) struct Returns(Mutex<Owed>);

#[derive(Default)]
struct Owed {
    returns: Vec<Return>,
    abandoned: Vec<(Pending<Attempt>, Login)>,
}

struct Return {
    counters: Vec<Counter>,
    /// When it was counted.
    at: Timestamp,
    done: Pending<()>,
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
        self.owed().give_back(store, counters, at);
    }

    /// An attempt that is being counted, and that nobody will evaluate.
    pub(super) fn abandon(&self, reserved: Pending<Attempt>, login: Login) {
        self.owed().abandoned.push((reserved, login));
    }

    /// Gives those back again with which the database surely did nothing; where that is in doubt, a guess that counted
    /// is not to be free.
    pub(super) fn settle(&self, store: &Store) {
        let mut owed = self.owed();
        for (reserved, login) in std::mem::take(&mut owed.abandoned) {
            match reserved.now() {
                Ok(Ok(attempt)) => owed.give_back(store, login.counted_by(attempt), login.at),
                // It was not counted, or may not have been.
                Ok(Err(_)) => {}
                Err(under_way) => owed.abandoned.push((under_way, login)),
            }
        }
        for Return { counters, at, done } in std::mem::take(&mut owed.returns) {
            match done.now() {
                Ok(Ok(())) => {}
                Ok(Err(failure)) if failure.is_transient() && !failure.is_in_doubt() => {
                    owed.give_back(store, counters, at);
                }
                Ok(Err(failure)) => failure.log(),
                Err(done) => owed.returns.push(Return { counters, at, done }),
            }
        }
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owed {
    fn give_back(&mut self, store: &Store, counters: Vec<Counter>, at: Timestamp) {
        if !counters.is_empty() {
            let done = store.return_attempt(counters.clone(), at);
            self.returns.push(Return { counters, at, done });
        }
    }
}
