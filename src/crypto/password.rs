//! Password hashes. The only file that names scrypt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use scrypt::password_hash::phc::PasswordHash;
use scrypt::password_hash::{CustomizedPasswordHasher, PasswordVerifier};
use scrypt::{Params, Scrypt};

use super::cost::Cost;
use super::foreign::Foreign;
use super::hash_pool::{Busy, Pool};
use super::random::Random;
use crate::domain::Password;
use crate::failure::Failure;

impl Cost {
    /// How long a hash of this cost takes one thread of this machine: the better of two, because a
    /// server has its memory at hand after the first one.
    ///
    /// # Errors
    /// If the cost is out of bounds.
    pub fn measure(self) -> Result<Duration, Failure> {
        let refused = |why: String| Failure::new("measuring a hash", why);
        let params = self.params();
        let params = params.ok_or_else(|| refused(format!("{self} is out of bounds")))?;
        let time = || {
            let started = Instant::now();
            scrypt::scrypt(b"password", &[0; 16], &params, &mut [0; 32])
                .map_err(|err| refused(err.to_string()))?;
            Ok(started.elapsed())
        };
        Ok(time()?.min(time()?))
    }

    fn params(self) -> Option<Params> {
        let params = Params::new(self.ln, self.r, self.p).ok();
        params.filter(|_| self.is_bounded())
    }

    fn of(hash: &PasswordHash) -> Option<Self> {
        let params = Params::try_from(hash).ok()?;
        Some(Self {
            ln: params.log_n(),
            r: params.r(),
            p: params.p(),
        })
    }
}

/// The verdict on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password, or there is none.
    Wrong,
    /// It is the password.
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
    /// Something broke.
    Failed(Failure),
}

impl From<Busy> for HashError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

/// Makes and checks password hashes on threads of its own.
pub struct Hasher {
    pool: Pool,
    cost: Cost,
    random: Random,
    decoy: Arc<PasswordHash>,
}

impl Hasher {
    /// Hashes at `cost`, at most `threads` at once while at most `queue` wait.
    ///
    /// # Errors
    /// If the cost is out of bounds or no randomness is to be had.
    pub fn new(cost: Cost, threads: usize, queue: usize, random: Random) -> Result<Self, Failure> {
        // Nobody's password: a random output that costs as much to compare as a real one.
        let decoy = format!(
            "$scrypt${cost}${}${}",
            base64(random.bytes::<16>()?),
            base64(random.bytes::<32>()?)
        );
        let decoy =
            PasswordHash::new(&decoy).map_err(Failure::when("preparing the password hasher"))?;
        if cost.params().is_none() {
            return Err(Failure::new(
                "preparing the password hasher",
                format!("{cost} is out of bounds"),
            ));
        }
        Ok(Self {
            pool: Pool::new(threads.max(1), queue),
            cost,
            random,
            decoy: Arc::new(decoy),
        })
    }

    /// Whether a login can check this stored hash: its kind is known and it does not cost too much.
    #[must_use]
    pub fn is_usable(stored: &str) -> bool {
        Known::parse(stored).is_some()
    }

    /// A new hash of `password`, as a PHC string with a salt of 128 bits.
    ///
    /// # Errors
    /// [`HashError::Busy`] if the queue is full.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let salt = self.random.bytes::<16>().map_err(HashError::Failed)?;
        let params = self.cost.params();
        let work = self.pool.submit(move || {
            let params = params.ok_or("its cost is out of bounds")?;
            Scrypt::new()
                .hash_password_customized(password.as_bytes(), &salt, None, None, params)
                .map(|hash| hash.to_string())
                .map_err(|err| err.to_string())
        })?;
        let hash = work
            .await
            .map_err(|err| HashError::Failed(Failure::new("hashing a password", err)))?;
        hash.map_err(|err: String| HashError::Failed(Failure::new("hashing a password", err)))
    }

    /// Whether `password` is the one behind any of `stored`. One thread works through them all,
    /// so that a long history takes one place in the queue; unusable hashes match nothing.
    ///
    /// # Errors
    /// [`HashError::Busy`] if the queue is full.
    pub async fn matches_any(
        &self,
        password: Password,
        stored: Vec<String>,
    ) -> Result<bool, HashError> {
        let work = self.pool.submit(move || {
            stored
                .iter()
                .filter_map(|stored| Known::parse(stored))
                .any(|known| known.matches(password.as_bytes()))
        })?;
        work.await
            .map_err(|err| HashError::Failed(Failure::new("checking earlier passwords", err)))
    }

    /// Checks an attempt against a stored hash. Without one, or with one that is not to be computed,
    /// the same work is done over a decoy and the answer is no. One of Django's takes its own time
    /// until the first good login replaces it.
    ///
    /// # Errors
    /// [`HashError::Busy`] if the queue is full.
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
        let known = known.unwrap_or_else(|| Known::Own(Arc::clone(&self.decoy), self.cost));
        let work = self
            .pool
            .submit(move || known.matches(attempt.as_bytes()))?;
        let matches = work
            .await
            .map_err(|err| HashError::Failed(Failure::new("checking a password", err)))?;
        Ok(if matches { verdict } else { Verdict::Wrong })
    }
}

/// A stored hash that may be computed.
enum Known {
    Own(Arc<PasswordHash>, Cost),
    Foreign(Foreign),
}

impl Known {
    fn parse(stored: &str) -> Option<Self> {
        if !stored.starts_with('$') {
            return Foreign::parse(stored).map(Self::Foreign);
        }
        let hash = PasswordHash::new(stored).ok()?;
        let cost = Cost::of(&hash).filter(|cost| cost.params().is_some())?;
        Some(Self::Own(Arc::new(hash), cost))
    }

    fn cost(&self) -> Option<Cost> {
        match self {
            Self::Own(_, cost) => Some(*cost),
            Self::Foreign(_) => None,
        }
    }

    fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Own(hash, _) => Scrypt::new().verify_password(password, &**hash).is_ok(),
            Self::Foreign(hash) => hash.matches(password),
        }
    }
}

/// The 64 bytes that Django's scrypt makes of a password; none if that costs more than ours may.
pub(crate) fn django_scrypt(cost: Cost, password: &[u8], salt: &[u8]) -> Option<[u8; 64]> {
    let mut hash = [0; 64];
    scrypt::scrypt(password, salt, &cost.params()?, &mut hash).ok()?;
    Some(hash)
}

fn base64<const N: usize>(bytes: [u8; N]) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}
