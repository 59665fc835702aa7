//! Figure: how many acknowledged writes the server makes of each wait for the disk.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rusqlite::{Connection, params};

use crate::drive::Amount;
use crate::options::Options;
use crate::report::Row;
use crate::server::{Server, TOKEN_COST, fresh_folder};
use crate::stats::Turns;

const CLIENTS: usize = 64;
const ROWS: i64 = 10_000;

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let folder = fresh_folder()?;
    let server = Server::start(folder.path(), TOKEN_COST).await?;
    let api = server.api;
    let (rounds, per_round) = options.pick((3, 6000), (2, 1200));
    eprintln!("load: opening {} sessions", rounds * per_round);
    let tokens = api.open_sessions(rounds * per_round).await?;
    let scratch = folder.path().join("scratch.db");
    fill(&scratch).context("filling the scratch database")?;

    let window = options.pick(Duration::from_millis(1500), Duration::from_millis(500));
    let mut turns = Turns::default();
    for tokens in tokens.chunks(per_round) {
        let single = single_commits(scratch.clone(), window).await?;
        let load = api.load(
            CLIENTS,
            tokens.iter().map(|token| api.logout(token)).collect(),
        );
        turns.add(load.rate(Amount::Jobs(tokens.len())).await?, single);
    }
    let (logouts, singles) = turns.medians();
    let measured = format!("{logouts:.0}/s against {singles:.0}/s");
    Ok(vec![Row::at_least(
        "logouts, 64 clients ÷ one commit at a time",
        measured,
        logouts / singles,
        5.0,
    )])
}

/// A table much like that of the sessions, on the disk that the server writes to.
fn fill(path: &Path) -> Result<()> {
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
        let session = params![
            name(row),
            row / 40,
            row,
            row + 2_592_000,
            "127.0.0.1",
            "load"
        ];
        transaction.execute(
            "insert into session values (?1, ?2, ?3, ?4, ?5, ?6, null)",
            session,
        )?;
    }
    transaction.commit()?;
    Ok(())
}

async fn single_commits(path: PathBuf, window: Duration) -> Result<f64> {
    let work = tokio::task::spawn_blocking(move || commit_one_by_one(&path, window));
    work.await
        .context("the writing thread panicked")?
        .context("writing to the scratch database")
}

/// Commits per second of one connection that changes one row in each, back to back.
fn commit_one_by_one(path: &Path, window: Duration) -> Result<f64> {
    let connection = open(path)?;
    let mut update = connection.prepare("update session set ended_at = ?2 where id = ?1")?;
    let started = Instant::now();
    let mut commits = 0;
    while started.elapsed() < window {
        // A stride that shares no factor with the number of rows spreads the writes, as logouts are
        // spread.
        update.execute(params![name(commits * 7919 % ROWS), commits])?;
        commits += 1;
    }
    Ok(commits as f64 / started.elapsed().as_secs_f64())
}

/// With the durability that the server promises: an answered write survives a power cut.
fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

fn name(row: i64) -> String {
    format!("{row:032x}")
}
