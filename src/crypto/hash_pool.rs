//! Threads for hashing: few, of low priority, with a bounded queue.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;

use crate::failure::{Failure, panic_message};

/// Requests that hash nothing go first: a paced request beside a login storm took 1.8 ms at nice 10
/// and 5.8 ms at equal priority, at the same number of logins.
const NICENESS: i32 = 10;

/// How long this thread has been at work. What else the machine does meanwhile does not count.
pub(super) fn time_at_work() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Why a hash could not be computed.
#[derive(Debug)]
pub enum HashError {
    /// Too many wait already.
    Busy,
    Failed(Failure),
}

impl From<Failure> for HashError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread starts when there is something to do, so that a command that hashes nothing has none. It
/// ends when it has had nothing to do for a while, because until then it keeps the memory of a hash.
pub(super) struct Pool {
    shared: Arc<Shared>,
    threads: usize,
    queue: usize,
    pub(super) idle: Duration,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    started: usize,
    idle: usize,
    closed: bool,
}

impl Pool {
    /// At most `threads` threads, each until it has been idle for `idle`, and at most `queue` jobs
    /// that wait for one.
    pub(super) fn new(threads: usize, queue: usize, idle: Duration) -> Self {
        Self {
            shared: Arc::default(),
            threads,
            queue,
            idle,
        }
    }

    /// How many threads there are now.
    pub(super) fn started(&self) -> usize {
        self.shared.lock().started
    }

    /// Waits in the queue until a thread has done the work. Work that nobody waits for any more is
    /// skipped. If it panics it has failed, and the thread goes on.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let done = self.submit(doing, work)?.await;
        Ok(done.map_err(Failure::when(doing))??)
    }

    fn submit<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, Failure>>, HashError> {
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(move || {
            if sender.is_canceled() {
                return;
            }
            // What the work had in hand is gone with it: nobody sees it half done.
            let done = catch_unwind(AssertUnwindSafe(work));
            let done = done.map_err(|panic| Failure::new(doing, panic_message(&*panic)));
            // The receiver may have gone in this very moment; then nobody wants the answer.
            if let Err(Err(failure)) = sender.send(done) {
                failure.log();
            }
        });
        let mut state = self.shared.lock();
        if state.waiting.len() >= self.queue + state.idle + (self.threads - state.started) {
            return Err(HashError::Busy);
        }
        state.waiting.push_back(job);
        if state.waiting.len() > state.idle && state.started < self.threads {
            match self.start_thread() {
                Ok(()) => state.started += 1,
                // Nobody would do it.
                Err(failure) if state.started == 0 => {
                    state.waiting.pop_back();
                    return Err(failure.into());
                }
                // Those that run come to it.
                Err(_) => {}
            }
        }
        self.shared.changed.notify_one();
        Ok(receiver)
    }

    fn start_thread(&self) -> Result<(), Failure> {
        let (shared, idle) = (Arc::clone(&self.shared), self.idle);
        std::thread::Builder::new()
            .name("hash".into())
            .spawn(move || shared.work(idle))
            .map(drop)
            .map_err(Failure::when("starting a hashing thread"))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, idle: Duration) {
        // On Linux a priority belongs to the thread. Without the right to change it we hash anyway.
        let _ = rustix::process::setpriority_process(None, NICENESS);
        while let Some(job) = self.next(idle) {
            job();
        }
    }

    /// The next job; None if the thread is to end.
    fn next(&self, idle: Duration) -> Option<Job> {
        let mut state = self.lock();
        if state.waiting.is_empty() && !state.closed {
            state.idle += 1;
            let nothing_to_do = |state: &mut State| state.waiting.is_empty() && !state.closed;
            (state, _) = self
                .changed
                .wait_timeout_while(state, idle, nothing_to_do)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        let job = state.waiting.pop_front();
        if job.is_none() {
            state.started -= 1;
        }
        job
    }
}
