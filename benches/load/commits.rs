//! One connection that commits one row after the other: what each wait for the disk costs without
//! anybody to share it. It works in a process of its own, so that it can be given a disk of its own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, params};

use crate::slow_disk::SlowDisk;

/// The first argument of that process; the path of the database and the milliseconds follow.
pub const ARGUMENT: &str = "--commit-one-by-one";

const ROWS: i64 = 10_000;

/// A table much like that of the sessions, on the disk that the server writes to.
pub fn fill(path: &Path) -> Result<()> {
    let fill = || {
        let mut connection = open(path)?;
        connection.execute_batch(
            "create table session (
                 id text primary key, user_id integer not null, created_at integer not null,
                 ends_at integer not null, address text not null, user_agent text not null,
                 ended_at integer
             ) strict",
        )?;
        let transaction = connection.transaction()?;
        for row in 0..ROWS {
            let (ends, from) = (row + 2_592_000, "127.0.0.1");
            let session = params![name(row), row / 40, row, ends, from, "load"];
            transaction.execute(
                "insert into session values (?1, ?2, ?3, ?4, ?5, ?6, null)",
                session,
            )?;
        }
        transaction.commit()
    };
    fill().context("filling the scratch database")
}

/// Commits per second of one connection that changes one row in each, back to back.
pub async fn commits_per_second(
    path: &Path,
    window: Duration,
    disk: Option<&SlowDisk>,
) -> Result<f64> {
    let doing = "committing to the scratch database";
    let mut command = Command::new(std::env::current_exe().context(doing)?);
    command.arg(ARGUMENT).arg(path);
    command.arg(window.as_millis().to_string());
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    if let Some(disk) = disk {
        disk.slow(&mut command);
    }
    let work = tokio::task::spawn_blocking(move || command.output());
    let output = work.await.context(doing)?.context(doing)?;
    ensure!(output.status.success(), "{doing}: {}", output.status);
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().context(doing)
}

/// What that process does: prints the rate.
pub fn run(mut arguments: impl Iterator<Item = impl AsRef<OsStr>>) -> Result<()> {
    let path = arguments.next().context("a path is missing")?;
    let millis = arguments.next();
    let millis = millis.and_then(|it| it.as_ref().to_str()?.parse().ok());
    let window = Duration::from_millis(millis.context("the milliseconds are missing")?);
    let rate = commit_one_by_one(path.as_ref().as_ref(), window);
    println!("{}", rate.context("writing to the scratch database")?);
    Ok(())
}

fn commit_one_by_one(path: &Path, window: Duration) -> rusqlite::Result<f64> {
    let connection = open(path)?;
    // SQLite writes nothing where a row comes to hold what it held, as it would in a later round.
    let another = "update session set ended_at = coalesce(ended_at, 0) + 1 where id = ?1";
    let mut update = connection.prepare(another)?;
    let started = Instant::now();
    let mut commits = 0;
    while started.elapsed() < window {
        // A stride that shares no factor with the number of rows spreads the writes, as logouts are
        // spread.
        update.execute([name(commits * 7919 % ROWS)])?;
        commits += 1;
    }
    Ok(commits as f64 / started.elapsed().as_secs_f64())
}

/// With the durability that the server promises: an answered write survives a power cut.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

fn name(row: i64) -> String {
    format!("{row:032x}")
}
