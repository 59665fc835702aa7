//! Many clients at once, each sending its next request as soon as its last one is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::request::Request;

/// When a load ends. Requests under way are always waited for, so the next measurement finds a
/// quiet server.
#[derive(Clone, Copy)]
pub enum Amount {
    Jobs(usize),
    For(Duration),
}

pub struct Load {
    pub address: SocketAddr,
    pub clients: usize,
    /// Sent in turn, whichever client is free.
    pub requests: Arc<[Request]>,
}

impl Load {
    /// Answers per second.
    pub async fn rate(&self, amount: Amount) -> Result<f64> {
        let (answers, elapsed) = self.run(amount, |_| Ok(())).await?;
        Ok(answers.len() as f64 / elapsed.as_secs_f64())
    }

    /// Something out of every answer, in no particular order.
    pub async fn collect<T: Send + 'static>(
        &self,
        amount: Amount,
        take: Take<T>,
    ) -> Result<Vec<T>> {
        Ok(self.run(amount, take).await?.0)
    }

    /// The clients are connected before the clock starts.
    async fn run<T: Send + 'static>(
        &self,
        amount: Amount,
        take: Take<T>,
    ) -> Result<(Vec<T>, Duration)> {
        let mut clients = Vec::new();
        for _ in 0..self.clients {
            clients.push(Client::connect(self.address).await?);
        }
        let started = Instant::now();
        let budget = Arc::new(Budget {
            started,
            amount,
            sent: AtomicUsize::new(0),
        });
        let mut tasks = JoinSet::new();
        for client in clients {
            tasks.spawn(repeat(
                client,
                Arc::clone(&self.requests),
                Arc::clone(&budget),
                take,
            ));
        }
        let mut taken = Vec::new();
        while let Some(task) = tasks.join_next().await {
            taken.extend(task.context("a client panicked")??);
        }
        Ok((taken, started.elapsed()))
    }
}

/// What to keep of the body of an answer.
type Take<T> = fn(&[u8]) -> Result<T>;

async fn repeat<T>(
    mut client: Client,
    requests: Arc<[Request]>,
    budget: Arc<Budget>,
    take: Take<T>,
) -> Result<Vec<T>> {
    let mut taken = Vec::new();
    while let Some(turn) = budget.next() {
        let answer = requests[turn % requests.len()].send(&mut client).await?;
        taken.push(take(answer.body)?);
    }
    Ok(taken)
}

/// What the clients of one load may still send, between them.
struct Budget {
    started: Instant,
    amount: Amount,
    sent: AtomicUsize,
}

impl Budget {
    fn next(&self) -> Option<usize> {
        let turn = self.sent.fetch_add(1, Ordering::Relaxed);
        let more = match self.amount {
            Amount::Jobs(jobs) => turn < jobs,
            Amount::For(time) => self.started.elapsed() < time,
        };
        more.then_some(turn)
    }
}
