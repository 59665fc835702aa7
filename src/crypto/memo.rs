//! What has been worked out once, so that it need not be again.
//!
//! Only of what follows from the question and the keys alone: a signature that was right for these bytes
//! is right for the same bytes, as long as the keys are the same. What depends on anything else, on the
//! time or the session, is looked at each time. With other keys everything is forgotten, and when
//! there is too much of it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

/// About a kilobyte each.
const MOST: usize = 4096;

pub(super) struct Memo<Keys, Question, Answer>(RwLock<Known<Keys, Question, Answer>>);

struct Known<Keys, Question, Answer> {
    /// Which keys the answers are of: these very ones, and not some that are like them.
    keys: Arc<Keys>,
    answers: HashMap<Question, Answer>,
}

impl<Keys, Question: Eq + Hash, Answer: Clone> Memo<Keys, Question, Answer> {
    pub(super) fn of(keys: Arc<Keys>) -> Self {
        let answers = HashMap::new();
        Self(RwLock::new(Known { keys, answers }))
    }

    /// The answer from memory, else from `work_out`, if there is one.
    pub(super) fn find<Asked, E>(
        &self,
        keys: &Arc<Keys>,
        asked: &Asked,
        work_out: impl FnOnce() -> Result<Answer, E>,
    ) -> Result<Answer, E>
    where
        Asked: Eq + Hash + ToOwned<Owned = Question> + ?Sized,
        Question: Borrow<Asked>,
    {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&known.keys, keys)
            && let Some(answer) = known.answers.get(asked)
        {
            return Ok(answer.clone());
        }
        drop(known);
        let answer = work_out()?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&known.keys, keys) {
            known.keys = Arc::clone(keys);
            known.answers.clear();
        }
        if known.answers.len() >= MOST {
            known.answers.clear();
        }
        known.answers.insert(asked.to_owned(), answer.clone());
        Ok(answer)
    }
}
