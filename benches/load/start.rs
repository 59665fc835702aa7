//! Figure: how long a restart keeps clients waiting.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use crate::options::Options;
use crate::report::Row;
use crate::server::{Server, TOKEN_COST, fresh_folder};
use crate::stats::{median, milliseconds};

const USERS: usize = 1000;
const GOAL: f64 = 20.0;

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let folder = fresh_folder()?;
    let server = Server::start(folder.path(), TOKEN_COST).await?;
    server.api.register(USERS).await?;
    mails_written(&folder.path().join("outbox")).await;
    server.stop().await?;

    let mut times = Vec::new();
    for _ in 0..options.pick(10, 5) {
        let spawned = Instant::now();
        let server = Server::start(folder.path(), TOKEN_COST).await?;
        times.push(milliseconds(spawned.elapsed()));
        server.stop().await?;
    }
    Ok(vec![Row::within(
        "start to first answer, 1 000 users (median)",
        median(times),
        GOAL,
        "ms",
    )])
}

/// Registering queues mails. Those still queued would be sent while the starts are timed, so wait
/// until no more of them appear, though not for long: a server may have none to write.
async fn mails_written(outbox: &Path) {
    let mut before = usize::MAX;
    for _ in 0..20 {
        let now = fs::read_dir(outbox).map_or(0, Iterator::count);
        if now == before {
            return;
        }
        before = now;
        sleep(Duration::from_millis(500)).await;
    }
}
