//! Who has to go when all places are taken: whoever has sent no whole head for longest. A flood of silent
//! connections from many addresses would keep everybody out otherwise.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::turn::Turn;

/// So much time everybody has to send something.
const GRACE: Duration = Duration::from_millis(100);

/// What is known of a connection beside it.
pub(super) struct Seat {
    pub(super) turn: Arc<Turn>,
    since: Instant,
    leave: Notify,
}

impl Seat {
    /// Waits until somebody else needs the place.
    pub(super) async fn is_given_up(&self) {
        self.leave.notified().await;
    }

    fn is_quiet(&self) -> bool {
        self.turn.is_waiting() && self.since.elapsed() >= GRACE
    }
}

/// All seats that are taken, in the order in which they were.
#[derive(Default)]
pub(super) struct Seats(Mutex<VecDeque<Weak<Seat>>>);

impl Seats {
    pub(super) fn take(&self) -> Arc<Seat> {
        let seat = Arc::new(Seat {
            turn: Arc::default(),
            since: Instant::now(),
            leave: Notify::new(),
        });
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those who came first have often gone first.
        while taken.front().is_some_and(|it| it.strong_count() == 0) {
            taken.pop_front();
        }
        if taken.len() == taken.capacity() {
            taken.retain(|it| it.strong_count() > 0);
        }
        taken.push_back(Arc::downgrade(&seat));
        seat
    }

    /// Of those who wait for a request, the first who has never sent one has to go, or else the first.
    pub(super) fn free_one(&self) {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seat = |it: &Weak<Seat>| it.upgrade().filter(|it| it.is_quiet());
        let silent = |it: &Weak<Seat>| seat(it).is_some_and(|it| !it.turn.has_begun());
        let place = taken.iter().position(silent);
        let place = place.or_else(|| taken.iter().position(|it| seat(it).is_some()));
        // It is not found again while it goes.
        let leaving = place
            .and_then(|it| taken.remove(it))
            .and_then(|it| it.upgrade());
        if let Some(seat) = leaving {
            seat.leave.notify_one();
        }
    }
}
