//! Watching the wall clock: it may be set back, or leap ahead.

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use super::Operator;
use crate::clock::EARLIEST;
use crate::domain::{Actor, Timestamp};
use crate::failure::Failure;
use crate::store::clock::MOST_WAIT;
use crate::store::doubt::LEAP;

pub use crate::store::doubt::DOUBT;

/// Seconds are cut off, and a clock is adjusted by parts of one all the time.
const SLACK: i64 = 1;

/// Servers that go by one clock tell it as differently as this.
const SLACK_BETWEEN_SERVERS: i64 = 5;

/// The clocks of machines differ by so much, to either side, before somebody is told.
pub const SLACK_BETWEEN_MACHINES: i64 = 30;

/// What the clock said when somebody last looked at it.
#[derive(Debug, Default)]
pub struct ClockWatch {
    last: Option<Timestamp>,
    /// Whether it is known if the clock is doubted since before.
    is_past_known: bool,
    wrong: Option<Discriminant<ClockStep>>,
    is_news: bool,
    /// What the clock said after a leap that is still to be noted.
    leapt_to: Option<Timestamp>,
}

impl ClockWatch {
    /// Whether the last look found a clock that is doubted, and the one before did not, or for another
    /// reason.
    #[must_use]
    pub fn is_news(&self) -> bool {
        self.is_news
    }

    /// What the clock said then, if there was a look that did not fail.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

/// What the clock has done since, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockStep {
    None,
    /// It was set back by so much, and what is stored has followed it.
    Back(i64),
    /// It says a time that never was for this program. Nothing follows it.
    Wrong,
    /// That of the database does. Each server goes by the time that it knew, or by that of its machine.
    DatabaseWrong,
    /// That of this machine is so many seconds before that of the database, which is followed.
    BehindDatabase(i64),
    /// That of this machine is so many seconds ahead of it.
    AheadOfDatabase(i64),
    /// It went ahead by so much; or nobody looked, or nothing was written, for as long.
    Ahead(i64),
    /// It did before this server was started, and is doubted until then.
    AheadBefore(Timestamp),
}

impl Operator {
    /// Looks at the clock, and has what is stored follow it if it was set back. At the first time it is
    /// compared with the last thing that was written down.
    pub async fn watch_clock(&self, watch: &mut ClockWatch) -> Result<ClockStep, Failure> {
        let Some(step) = self.step_of_clock(watch).await? else {
            return Ok(ClockStep::None);
        };
        let is_wrong = matches!(
            step,
            ClockStep::Wrong
                | ClockStep::DatabaseWrong
                | ClockStep::BehindDatabase(_)
                | ClockStep::AheadOfDatabase(_)
        );
        let wrong = is_wrong.then(|| discriminant(&step));
        watch.is_news = is_wrong && watch.wrong != wrong;
        watch.wrong = wrong;
        Ok(step)
    }

    /// Notes a leap that a look has found, for whoever starts after this one. If it fails the next time does it: a
    /// disk may be full.
    pub async fn note_leap(&self, watch: &mut ClockWatch) -> Result<(), Failure> {
        if let Some(to) = watch.leapt_to {
            self.parts.store.note_leap(to).await?;
            watch.leapt_to = None;
        }
        Ok(())
    }

    /// None, if nobody knows.
    async fn step_of_clock(&self, watch: &mut ClockWatch) -> Result<Option<ClockStep>, Failure> {
        // Whoever needs a database that says nothing complains of it. Until it does, nobody knows what time
        // it is.
        let Ok(theirs) = self.parts.store.clock().await else {
            return Ok(None);
        };
        let clock = &self.parts.clock;
        // A slow answer tells no small differences.
        if let Some(theirs) = &theirs
            && (theirs.took < MOST_WAIT || !clock.agrees_with(theirs))
        {
            clock.follow(theirs);
        }
        let now = self.now();
        if now < EARLIEST {
            return Ok(Some(ClockStep::Wrong));
        }
        let step = self.follow_clock(watch, now).await?;
        if step == ClockStep::None && theirs.is_some_and(|it| !it.is_possible()) {
            return Ok(Some(ClockStep::DatabaseWrong));
        }
        let apart = theirs.map_or(0, |it| it.ahead);
        // Whoever was told is not told again each time that they differ by a little more.
        let most = match watch.wrong {
            Some(_) => SLACK_BETWEEN_MACHINES / 2,
            None => SLACK_BETWEEN_MACHINES,
        };
        Ok(Some(match step {
            ClockStep::None if apart > most => ClockStep::BehindDatabase(apart),
            ClockStep::None if apart < -most => ClockStep::AheadOfDatabase(-apart),
            step => step,
        }))
    }

    async fn follow_clock(
        &self,
        watch: &mut ClockWatch,
        now: Timestamp,
    ) -> Result<ClockStep, Failure> {
        let (last, slack) = match watch.last {
            Some(last) => (last, SLACK),
            None if self.parts.store.is_shared() => {
                (self.last_change(now).await?, SLACK_BETWEEN_SERVERS)
            }
            None => (self.last_change(now).await?, SLACK),
        };
        let step = match now.seconds_since(last) {
            it if it < -slack => ClockStep::Back(-it),
            it if it > LEAP => ClockStep::Ahead(it),
            _ => ClockStep::None,
        };
        let step = match step {
            ClockStep::None if !watch.is_past_known => {
                let until = self.parts.store.doubted_until(now).await?;
                watch.is_past_known = true;
                until.map_or(step, ClockStep::AheadBefore)
            }
            ClockStep::Ahead(_) => {
                watch.leapt_to = Some(now);
                watch.is_past_known = true;
                step
            }
            ClockStep::Back(seconds) => {
                self.go_back(seconds, last, now).await?;
                watch.leapt_to = None;
                step
            }
            step => step,
        };
        watch.last = Some(now);
        Ok(step)
    }

    /// Has what is stored follow the clock, which said `last` before.
    async fn go_back(&self, seconds: i64, last: Timestamp, now: Timestamp) -> Result<(), Failure> {
        let stamp = Actor::server().at(now);
        let (store, signer) = (&self.parts.store, &self.parts.signer);
        // Other servers may have issued tokens until then.
        signer.note_latest(last);
        let longest = store.is_shared().then(|| self.longest_waits());
        let latest = store.follow_clock(seconds, longest, signer.latest(), stamp);
        signer.note_latest(latest.await?);
        Ok(())
    }

    async fn last_change(&self, now: Timestamp) -> Result<Timestamp, Failure> {
        Ok(self.parts.store.last_change().await?.unwrap_or(now))
    }

    /// Notes at the end until when tokens were issued, of which nothing else is written down: if the
    /// clock is set back before the next start, they are good all the same.
    pub async fn note_latest_time(&self) -> Result<(), Failure> {
        let latest = self.parts.signer.latest();
        self.parts.store.note_latest_time(latest).await
    }

    /// Notes the same ahead, for twice as long as until the next time, in case the power fails and the
    /// machine comes back with an earlier time.
    pub async fn note_served_until(&self, again_after: Duration) -> Result<(), Failure> {
        let until = self.now().plus(again_after * 2);
        self.parts.store.note_served_until(until).await
    }
}
