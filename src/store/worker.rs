//! A thread with a queue, that ends when it has done what was asked for.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::failure::Failure;

pub(super) struct Worker<T> {
    queue: Mutex<Option<Sender<T>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Is closed when the thread ends.
    ended: Mutex<Receiver<()>>,
}

impl<T: Send + 'static> Worker<T> {
    /// `work` ends when the queue does.
    pub(super) fn start(
        name: &'static str,
        work: impl FnOnce(Receiver<T>) + Send + 'static,
    ) -> Result<Self, Failure> {
        let (queue, waiting) = channel();
        let (end, ended) = channel::<()>();
        let thread = Builder::new()
            .name(name.into())
            .spawn(move || {
                let _end = end;
                work(waiting);
            })
            .map_err(Failure::when("starting a thread of the database"))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            ended: Mutex::new(ended),
        })
    }
}

impl<T> Worker<T> {
    pub(super) fn submit(&self, job: T) {
        if let Some(queue) = &*self.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            // A refused job is dropped with its sender, which the receiver reports.
            let _ = queue.send(job);
        }
    }

    /// Waits for what was asked for, so long; nothing more is taken. A thread that then still waits for a
    /// server is left to itself.
    pub(super) fn stop_within(&self, patience: Duration) {
        let queue = self.queue.lock();
        drop(queue.unwrap_or_else(PoisonError::into_inner).take());
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            let thread = self.thread.lock();
            drop(thread.unwrap_or_else(PoisonError::into_inner).take());
        }
        drop(ended);
        self.stop();
    }

    /// Waits for what was asked for; nothing more is taken.
    pub(super) fn stop(&self) {
        let queue = self.queue.lock();
        drop(queue.unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A thread that panicked has been reported already, by the panic.
            let _ = thread.join();
        }
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.stop();
    }
}
