//! Watching the clock, and telling whoever deletes how far it is to be trusted.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::trouble::Trouble;
use crate::domain::Timestamp;
use crate::operator::Operator;
use crate::operator::clock::{ClockStep, ClockWatch, DOUBT};

/// Pause between two looks at the clock, and after one that failed.
const CLOCK_PAUSE: Duration = Duration::from_secs(1);
const CLOCK_TROUBLE: Duration = Duration::from_secs(5);

/// What to do about a clock that differs from that of the database.
const DISAGREE: &str = "this server goes by the clock of the database; let both machines follow a time server: \
                        until an hour after that nothing is deleted here, and no scheduled backup is made";

/// By what time old things may go. Whoever deletes does not look at the clock, which may have leapt a moment
/// ago.
#[derive(Clone, Copy, Default)]
pub(super) struct Trust {
    /// None if the last look said nothing yet.
    time: Option<Timestamp>,
    doubted_until: Option<Instant>,
}

impl Trust {
    /// None, as long as nothing is to be deleted.
    pub(super) fn time(self) -> Option<Timestamp> {
        let is_doubted = self.doubted_until.is_some_and(|it| it > Instant::now());
        self.time.filter(|_| !is_doubted)
    }
}

/// A clock that is looked at, and how far others may trust it.
pub(super) struct Watched {
    clock: ClockWatch,
    trouble: Trouble,
    trusted: watch::Sender<Trust>,
}

impl Watched {
    pub(super) fn new() -> (Self, watch::Receiver<Trust>) {
        let (trusted, trust) = watch::channel(Trust::default());
        let watched = Self {
            clock: ClockWatch::default(),
            trouble: Trouble::default(),
            trusted,
        };
        (watched, trust)
    }

    /// Returns how long to wait before the next look.
    pub(super) async fn look(&mut self, operator: &Operator) -> Duration {
        match operator.watch_clock(&mut self.clock).await {
            Ok(step) => {
                let is_doubted = tell_of_clock(step, self.clock.is_news());
                let time = self.clock.last();
                self.trusted.send_modify(|trust| {
                    // What was right before is still to come.
                    let went_back = matches!(step, ClockStep::Back(_));
                    trust.time = time.filter(|_| !went_back);
                    if is_doubted {
                        trust.doubted_until = Some(Instant::now() + doubt_after(step, time));
                    }
                });
            }
            Err(failure) => {
                self.trouble.tell(&failure);
                return CLOCK_TROUBLE;
            }
        }
        match operator.note_leap(&mut self.clock).await {
            Ok(()) => self.trouble.clear(),
            Err(failure) => self.trouble.tell(&failure),
        }
        CLOCK_PAUSE
    }
}

/// For how long nothing is deleted after such a step, of which the clock says that it is `now`.
fn doubt_after(step: ClockStep, now: Option<Timestamp>) -> Duration {
    let seconds = match (step, now) {
        (ClockStep::AheadBefore(until), Some(now)) => until.seconds_since(now),
        _ => DOUBT,
    };
    Duration::from_secs(seconds.unsigned_abs())
}

/// Returns whether nothing is to be deleted for a while.
fn tell_of_clock(step: ClockStep, is_news: bool) -> bool {
    match step {
        ClockStep::None => false,
        ClockStep::Back(seconds) => {
            let note = "what waits or lasts has followed it";
            tracing::warn!(event = "sys_clock_set_back", seconds, note);
            false
        }
        ClockStep::Ahead(seconds) => {
            let note = "or nothing was written for so long; if the clock is wrong, put it right: \
                        for an hour nothing is deleted, and no scheduled backup is made";
            tracing::warn!(event = "sys_clock_ahead", seconds, note);
            true
        }
        ClockStep::AheadBefore(until) => {
            let note = "or for a day nothing was noted in the audit trail; if the clock is wrong, put it right: \
                        until then nothing is deleted, and no scheduled backup is made";
            tracing::warn!(event = "sys_clock_ahead", %until, note);
            true
        }
        _ if !is_news => true,
        ClockStep::Wrong => {
            let note = "it says a time before this program was written; put it right: nobody stays \
                        logged in whose login is of such a time, nothing is deleted, and no scheduled backup is made";
            tracing::error!(event = "sys_clock_wrong", note);
            true
        }
        ClockStep::DatabaseWrong => {
            let note = "that of the machine of the database says a time before this program was written; put it \
                        right: until then each server goes by a time of its own, nothing is deleted, and no \
                        scheduled backup is made";
            tracing::error!(event = "sys_clock_of_database_wrong", note);
            true
        }
        ClockStep::BehindDatabase(seconds) => {
            tracing::error!(
                event = "sys_clock_behind_database",
                seconds,
                note = DISAGREE
            );
            true
        }
        ClockStep::AheadOfDatabase(seconds) => {
            tracing::error!(
                event = "sys_clock_ahead_of_database",
                seconds,
                note = DISAGREE
            );
            true
        }
    }
}
