//! Attempts that are given back, until it is known that the database has done it: a right password would count as a
//! guess.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;
use crate::failure::Failure;
use crate::store::Store;
use crate::store::attempts::Counter;
use crate::store::pending::Pending;

#[derive(Default)]
pub(super) struct Returns(Mutex<VecDeque<Return>>);

struct Return {
    counters: Vec<Counter>,
    /// When it was counted.
    at: Timestamp,
    /// None once it has failed.
    done: Option<Pending<()>>,
}

impl Returns {
    /// It is done though nobody waits, and before what comes after.
    pub(super) fn give_back(&self, store: &Store, counters: Vec<Counter>, at: Timestamp) {
        let done = Some(store.return_attempt(counters.clone(), at));
        self.all().push_back(Return { counters, at, done });
    }

    /// Gives those back again with which the database did nothing. What is under way is not waited for.
    pub(super) async fn settle(&self, store: &Store) -> Result<(), Failure> {
        let count = self.all().len();
        for _ in 0..count {
            let next = self.all().pop_front();
            let Some(mut given) = next else {
                break;
            };
            match given.done.take().map(Pending::now) {
                Some(Ok(Ok(()))) => continue,
                Some(Err(under_way)) => {
                    given.done = Some(under_way);
                    self.all().push_back(given);
                    continue;
                }
                Some(Ok(Err(_))) | None => {}
            }
            let again = store.return_attempt(given.counters.clone(), given.at);
            if let Err(failure) = again.await {
                if failure.is_transient() {
                    self.all().push_back(given);
                }
                return Err(failure);
            }
        }
        Ok(())
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Return>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
