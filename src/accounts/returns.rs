//! Attempts that are given back, until it is known that the database has done it: a right password would count as a
//! guess.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;
use crate::store::Store;
use crate::store::attempts::Counter;
use crate::store::pending::Pending;

#[derive(Default)]
pub(super) struct Returns(Mutex<Vec<Return>>);

struct Return {
    counters: Vec<Counter>,
    /// When it was counted.
    at: Timestamp,
    done: Pending<()>,
}

impl Returns {
    /// It is done though nobody waits, and before what comes after.
    pub(super) fn give_back(&self, store: &Store, counters: Vec<Counter>, at: Timestamp) {
        let done = store.return_attempt(counters.clone(), at);
        self.all().push(Return { counters, at, done });
    }

    /// Gives those back again with which the database surely did nothing; where that is in doubt, a guess that counted
    /// is not to be free.
    pub(super) fn settle(&self, store: &Store) {
        self.all().retain_mut(|it| {
            let done = std::mem::replace(&mut it.done, Pending::ready(Ok(())));
            it.done = match done.now() {
                Ok(Ok(())) => return false,
                Ok(Err(failure)) if failure.is_transient() && !failure.is_in_doubt() => {
                    store.return_attempt(it.counters.clone(), it.at)
                }
                Ok(Err(failure)) => {
                    failure.log();
                    return false;
                }
                Err(under_way) => under_way,
            };
            true
        });
    }

    fn all(&self) -> MutexGuard<'_, Vec<Return>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
