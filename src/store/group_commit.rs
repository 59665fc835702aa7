//! Group commit: who waits for the writer, and for whom it waits in turn. Those whom the last commit answered come
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

pub(super) struct GroupCommit {
    jobs: Receiver<Job>,
    /// Those that came while the last group was committed.
    queued: VecDeque<Job>,
    /// How many there are if all come back whom the last commit answered.
    returning: usize,
    /// How long its commit took.
    took: Duration,
}

impl GroupCommit {
    pub(super) fn new(jobs: Receiver<Job>) -> Self {
        Self {
            jobs,
            queued: VecDeque::new(),
            returning: 0,
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
        let queued = self.queued.pop_front();
        queued.or_else(|| self.jobs.try_recv().ok())
    }

    /// What is to be committed together: `first`, if there is one, what waits, and whoever comes in time.
    pub(super) fn gather(&mut self, first: Option<Job>) -> Group<'_> {
        let waits = first.is_some() && self.returning >= FEW && self.took >= SLOW;
        Group {
            expected: if waits { self.returning } else { 0 },
            patience: LONGEST.min(self.took / PART),
            first,
            size: 0,
            complete: Instant::now(),
            commits: self,
        }
    }
}

/// A group that comes together while its first jobs are done.
pub(super) struct Group<'a> {
    commits: &'a mut GroupCommit,
    first: Option<Job>,
    expected: usize,
    /// How long those are waited for that are expected and not there.
    patience: Duration,
    size: usize,
    /// Since when it is only committed.
    complete: Instant,
}

impl Group<'_> {
    /// To be called when it has been committed and nobody has been answered yet.
    pub(super) fn note_commit(self) {
        let Self { commits, size, .. } = self;
        commits.took = self.complete.elapsed();
        commits.queued.extend(commits.jobs.try_iter());
        commits.returning = commits.queued.len() + size;
    }

    fn more(&mut self) -> Option<Job> {
        if self.size >= MOST {
            return None;
        }
        let there = self.commits.there();
        if there.is_some() || self.size >= self.expected || self.patience.is_zero() {
            return there;
        }
        let since = Instant::now();
        let job = self.commits.next(self.patience);
        self.patience = self.patience.saturating_sub(since.elapsed());
        job.ok()
    }
}

impl Iterator for Group<'_> {
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
