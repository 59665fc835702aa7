//! Counting attempts to guess a password, and the requests that cost as much as one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::refunds::{MOST_AT_ONCE, Reservation};
use super::{Accounts, Trouble};
use crate::crypto::sha256;
use crate::domain::{Timestamp, User, spelling};
use crate::failure::Failure;
use crate::store::attempts::{Attempt, Counter, LONGEST_WAIT, counter_of};
use crate::store::pending::Pending;

/// An attempt that was counted as failed before anybody looked at it. When it is dropped without
/// having been evaluated (the queue was full, the client has gone, the database took nothing) it is given back.
pub(super) struct Counted<'a> {
    accounts: &'a Accounts,
    counters: Vec<Counter>,
    at: Timestamp,
    /// Otherwise it is wrong, whatever it is.
    pub(super) may_be_right: bool,
}

impl Counted<'_> {
    /// Somebody has looked at it: from now on it counts.
    pub(super) fn was_evaluated(mut self) {
        self.counters.clear();
    }

    /// It counts if it was refused; if not, that is still to be seen.
    pub(super) fn judged<T, E>(self, judgement: Result<T, E>) -> Result<(T, Self), E> {
        match judgement {
            Ok(chosen) => Ok((chosen, self)),
            Err(why) => {
                self.was_evaluated();
                Err(why)
            }
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let counters = std::mem::take(&mut self.counters);
        if !counters.is_empty() {
            let Accounts { parts, refunds } = self.accounts;
            refunds.refund(&parts.store, counters, self.at);
        }
    }
}

/// An attempt that is being counted. If nobody waits for that any more, nobody evaluates it.
struct Reserving<'a> {
    accounts: &'a Accounts,
    /// None once it is answered.
    reserved: Option<Pending<Attempt>>,
    reservation: Arc<Reservation>,
}

impl Future for Reserving<'_> {
    type Output = Result<Attempt, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(reserved) = &mut self.reserved else {
            return Poll::Pending;
        };
        let answer = ready!(Pin::new(reserved).poll(context));
        self.reserved = None;
        Poll::Ready(answer)
    }
}

impl Drop for Reserving<'_> {
    fn drop(&mut self) {
        let counted = self.reserved.take().and_then(Pending::last);
        if let Some(Ok(attempt)) = counted {
            self.accounts.refunds.owe(attempt, &self.reservation);
        }
    }
}

impl Accounts {
    /// See [`super::refunds`].
    pub(crate) fn retry_refunds(&self) {
        self.refunds.retry(&self.parts.store, MOST_AT_ONCE);
    }

    /// The same for all, when nobody is served any more.
    pub(crate) fn retry_last_refunds(&self) {
        self.refunds.retry(&self.parts.store, usize::MAX);
    }

    /// Counts an attempt under a name and, if somebody has that name, under their account.
    pub(super) async fn count_attempt(
        &self,
        name: Counter,
        account: Option<Counter>,
    ) -> Result<Counted<'_>, Trouble> {
        let at = self.now();
        let reservation = Arc::new(Reservation { name, account, at });
        let (name, account) = (reservation.name.clone(), reservation.account.clone());
        let (refunds, counted) = (Arc::clone(&self.refunds), Arc::clone(&reservation));
        let compensate = move |attempt| refunds.owe(attempt, &counted);
        let reserved = self
            .parts
            .store
            .reserve_login(name, account, at, compensate);
        let mut reserving = Reserving {
            accounts: self,
            reserved: Some(reserved),
            reservation,
        };
        let attempt = (&mut reserving).await?;
        if let Attempt::Wait(seconds) = attempt {
            return Err(too_many(seconds));
        }
        let may_be_right = attempt == Attempt::Allowed;
        if !may_be_right {
            tracing::warn!(event = "authn_login_lock");
        }
        Ok(Counted {
            accounts: self,
            counters: reserving.reservation.counted_by(attempt),
            at: reserving.reservation.at,
            may_be_right,
        })
    }

    /// An attempt without a limit.
    pub(super) fn uncounted(&self) -> Counted<'_> {
        Counted {
            accounts: self,
            counters: Vec::new(),
            at: self.now(),
            may_be_right: true,
        }
    }

    /// Counts that somebody chooses a password: a refusal costs hashes, and can be asked for again.
    /// Each link, and each user, has a counter of their own.
    pub(super) async fn count_choice(&self, by: &[u8]) -> Result<Counted<'_>, Trouble> {
        if !self.parts.rules.throttle {
            return Ok(self.uncounted());
        }
        let counted = self.count_attempt(choices_of(by), None).await?;
        if counted.may_be_right {
            Ok(counted)
        } else {
            Err(too_many(LONGEST_WAIT.unsigned_abs()))
        }
    }
}

fn too_many(seconds: u64) -> Trouble {
    tracing::warn!(event = "excess_rate_limit_exceeded", limit = "account");
    Trouble::TooMany(seconds)
}

/// The counter of a name, in the form that all its spellings share, whether or not anybody has it.
pub(super) fn counter_of_name(typed: &str) -> Counter {
    [b"name:".as_slice(), &sha256(spelling(typed).as_bytes())].concat()
}

fn choices_of(by: &[u8]) -> Counter {
    [b"choice:", by].concat()
}

/// All counters of an account: what its owner proves clears them.
pub(super) fn counters_of(user: &User) -> Vec<Counter> {
    vec![
        counter_of(user.id),
        counter_of_name(user.username.as_str()),
        counter_of_name(user.email.as_str()),
    ]
}

/// As [`counters_of`], and the choices of a password.
pub(super) fn counters_of_new_password(user: &User) -> Vec<Counter> {
    let mut counters = counters_of(user);
    counters.push(choices_of(&user.id.0.to_be_bytes()));
    counters
}
