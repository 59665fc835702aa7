//! Figures: the same load on the same API, as Django serves it and as we do, at equal cost of a
//! password hash.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;

use crate::api::{Api, access_token};
use crate::drive::Amount;
use crate::login;
use crate::options::{Options, Peer};
use crate::process::{peak_while, resident};
use crate::report::Row;
use crate::request::Request;
use crate::server::{REAL_COST, Server, free_address, fresh_folder};
use crate::stats::median;

/// The user that the peer makes for itself.
const PEER_USER: &str = "bench0@example.org";
const OUR_USER: &str = "load0@example.org";

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let peer = options
        .peer
        .as_ref()
        .context("there is no peer to measure without --peer DIR")?;
    let (our_folder, peer_folder) = (fresh_folder()?, fresh_folder()?);
    let server = Server::start(our_folder.path(), REAL_COST).await?;
    let django = start_peer(peer, peer_folder.path(), options.cores).await?;
    sleep(Duration::from_secs(1)).await;
    let (our_idle, peer_idle) = (resident(server.pid())?, resident(django.pid())?);
    server.api.register(1).await?;

    let mut ours = Side::new(server, OUR_USER).await?;
    let mut theirs = Side::new(django, PEER_USER).await?;
    for round in 1..=options.pick(2, 1) {
        eprintln!("load: round {round} with the peer");
        ours.round(options).await?;
        theirs.round(options).await?;
    }
    let mut rows = vec![smaller(
        "resident memory idle, ours ÷ Django",
        our_idle,
        peer_idle,
    )];
    rows.extend(compare(ours.finish().await?, theirs.finish().await?));
    Ok(rows)
}

/// One of the two servers, and what is found out about it.
struct Side {
    server: Server,
    user: &'static str,
    found: Found,
}

#[derive(Default)]
struct Found {
    peaks: Vec<f64>,
    logins: Vec<f64>,
    checks: Vec<f64>,
}

impl Side {
    async fn new(server: Server, user: &'static str) -> Result<Self> {
        let api = server.api;
        // More than one login, so that the first measured ones find warm threads.
        let login = api.load(8, [api.login(user)].into());
        login.collect(Amount::Jobs(8), access_token).await?;
        Ok(Self {
            server,
            user,
            found: Found::default(),
        })
    }

    /// One server works while the other one waits.
    async fn round(&mut self, options: &Options) -> Result<()> {
        let api = self.server.api;
        let logins = api.load(login::clients(options), [api.login(self.user)].into());
        let jobs = Amount::Jobs(options.cores * options.pick(16, 4));
        let (peak, rate) = peak_while(self.server.pid(), logins.rate(jobs)).await?;
        eprintln!("load:   {rate:.2} logins/s, {peak:.1} MiB");
        self.found.peaks.push(peak);
        self.found.logins.push(rate);
        let window = Amount::For(options.pick(Duration::from_secs(4), Duration::from_secs(1)));
        // The storm of logins has ended the oldest sessions of its user.
        let login = api.load(8, [api.login(self.user)].into());
        let tokens = login.collect(Amount::Jobs(8), access_token).await?;
        let requests: Arc<[Request]> = tokens.iter().map(|token| api.check(token)).collect();
        let checks = api.load(32, requests);
        self.found.checks.push(checks.rate(window).await?);
        Ok(())
    }

    /// In good order, so that the processor time of the peer's workers is known to be ours.
    async fn finish(self) -> Result<Found> {
        self.server.stop().await?;
        Ok(self.found)
    }
}

fn compare(ours: Found, theirs: Found) -> [Row; 3] {
    let (our_peak, their_peak) = (median(ours.peaks), median(theirs.peaks));
    [
        smaller(
            "resident memory at its peak in logins, ours ÷ Django",
            our_peak,
            their_peak,
        ),
        faster(
            "logins, ours ÷ Django, scrypt ln=17 both",
            ours.logins,
            theirs.logins,
        ),
        faster(
            "check-auth-status, ours ÷ Django",
            ours.checks,
            theirs.checks,
        ),
    ]
}

fn faster(figure: &str, ours: Vec<f64>, theirs: Vec<f64>) -> Row {
    let (ours, theirs) = (median(ours), median(theirs));
    Row::at_least(
        figure,
        format!("{ours:.1}/s against {theirs:.1}/s"),
        ours / theirs,
        1.0,
    )
}

fn smaller(figure: &str, ours: f64, theirs: f64) -> Row {
    Row::at_most(
        figure,
        format!("{ours:.1} MiB against {theirs:.1} MiB"),
        ours / theirs,
        1.0,
    )
}

/// From a copy, because the peer's folder may be read-only and Python writes beside its sources. It
/// gets a worker process per core, as we get a hashing thread per core.
async fn start_peer(peer: &Peer, folder: &Path, workers: usize) -> Result<Server> {
    copy_sources(&peer.folder, folder).context("copying the peer")?;
    let address = free_address()?;
    let mut command = Command::new("sh");
    command.arg("run.sh").args([
        address.port().to_string(),
        "-w".to_owned(),
        workers.to_string(),
    ]);
    command
        .current_dir(folder)
        .env("PATH", path_with(&peer.python)?);
    command
        .env("PEER_DATA", folder.join("data"))
        .env("PEER_HASHER", "scrypt")
        .env("PEER_MEMBERS", "1");
    Server::launch(command, address, &Api { address }.check_nobody())
        .await
        .context("starting the peer")
}

/// The caller's path, with the peer's virtual environment in front.
fn path_with(python: &Path) -> Result<OsString> {
    let bin = python
        .parent()
        .context("the peer's Python is in no folder")?
        .to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([bin].into_iter().chain(env::split_paths(&path)))
        .context("making the peer's PATH")
}

/// Everything but a virtual environment and what earlier runs left behind.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if [".venv", "venv", "data", "__pycache__"]
            .iter()
            .any(|skipped| name == *skipped)
        {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy_sources(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
