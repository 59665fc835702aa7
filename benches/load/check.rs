//! Figure: what a token costs to check, against the cheapest answer of the same server.

use std::time::Duration;

use anyhow::Result;

use crate::drive::Amount;
use crate::options::Options;
use crate::report::Row;
use crate::server::{Server, TOKEN_COST, fresh_folder};
use crate::stats::Turns;

const CONNECTIONS: usize = 32;

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let folder = fresh_folder()?;
    let server = Server::start(folder.path(), TOKEN_COST).await?;
    let api = server.api;
    // Many sessions, as in life: one alone would find every cache warm.
    let tokens = api.open_sessions(1000).await?;
    let bare = api.load(CONNECTIONS, [api.health()].into());
    let check = api.load(
        CONNECTIONS,
        tokens.iter().map(|token| api.check(token)).collect(),
    );

    let window = Amount::For(options.pick(Duration::from_secs(2), Duration::from_millis(600)));
    bare.rate(window).await?;
    let mut turns = Turns::default();
    for _ in 0..options.pick(5, 2) {
        let bares = bare.rate(window).await?;
        turns.add(check.rate(window).await?, bares);
    }
    let (checks, bares) = turns.medians();
    let measured = format!("{checks:.0}/s of {bares:.0}/s");
    Ok(vec![Row::at_least(
        "check-auth-status ÷ healthz, 32 connections",
        measured,
        checks / bares,
        0.7,
    )])
}
