//! Who waits for the writer, and for whom it waits in turn. Those whom the last commit answered come
//! back at once if they have more to do, and just miss the next group: two groups then take turns, and
//! each pays for the disk. Where the disk is slow and many write, it pays to wait for them, for a part of
//! what a commit takes.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::task::Job;

/// How many jobs share a commit at most; beyond that the first of them would wait too long.
const MOST: usize = 256;

/// On a disk that commits faster, a wait costs more than it brings.
const SLOW: Duration = Duration::from_millis(1);

/// Of fewer jobs the next commit may as well take some.
const FEW: usize = 8;

/// So much of the time of a commit is waited at most, and never longer than this: one that moves the log
/// takes its time.
const PART: u32 = 4;
const LONGEST: Duration = Duration::from_millis(2);

pub(super) struct Crowd {
    jobs: Receiver<Job>,
    /// Those that came while the last group was committed.
    missed: VecDeque<Job>,
    /// How many there are if all come back whom the last commit answered.
    all: usize,
    /// How long its commit took.
    took: Duration,
}

impl Crowd {
    pub(super) fn new(jobs: Receiver<Job>) -> Self {
        Self {
            jobs,
            missed: VecDeque::new(),
            all: 0,
            took: Duration::ZERO,
        }
    }

    /// The next job, if one comes within the time.
    pub(super) fn next(&mut self, within: Duration) -> Result<Job, RecvTimeoutError> {
        match self.there() {
            Some(job) => Ok(job),
            None => self.jobs.recv_timeout(within),
        }
    }

    fn there(&mut self) -> Option<Job> {
        let missed = self.missed.pop_front();
        missed.or_else(|| self.jobs.try_recv().ok())
    }

    /// What is to be committed together: `first`, if there is one, what waits, and whoever comes in time.
    pub(super) fn gather(&mut self, first: Option<Job>) -> Gathering<'_> {
        let waits = first.is_some() && self.all >= FEW && self.took >= SLOW;
        Gathering {
            expected: if waits { self.all } else { 0 },
            patience: LONGEST.min(self.took / PART),
            first,
            size: 0,
            complete: Instant::now(),
            crowd: self,
        }
    }
}

/// A group that comes together while its first jobs are done.
pub(super) struct Gathering<'a> {
    crowd: &'a mut Crowd,
    first: Option<Job>,
    expected: usize,
    /// How long those are waited for that are expected and not there.
    patience: Duration,
    size: usize,
    /// Since when it is only committed.
    complete: Instant,
}

impl Gathering<'_> {
    /// To be called when it has been committed and nobody has been answered yet.
    pub(super) fn note_commit(self) {
        let Self { crowd, size, .. } = self;
        crowd.took = self.complete.elapsed();
        crowd.missed.extend(crowd.jobs.try_iter());
        crowd.all = crowd.missed.len() + size;
    }

    fn more(&mut self) -> Option<Job> {
        if self.size >= MOST {
            return None;
        }
        let there = self.crowd.there();
        if there.is_some() || self.size >= self.expected || self.patience.is_zero() {
            return there;
        }
        let since = Instant::now();
        let job = self.crowd.next(self.patience);
        self.patience = self.patience.saturating_sub(since.elapsed());
        job.ok()
    }
}

impl Iterator for Gathering<'_> {
    type Item = Job;

    fn next(&mut self) -> Option<Job> {
        let next = self.first.take().or_else(|| self.more());
        match next {
            Some(_) => self.size += 1,
            None => self.complete = Instant::now(),
        }
        next
    }
}
