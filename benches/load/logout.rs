//! Figures: how many acknowledged writes the server makes of each wait for the disk; of the one below
//! it, and of one that takes four milliseconds.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::commits::{self, commits_per_second};
use crate::drive::Amount;
use crate::options::Options;
use crate::report::Row;
use crate::server::{Server, TOKEN_COST, fresh_folder, fresh_folder_in_memory};
use crate::slow_disk::{MICROS, SlowDisk};
use crate::stats::Turns;

const CLIENTS: usize = 64;

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let folder = fresh_folder()?;
    let (logouts, singles) = on_disk(options, folder.path(), None).await?;
    let mut rows = vec![Row::told(
        "logouts, 64 clients ÷ one commit at a time, the disk that is here",
        measured(logouts, singles),
        logouts / singles,
    )];
    let folder = fresh_folder_in_memory()?;
    if let Some(disk) = SlowDisk::make(folder.path())? {
        let (logouts, singles) = on_disk(options, folder.path(), Some(&disk)).await?;
        let figure = format!(
            "logouts, 64 clients ÷ one commit at a time, a disk that takes {} ms",
            MICROS / 1000
        );
        let measured = measured(logouts, singles);
        rows.push(Row::at_least(figure, measured, logouts / singles, 25.0));
    } else {
        eprintln!("load: without a C compiler (cc) there is no slow disk");
    }
    Ok(rows)
}

fn measured(logouts: f64, singles: f64) -> String {
    format!("{logouts:.0}/s against {singles:.0}/s")
}

/// Logouts per second, and commits of a single row, one after the other.
async fn on_disk(options: &Options, folder: &Path, disk: Option<&SlowDisk>) -> Result<(f64, f64)> {
    let server = Server::start_on(folder, TOKEN_COST, disk).await?;
    let api = server.api;
    let (rounds, per_round) = options.pick((3, 6000), (2, 1200));
    eprintln!("load: opening {} sessions", rounds * per_round);
    let tokens = api.open_sessions(rounds * per_round).await?;
    let scratch = folder.join("scratch.db");
    commits::fill(&scratch)?;

    let window = options.pick(Duration::from_millis(1500), Duration::from_millis(500));
    let mut turns = Turns::default();
    for tokens in tokens.chunks(per_round) {
        let single = commits_per_second(&scratch, window, disk).await?;
        let load = api.load(
            CLIENTS,
            tokens.iter().map(|token| api.logout(token)).collect(),
        );
        turns.add(load.rate(Amount::Jobs(tokens.len())).await?, single);
    }
    Ok(turns.medians())
}
