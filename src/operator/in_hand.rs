//! Which mails this process has in hand, and of which the database has still to be told what became.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;
use crate::store::mails::{Delivery, Leased};

/// What all senders of a process know together.
#[derive(Clone, Default)]
pub(super) struct Senders(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Until when, by the numbers of the mails.
    in_hand: HashMap<i64, Timestamp>,
    unmarked: Vec<Done>,
}

/// A mail of which the database has still to be told what became.
pub(super) struct Done {
    pub(super) mail: InHand,
    pub(super) delivery: Delivery,
}

/// That a mail is in hand, until this is dropped.
pub(super) struct InHand {
    senders: Senders,
    pub(super) id: i64,
}

impl Senders {
    /// None if another sender of this process has it, which now has it for longer: its time was over too soon,
    /// because the clock went ahead.
    pub(super) fn take(&self, leased: &Leased) -> Option<InHand> {
        let id = leased.mail.id;
        let before = self.state().in_hand.insert(id, leased.until);
        // Not even made otherwise: what is dropped is in hand no longer.
        before.is_none().then(|| InHand {
            senders: self.clone(),
            id,
        })
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

impl InHand {
    pub(super) fn until(&self) -> Timestamp {
        let until = self.senders.state().in_hand.get(&self.id).copied();
        // It is there as long as this is.
        until.unwrap_or(Timestamp(0))
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.senders.state().in_hand.remove(&self.id);
    }
}
