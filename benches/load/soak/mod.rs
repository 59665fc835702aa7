//! A long run: mixed traffic against the server as it ships, and whether what it holds grows.
//!
//! `cargo bench --bench load -- --soak` takes 30 minutes, or as many as `--minutes` says, and ends by
//! itself. It prints what it saw as a table and draws it as an SVG (`--plot FILE`). The load is small
//! and even, a tenth of what two cores can do, but for a storm of logins now and then.

mod plot;
mod samples;
mod traffic;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};

use self::samples::{Sample, Samples};
use self::traffic::{CLIENTS, Counts, USERS};
use crate::api::Api;
use crate::drive::Amount;
use crate::server::{Server, as_shipped, fresh_folder};
use crate::tool;

/// What is left to do when the time is over takes less than this.
const MARGIN: Duration = Duration::from_secs(120);
/// So many samples are taken, but none more often than each second.
const SAMPLES: u32 = 360;
/// Storms of so many logins at once; fewer than may wait, and than one client may send.
const STORM: usize = 32;
const STORMS: u32 = 6;
/// How often the command line works beside the server.
const COMMANDS: Duration = Duration::from_secs(60);

/// How long, and where the picture goes.
pub struct Soak {
    pub time: Duration,
    pub plot: PathBuf,
}

pub async fn run(soak: &Soak) -> Result<()> {
    let samples = timeout(soak.time + MARGIN, watch(soak.time)).await;
    let samples = samples.context("the long run did not end")??;
    println!("{samples}");
    std::fs::write(&soak.plot, plot::svg(&samples)).context("writing the picture")?;
    println!("\nThe picture is {}.", soak.plot.display());
    Ok(())
}

async fn watch(time: Duration) -> Result<Samples> {
    let folder = fresh_folder()?;
    let mut command = as_shipped(folder.path());
    // Clients say by themselves where they are, so that there are many.
    command.args(["--trusted-proxies", "127.0.0.1"]);
    let server = Server::serve(command).await?;
    let (api, pid) = (server.api, server.pid());
    api.register(USERS).await?;

    let counts = Arc::new(Counts::default());
    let mut tasks = JoinSet::new();
    for client in 0..CLIENTS {
        tasks.spawn(traffic::client(api, client, Arc::clone(&counts)));
    }
    tasks.spawn(traffic::strangers(api));
    tasks.spawn(commands(folder.path().to_owned()));
    tasks.spawn(storms(api, time / STORMS, Arc::clone(&counts)));
    let mut samples = Samples::new(time / STORMS);
    let mut clock = interval((time / SAMPLES).max(Duration::from_secs(1)));
    let started = Instant::now();
    while started.elapsed() < time {
        tokio::select! {
            _ = clock.tick() => {
                samples.add(Sample::take(pid, folder.path(), started.elapsed(), &counts)?);
            }
            Some(ended) = tasks.join_next() => ended.context("a client panicked")??,
        }
    }
    tasks.shutdown().await;
    server.stop().await?;
    Ok(samples)
}

/// Everybody comes at once, again and again. On a machine that has other work too the last of them may
/// be told to come back later.
async fn storms(api: Api, pause: Duration, counts: Arc<Counts>) -> Result<()> {
    loop {
        sleep(pause).await;
        let storm = api.logins(STORM, USERS);
        if let Err(reason) = storm.rate(Amount::Jobs(STORM)).await {
            counts.note_unexpected(&reason);
        }
    }
}

/// An operator looks, on the same database.
async fn commands(folder: PathBuf) -> Result<()> {
    loop {
        sleep(COMMANDS).await;
        for arguments in [["audit", "verify"], ["session", "list"], ["db", "status"]] {
            tool::time(&folder, &arguments).await?;
        }
    }
}
