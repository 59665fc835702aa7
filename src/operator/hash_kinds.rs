//! Which kinds of password hashes are stored: a refusal takes as long as the dearest of them.

use std::collections::BTreeMap;

use super::Operator;
use crate::crypto::{HashError, Hasher};
use crate::domain::{Timestamp, UserId};
use crate::failure::Failure;

/// How many accounts are looked at together.
const BATCH: usize = 500;
/// More kinds than any service ever had; a database that was made to have more gets no further.
const MOST_KINDS: usize = 100;
/// After how many seconds everybody is looked at again: a kind that nobody has any more is forgotten.
/// In between only new accounts are.
const ALL_AGAIN: i64 = 3600;

/// How far the look has come.
#[derive(Default)]
pub struct HashKinds {
    began_at: Option<Timestamp>,
    after: Option<UserId>,
    /// One hash of each kind.
    found: BTreeMap<String, String>,
    /// What the hasher knows.
    told: Option<Vec<String>>,
}

impl Operator {
    /// Looks at the hashes of some accounts, and at the end tells the hasher which kinds there are.
    /// Whether there are more to be looked at now.
    pub async fn look_at_hashes(&self, kinds: &mut HashKinds) -> Result<bool, Failure> {
        let now = self.now();
        let is_old = |began: Timestamp| !(0..ALL_AGAIN).contains(&now.seconds_since(began));
        if kinds.began_at.is_none_or(is_old) {
            let told = kinds.told.take();
            *kinds = HashKinds {
                began_at: Some(now),
                told,
                ..HashKinds::default()
            };
        }
        let after = kinds.after.unwrap_or(UserId(0));
        let seen = self.parts.store.password_hashes(after, BATCH).await?;
        let is_last = seen.len() < BATCH;
        for (user, hash) in seen {
            kinds.after = Some(user);
            if let Some(kind) = Hasher::kind_of(&hash)
                && kinds.found.len() < MOST_KINDS
            {
                kinds.found.entry(kind).or_insert(hash);
            }
        }
        if is_last {
            self.tell_hasher(kinds).await?;
        }
        Ok(!is_last)
    }

    async fn tell_hasher(&self, kinds: &mut HashKinds) -> Result<(), Failure> {
        let names: Vec<_> = kinds.found.keys().cloned().collect();
        if kinds.told.as_ref() == Some(&names) {
            return Ok(());
        }
        let hashes: Vec<_> = kinds.found.values().cloned().collect();
        match self.parts.hasher.learn(&hashes).await {
            Ok(()) => kinds.told = Some(names),
            // The next look tells it.
            Err(HashError::Busy) => {}
            Err(HashError::Failed(failure)) => return Err(failure),
        }
        Ok(())
    }
}
