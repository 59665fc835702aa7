//! Figure: how much of the machine's raw hashing speed arrives as logins.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use scrypt::Params;

use crate::drive::Amount;
use crate::options::Options;
use crate::report::Row;
use crate::server::{REAL_COST, Server, fresh_folder};
use crate::stats::Turns;

/// As many clients as keep every hashing thread busy, and few enough that none is turned away: the
/// queue holds 64.
pub fn clients(options: &Options) -> usize {
    (4 * options.cores).clamp(32, options.cores + 60)
}

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let folder = fresh_folder()?;
    let server = Server::start(folder.path(), REAL_COST).await?;
    let users = options.pick(16, 4);
    server.api.register(users).await?;
    let load = server.api.logins(clients(options), users);

    // The same number of jobs on both sides, so that both pay for the last hash that runs alone.
    let jobs = options.cores * options.pick(24, 6);
    let mut turns = Turns::default();
    for _ in 0..options.pick(3, 2) {
        let raw = raw_rate(options.cores, jobs).await?;
        turns.add(load.rate(Amount::Jobs(jobs)).await?, raw);
    }
    let (logins, raw) = turns.medians();
    let measured = format!("{logins:.2}/s of {raw:.2}/s");
    Ok(vec![Row::at_least(
        "logins ÷ raw scrypt hashes, ln=17",
        measured,
        logins / raw,
        0.95,
    )])
}

async fn raw_rate(threads: usize, jobs: usize) -> Result<f64> {
    tokio::task::spawn_blocking(move || hash(threads, jobs))
        .await
        .context("a hashing thread panicked")?
}

/// Hashes per second of this many threads. Each makes one hash before the clock starts, to have its
/// memory.
fn hash(threads: usize, jobs: usize) -> Result<f64> {
    let params = Params::new(17, 8, 1).context("the parameters of scrypt")?;
    let (taken, ready) = (AtomicUsize::new(0), Barrier::new(threads + 1));
    let started = thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                hash_once(&params);
                ready.wait();
                while taken.fetch_add(1, Ordering::Relaxed) < jobs {
                    hash_once(&params);
                }
            });
        }
        ready.wait();
        Instant::now()
    });
    Ok(jobs as f64 / started.elapsed().as_secs_f64())
}

fn hash_once(params: &Params) {
    let mut output = [0_u8; 32];
    scrypt::scrypt(b"Bench@Pass1", &[7; 16], params, &mut output)
        .expect("32 bytes are a valid length of output");
    std::hint::black_box(output);
}
