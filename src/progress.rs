//! How far long work is, and whether it is to go on.

use std::sync::Arc;

/// How far long work is.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// How many pages or rows are done, and how many there are.
    Done(u64, u64),
    /// Nobody knows how much is left.
    Checking,
}

/// Told how far long work is, now and then. If it answers false, the work ends and leaves nothing
/// behind.
pub type Progress = Arc<dyn Fn(Step) -> bool + Send + Sync>;

/// For work that nobody watches or ends.
pub fn unwatched() -> Progress {
    Arc::new(|_| true)
}
