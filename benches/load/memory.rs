//! Figures: the memory of a server that waits, of one that hashes as much as it can, and of one that
//! has done so.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::drive::Amount;
use crate::options::Options;
use crate::process::{peak_while, resident};
use crate::report::Row;
use crate::server::{REAL_COST, Server, fresh_folder};

const IDLE_GOAL: f64 = 15.0;
/// What one hash at ln=17, r=8 works in: 128 · 8 · 2^17 bytes.
const HASH: f64 = 128.0;
/// For everything else that 64 requests at once may need.
const SLACK: f64 = 16.0;
/// What may be left of that a minute later.
const REST: f64 = 8.0;

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let folder = fresh_folder()?;
    let server = Server::start(folder.path(), REAL_COST).await?;
    let health = server.api.load(1, [server.api.health()].into());
    sleep(Duration::from_secs(2)).await;
    // As a service manager or a proxy would: what answers is part of the memory.
    health.rate(Amount::Jobs(10)).await?;
    let idle = resident(server.pid())?;

    let users = options.pick(16, 4);
    server.api.register(users).await?;
    // A hashing thread that has been idle for ten seconds ends. A smoke test does not wait longer.
    sleep(Duration::from_secs(12)).await;
    let before = resident(server.pid())?;
    // A smoke test has no time for 64 hashes.
    let clients = options.pick(64, 16);
    let storm = server.api.logins(clients, users);
    let (peak, _) = peak_while(server.pid(), storm.rate(Amount::Jobs(clients))).await?;

    sleep(Duration::from_secs(options.pick(60, 12))).await;
    let after = resident(server.pid())?;

    let limit = idle + options.cores as f64 * HASH + SLACK;
    let storming = format!(
        "resident memory at its peak, {clients} logins at once, {} hash threads",
        options.cores
    );
    let limit_after = before + REST;
    Ok(vec![
        Row::within("resident memory, idle after start", idle, IDLE_GOAL, "MiB"),
        Row::within(storming, peak, limit, "MiB"),
        Row::at_most(
            "resident memory a minute after a storm of logins ÷ before it and 8 MiB",
            format!("{after:.1} MiB after, {before:.1} MiB before"),
            after / limit_after,
            1.0,
        ),
    ])
}
