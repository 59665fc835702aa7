//! Password hashes are made and checked on threads of their own.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::cost::Cost;
use super::foreign::Foreign;
use super::hash_pool::{Busy, Pool};
use super::random::Random;
use super::scrypt::{self, OwnHash};
use crate::domain::Password;
use crate::failure::Failure;

/// A thread that has had nothing to do for this time ends, and gives its memory back.
const IDLE: Duration = Duration::from_secs(10);

/// The verdict on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password, or there is none.
    Wrong,
    Right {
        /// Whether the stored hash has another cost than hashes made today.
        outdated: bool,
    },
}

/// Why a hash could not be computed.
#[derive(Debug)]
pub enum HashError {
    /// Too many wait already.
    Busy,
    Failed(Failure),
}

impl From<Busy> for HashError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<Failure> for HashError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Makes and checks password hashes.
pub struct Hasher {
    pool: Pool,
    cost: Cost,
    random: Random,
    decoy: OwnHash,
}

impl Hasher {
    /// Hashes at `cost`, at most `threads` at once while at most `queue` wait.
    pub fn new(cost: Cost, threads: usize, queue: usize, random: Random) -> Result<Self, Failure> {
        // Nobody's password: a random output that costs as much to compare as a real one.
        let decoy = format!(
            "$scrypt${cost}${}${}",
            STANDARD_NO_PAD.encode(random.bytes::<16>()?),
            STANDARD_NO_PAD.encode(random.bytes::<32>()?)
        );
        let decoy = OwnHash::parse(&decoy).ok_or_else(|| {
            Failure::new("preparing the password hasher", scrypt::out_of_bounds(cost))
        })?;
        Ok(Self {
            pool: Pool::new(threads.max(1), queue, IDLE),
            cost,
            random,
            decoy,
        })
    }

    /// Ends threads that have had nothing to do for `idle`.
    pub fn with_idle_threads_for(mut self, idle: Duration) -> Self {
        self.pool.idle = idle;
        self
    }

    /// How many threads there are now.
    pub fn threads(&self) -> usize {
        self.pool.started()
    }

    /// Whether a login can check this stored hash: its kind is known and it does not cost too much.
    pub fn is_usable(stored: &str) -> bool {
        Known::parse(stored).is_some()
    }

    /// A new hash of `password`, with a salt of 128 bits.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let salt = self.random.bytes::<16>()?;
        let cost = self.cost;
        let work = move || scrypt::hash(cost, password.as_bytes(), &salt);
        Ok(self.run("hashing a password", work).await??)
    }

    /// Whether `password` is the one behind any of `stored`. One thread works through them all,
    /// so that a long history takes one place in the queue; unusable hashes match nothing.
    pub async fn matches_any(
        &self,
        password: Password,
        stored: Vec<String>,
    ) -> Result<bool, HashError> {
        let work = move || {
            let mut known = stored.iter().filter_map(|stored| Known::parse(stored));
            known.any(|known| known.matches(password.as_bytes()))
        };
        self.run("checking earlier passwords", work).await
    }

    /// Checks an attempt against a stored hash. Without one, or with one that is not to be computed,
    /// the same work is done over a decoy and the answer is no. One of Django's takes its own time
    /// until the first good login replaces it.
    pub async fn verify(
        &self,
        attempt: Password,
        stored: Option<&str>,
    ) -> Result<Verdict, HashError> {
        let known = stored.and_then(Known::parse);
        if known.is_none() && stored.is_some() {
            tracing::warn!(
                event = "password_hash_unusable",
                "a stored password hash is malformed or costs too much"
            );
        }
        let verdict = match &known {
            Some(known) => Verdict::Right {
                outdated: known.cost() != Some(self.cost),
            },
            None => Verdict::Wrong,
        };
        let known = known.unwrap_or_else(|| Known::Own(self.decoy.clone()));
        let work = move || known.matches(attempt.as_bytes());
        let matches = self.run("checking a password", work).await?;
        Ok(if matches { verdict } else { Verdict::Wrong })
    }

    /// Waits in the queue until a thread has done the work.
    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let done = self.pool.submit(work)?.await;
        Ok(done.map_err(Failure::when(doing))?)
    }
}

/// A stored hash that may be computed.
enum Known {
    Own(OwnHash),
    Foreign(Foreign),
}

impl Known {
    fn parse(stored: &str) -> Option<Self> {
        if stored.starts_with('$') {
            OwnHash::parse(stored).map(Self::Own)
        } else {
            Foreign::parse(stored).map(Self::Foreign)
        }
    }

    fn cost(&self) -> Option<Cost> {
        match self {
            Self::Own(hash) => Some(hash.cost),
            Self::Foreign(_) => None,
        }
    }

    fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Own(hash) => hash.matches(password),
            Self::Foreign(hash) => hash.matches(password),
        }
    }
}
