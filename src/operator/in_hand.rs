//! Which mails this process has in hand.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::mails::{Delivery, Leased};

/// What all senders of a process know together.
#[derive(Clone, Default)]
pub(super) struct Senders(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The numbers of the mails.
    in_hand: HashSet<i64>,
    unmarked: Vec<Done>,
}

/// A mail of which the database has still to be told what became.
pub(super) struct Done {
    pub(super) leased: Leased,
    pub(super) delivery: Delivery,
    pub(super) _in_hand: InHand,
}

/// That a mail is in hand, until this is dropped.
pub(super) struct InHand(Senders, i64);

impl Senders {
    /// None if another sender has it.
    pub(super) fn take(&self, id: i64) -> Option<InHand> {
        let is_new = self.state().in_hand.insert(id);
        is_new.then(|| InHand(self.clone(), id))
    }

    /// For whoever comes next: the database takes nothing at the moment.
    pub(super) fn keep(&self, done: Done) {
        self.state().unmarked.push(done);
    }

    pub(super) fn next_unmarked(&self) -> Option<Done> {
        self.state().unmarked.pop()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.state().in_hand.remove(&self.1);
    }
}
