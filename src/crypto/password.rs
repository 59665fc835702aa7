//! Password hashes are made and checked on threads of their own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::choice::{Choice, Choosing};
use super::cost::Cost;
use super::hash_pool::{HashError, Pool, time_at_work};
use super::pace::Pace;
use super::random::Random;
use super::scrypt::{self, OwnHash};
use super::stored::Stored;
use super::unusable;
use crate::domain::Password;
use crate::failure::Failure;

/// A thread that has had nothing to do for this time ends, and gives its memory back.
const IDLE: Duration = Duration::from_secs(10);

/// No request costs more hashes than this.
pub const MOST_HASHES: usize = 3;

/// How often a kind of hash is measured.
const MEASUREMENTS: usize = 3;

/// The verdict on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password, or there is none.
    Wrong,
    Right {
        /// Whether the stored hash has another cost than hashes made today.
        outdated: bool,
        /// How many hashes it took.
        hashes: usize,
    },
}

/// Makes and checks password hashes.
pub struct Hasher {
    pool: Pool,
    cost: Cost,
    random: Random,
    /// Nobody's hash at that cost.
    own: Arc<Stored>,
    pace: Arc<Pace>,
    /// How long a hash of each kind takes that was measured.
    measured: Mutex<BTreeMap<String, Duration>>,
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
        let own = OwnHash::parse(&decoy).ok_or_else(|| {
            Failure::new("preparing the password hasher", scrypt::out_of_bounds(cost))
        })?;
        let own = Arc::new(Stored::Own(own));
        Ok(Self {
            pool: Pool::new(threads.max(1), queue, IDLE),
            cost,
            random,
            pace: Arc::new(Pace::new(Arc::clone(&own))),
            own,
            measured: Mutex::default(),
            computed: Arc::default(),
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

    /// How many hashes were computed.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Whether a login can check this stored hash: its kind is known and it does not cost too much.
    pub fn is_usable(stored: &str) -> bool {
        Stored::parse(stored).is_some()
    }

    /// What people call the kind of a hash that is not usable.
    pub fn unusable_kind(stored: &str) -> String {
        unusable::kind(stored)
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

    /// The kind of a stored hash, equal for hashes that cost the same. None if it is not usable.
    pub fn kind_of(stored: &str) -> Option<String> {
        Stored::parse(stored).map(|it| it.kind())
    }

    /// Learns of which kinds the stored hashes are, from one of each: from now on every refusal takes
    /// as long as one of the dearest kind. Each is measured once, in turns with other work.
    pub async fn learn(&self, stored: &[String]) -> Result<(), HashError> {
        let mut kinds: Vec<_> = stored.iter().filter_map(|it| Stored::parse(it)).collect();
        kinds.retain(|it| it.cost().is_none_or(|cost| !cost.is_within(self.cost)));
        let mut dearest = (Duration::ZERO, Arc::clone(&self.own), Vec::new());
        // If no kind can be dearer than our own, nothing has to be measured.
        let own = (!kinds.is_empty()).then(|| Arc::clone(&self.own));
        for kind in own.into_iter().chain(kinds.into_iter().map(Arc::new)) {
            let known = self.measured().get(&kind.kind()).copied();
            let (best, took) = match known {
                Some(best) => (best, vec![best]),
                None => self.measure(&kind).await?,
            };
            if best > dearest.0 {
                dearest = (best, kind, took);
            }
        }
        let (best, kind, took) = dearest;
        if self.pace.set(Arc::clone(&kind), took) {
            let (kind, millis) = (kind.kind(), best.as_millis());
            tracing::info!(event = "password_hash_dearest", kind, millis);
        }
        Ok(())
    }

    /// The least work that a hash of this kind was, and how long each of them took.
    async fn measure(&self, kind: &Arc<Stored>) -> Result<(Duration, Vec<Duration>), HashError> {
        let (mut best, mut took) = (Duration::MAX, Vec::new());
        for _ in 0..MEASUREMENTS {
            let kind = Arc::clone(kind);
            let work = move || {
                let (started, at_work) = (Instant::now(), time_at_work());
                let (_, hashes) = kind.matches(&Password::attempt(""));
                let cost = time_at_work().saturating_sub(at_work);
                ((started.elapsed(), cost), hashes)
            };
            let (whole, cost) = self.compute("measuring a password hash", work).await?;
            took.push(whole);
            best = best.min(cost);
        }
        self.measured().insert(kind.kind(), best);
        Ok((best, took))
    }

    fn measured(&self) -> MutexGuard<'_, BTreeMap<String, Duration>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks an attempt against a stored hash. Without one, or with one that is not to be computed,
    /// the answer is no. Whatever is stored, that answer takes the same time.
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
        let (pace, own_cost) = (Arc::clone(&self.pace), self.cost);
        let draw = u32::from_be_bytes(self.random.bytes()?);
        let work = move || {
            let (is_right, hashes) = pace.check(known.as_ref(), &attempt, draw);
            let verdict = match &known {
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

    /// Has any other work done on a thread for hashes.
    pub async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        self.pool.run(doing, work).await
    }
}
