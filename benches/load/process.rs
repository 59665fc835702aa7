//! The memory of a process and of those it started, as the kernel accounts for it.

use std::fs;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result};

const SAMPLE: Duration = Duration::from_millis(10);

/// A process and everything below it: the peer is a master with workers.
pub fn family(pid: u32) -> Vec<u32> {
    let children =
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let mut all = vec![pid];
    all.extend(
        children
            .split_whitespace()
            .filter_map(|child| child.parse().ok())
            .flat_map(family),
    );
    all
}

/// Resident memory of the whole family, in MiB. A child may end between being listed and being
/// asked.
pub fn resident(pid: u32) -> Result<f64> {
    let children = family(pid).into_iter().skip(1);
    let below: f64 = children
        .map(|child| resident_alone(child).unwrap_or(0.0))
        .sum();
    Ok(resident_alone(pid)? + below)
}

/// Does the work, and tells the highest resident memory seen while it lasted, in MiB.
pub async fn peak_while<T>(pid: u32, work: impl Future<Output = Result<T>>) -> Result<(f64, T)> {
    let mut work = pin!(work);
    let mut clock = tokio::time::interval(SAMPLE);
    let mut peak = 0_f64;
    loop {
        tokio::select! {
            done = &mut work => return Ok((peak, done?)),
            _ = clock.tick() => peak = peak.max(resident(pid)?),
        }
    }
}

fn resident_alone(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse::<f64>().ok());
    Ok(kib.with_context(|| format!("{path} has no VmRSS"))? / 1024.0)
}
