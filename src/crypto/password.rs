//! Password hashes are made and checked on threads of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::choice::{Choice, Choosing};
use super::cost::Cost;
use super::hash_pool::{Busy, Pool};
use super::random::Random;
use super::scrypt::{self, OwnHash};
use super::stored::Stored;
use crate::domain::Password;
use crate::failure::Failure;

/// A thread that has had nothing to do for so long ends, and gives its memory back.
const IDLE: Duration = Duration::from_secs(10);

/// No request costs more hashes than this.
pub const MOST_HASHES: usize = 3;

/// The verdict on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password, or there is none.
    Wrong,
    Right {
        /// Whether the stored hash has another cost than hashes made today.
        outdated: bool,
        /// So many hashes it took.
        hashes: usize,
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
    /// How many hashes were computed.
    computed: Arc<AtomicU64>,
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
            computed: Arc::default(),
        })
    }

    /// Ends threads that have had nothing to do for so long.
    pub fn with_idle_threads_for(mut self, idle: Duration) -> Self {
        self.pool.idle = idle;
        self
    }

    /// How many threads there are now.
    pub fn threads(&self) -> usize {
        self.pool.started()
    }

    /// How many hashes were computed.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Whether a login can check this stored hash: its kind is known and it does not cost too much.
    pub fn is_usable(stored: &str) -> bool {
        Stored::parse(stored).is_some()
    }

    /// A new hash of `password`, with a salt of 128 bits.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let salt = self.random.bytes::<16>()?;
        let cost = self.cost;
        let work = move || {
            let made = OwnHash::make(cost, password.as_bytes(), &salt);
            (made.map(|it| it.to_string()), 1)
        };
        Ok(self.compute("hashing a password", work).await??)
    }

    /// A new hash of `password`, unless it is one of `used`: the current one first, then the latest.
    /// At most `budget` hashes are computed; what does not fit is not compared. One thread makes
    /// them all, so that a long history takes one place in the queue.
    pub async fn choose(
        &self,
        password: Password,
        used: Vec<String>,
        budget: usize,
    ) -> Result<Choice, HashError> {
        let salt = self.random.bytes::<16>()?;
        let cost = self.cost;
        let work = move || {
            let mut choosing = Choosing::new(&password, budget);
            let choice = choosing.run(cost, &salt, &used);
            (choice, budget.saturating_sub(choosing.left()))
        };
        Ok(self.compute("hashing a password", work).await??)
    }

    /// Checks an attempt against a stored hash. Without one, or with one that is not to be computed,
    /// the same work is done over a decoy and the answer is no.
    pub async fn verify(
        &self,
        attempt: Password,
        stored: Option<&str>,
    ) -> Result<Verdict, HashError> {
        let known = stored.and_then(Stored::parse);
        if known.is_none() && stored.is_some() {
            tracing::warn!(
                event = "password_hash_unusable",
                "a stored password hash is malformed or costs too much"
            );
        }
        let (decoy, own_cost) = (self.decoy.clone(), self.cost);
        let work = move || {
            let hash = known.as_ref();
            let (is_right, hashes) = hash.map_or_else(
                || (decoy.matches(attempt.as_bytes()), 1),
                |it| it.matches(&attempt),
            );
            let verdict = match hash {
                Some(hash) if is_right => Verdict::Right {
                    outdated: hash.cost() != Some(own_cost),
                    hashes,
                },
                _ => Verdict::Wrong,
            };
            (verdict, hashes)
        };
        self.compute("checking a password", work).await
    }

    /// Has work done that also says how many hashes it took.
    async fn compute<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> (T, usize) + Send + 'static,
    ) -> Result<T, HashError> {
        let computed = Arc::clone(&self.computed);
        let counted = move || {
            let (done, hashes) = work();
            computed.fetch_add(hashes as u64, Ordering::Relaxed);
            done
        };
        self.run(doing, counted).await
    }

    /// Waits in the queue until a thread has done the work. If that panics it has failed, and the
    /// thread goes on.
    pub async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let done = self.pool.submit(doing, work)?.await;
        Ok(done.map_err(Failure::when(doing))??)
    }
}
