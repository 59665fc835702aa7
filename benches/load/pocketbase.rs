//! Figures: PocketBase and we, each as it ships, under the same load. It too is one program with one
//! SQLite file; what it calls `auth-refresh` is our `token/refresh/`, and whoever reads their own record
//! there asks for their status here. Its passwords are hashed with bcrypt, which needs little memory,
//! and costs whoever guesses little too: the rows of logins are told, not judged.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::api::{Api, PASSWORD, email, tokens};
use crate::drive::{Amount, Load};
use crate::login;
use crate::options::Options;
use crate::process::{peak_while, resident};
use crate::report::Row;
use crate::request::Request;
use crate::server::{REAL_COST, Server, free_address, fresh_folder};
use crate::stats::{median, milliseconds};
use crate::storm;

const USERS: usize = 16;
const RECORDS: &str = "/api/collections/users/records";
const LOGIN: &str = "/api/collections/users/auth-with-password";
const REFRESH: &str = "/api/collections/users/auth-refresh";

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let program = options.pocketbase.as_deref();
    let program = program.context("there is no PocketBase to measure without --pocketbase FILE")?;
    let (our_folder, their_folder) = (fresh_folder()?, fresh_folder()?);
    let server = Server::start(our_folder.path(), REAL_COST).await?;
    let mut ours = Side::ours(server).await?;
    let mut theirs = Side::theirs(start(program, their_folder.path()).await?).await?;
    for round in 1..=options.pick(3, 1) {
        eprintln!("load: round {round} with PocketBase");
        ours.round(options).await?;
        theirs.round(options).await?;
    }
    ours.server.stop().await?;
    theirs.server.stop().await?;
    for _ in 0..options.pick(10, 2) {
        let spawned = Instant::now();
        let server = Server::start(our_folder.path(), REAL_COST).await?;
        ours.found.starts.push(milliseconds(spawned.elapsed()));
        server.stop().await?;
        let spawned = Instant::now();
        let server = start(program, their_folder.path()).await?;
        theirs.found.starts.push(milliseconds(spawned.elapsed()));
        server.stop().await?;
    }
    Ok(compare(ours.found, theirs.found))
}

/// One of the two servers, what it is asked, and what is found out about it.
struct Side {
    server: Server,
    checks: Arc<[Request]>,
    refreshes: Arc<[Request]>,
    logins: Arc<[Request]>,
    found: Found,
}

#[derive(Default)]
struct Found {
    idle: f64,
    starts: Vec<f64>,
    checks: Vec<f64>,
    refreshes: Vec<f64>,
    stormy: Vec<f64>,
    peaks: Vec<f64>,
    logins: Vec<f64>,
}

impl Side {
    async fn ours(server: Server) -> Result<Self> {
        let (api, idle) = (server.api, idle(&server).await?);
        api.register(USERS).await?;
        let logins: Arc<[Request]> = (0..USERS).map(|it| api.login(&email(it))).collect();
        let load = api.load(8, Arc::clone(&logins));
        let tokens = load.collect(Amount::Jobs(USERS), tokens).await?;
        Ok(Self {
            checks: tokens.iter().map(|it| api.check(&it.0)).collect(),
            refreshes: tokens.iter().map(|it| api.refresh(&it.1)).collect(),
            logins,
            server,
            found: Found {
                idle,
                ..Found::default()
            },
        })
    }

    async fn theirs(server: Server) -> Result<Self> {
        let (api, idle) = (server.api, idle(&server).await?);
        let record = |user| {
            let body = json!({
                "email": email(user), "password": PASSWORD, "passwordConfirm": PASSWORD,
            });
            api.request("POST", RECORDS, None, Some(&body), 200)
        };
        let records = api.load(8, (0..USERS).map(record).collect());
        records.rate(Amount::Jobs(USERS)).await?;
        let login = |user| {
            let body = json!({ "identity": email(user), "password": PASSWORD });
            api.request("POST", LOGIN, None, Some(&body), 200)
        };
        let logins: Arc<[Request]> = (0..USERS).map(login).collect();
        let load = api.load(8, Arc::clone(&logins));
        let opened = load.collect(Amount::Jobs(USERS), their_login).await?;
        let check = |(id, token): &(String, String)| {
            api.request("GET", &format!("{RECORDS}/{id}"), Some(token), None, 200)
        };
        let refresh =
            |(_, token): &(String, String)| api.request("POST", REFRESH, Some(token), None, 200);
        Ok(Self {
            checks: opened.iter().map(check).collect(),
            refreshes: opened.iter().map(refresh).collect(),
            logins,
            server,
            found: Found {
                idle,
                ..Found::default()
            },
        })
    }

    fn load(&self, clients: usize, requests: &Arc<[Request]>) -> Load {
        self.server.api.load(clients, Arc::clone(requests))
    }

    /// One server works while the other one waits.
    async fn round(&mut self, options: &Options) -> Result<()> {
        let window = Amount::For(options.pick(Duration::from_secs(4), Duration::from_secs(1)));
        let checks = self.load(32, &self.checks).rate(window).await?;
        let refreshes = self.load(32, &self.refreshes).rate(window).await?;
        let logins = self.load(login::clients(options), &self.logins);
        let check = Arc::new(self.checks[0].clone());
        let storm = storm::while_storming(self.server.api, &check, &logins, options.pick(3, 1));
        let (peak, (rate, p99s)) = peak_while(self.server.pid(), storm).await?;
        eprintln!("load:   {checks:.0} checks/s, {refreshes:.0} refreshes/s, {rate:.1} logins/s");
        self.found.checks.push(checks);
        self.found.refreshes.push(refreshes);
        self.found.logins.push(rate);
        self.found.stormy.extend(p99s);
        self.found.peaks.push(peak);
        Ok(())
    }
}

async fn idle(server: &Server) -> Result<f64> {
    sleep(Duration::from_secs(1)).await;
    resident(server.pid())
}

fn compare(ours: Found, theirs: Found) -> Vec<Row> {
    let both = |ours, theirs| (median(ours), median(theirs));
    let smaller = |figure, (ours, theirs): (f64, f64), unit: &str| {
        let measured = format!("{ours:.1} {unit} against {theirs:.1} {unit}");
        Row::at_most(figure, measured, ours / theirs, 1.0)
    };
    let faster = |figure, (ours, theirs): (f64, f64)| {
        let measured = format!("{ours:.0}/s against {theirs:.0}/s");
        Row::at_least(figure, measured, ours / theirs, 1.0)
    };
    let (peak, their_peak) = both(ours.peaks, theirs.peaks);
    let (logins, their_logins) = both(ours.logins, theirs.logins);
    vec![
        smaller(
            "start to first answer, ours ÷ PocketBase",
            both(ours.starts, theirs.starts),
            "ms",
        ),
        smaller(
            "resident memory idle, ours ÷ PocketBase",
            (ours.idle, theirs.idle),
            "MiB",
        ),
        faster(
            "check-auth-status ÷ PocketBase, own record",
            both(ours.checks, theirs.checks),
        ),
        faster(
            "token/refresh ÷ PocketBase, auth-refresh",
            both(ours.refreshes, theirs.refreshes),
        ),
        smaller(
            "p99 of the status at 200/s, logins storming, ours ÷ PocketBase",
            both(ours.stormy, theirs.stormy),
            "ms",
        ),
        Row::told(
            "resident memory at its peak in logins, scrypt ln=17 ÷ PocketBase, bcrypt 10",
            format!("{peak:.1} MiB against {their_peak:.1} MiB"),
            peak / their_peak,
        ),
        Row::told(
            "logins, scrypt ln=17 ÷ PocketBase, bcrypt 10",
            format!("{logins:.1}/s against {their_logins:.1}/s"),
            logins / their_logins,
        ),
    ]
}

/// The number of the record, and the token.
fn their_login(body: &[u8]) -> Result<(String, String)> {
    let body: Value = serde_json::from_slice(body).context("reading an answer of PocketBase")?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let found = text(&body["record"]["id"]).zip(text(&body["token"]));
    found.context("PocketBase answered a login without a token")
}

async fn start(program: &Path, folder: &Path) -> Result<Server> {
    let data = folder.join("data");
    if !data.exists() {
        // Without one it opens a browser, so that somebody makes one there.
        let mut command = Command::new(program);
        command.args(["superuser", "upsert", "root@example.org", PASSWORD, "--dir"]);
        let made = command.arg(&data).output();
        let made = made.with_context(|| format!("starting {}", program.display()))?;
        ensure!(
            made.status.success(),
            "PocketBase ended with {}",
            made.status
        );
    }
    let address = free_address()?;
    let mut command = Command::new(program);
    command.args(["serve", "--http"]).arg(address.to_string());
    command.arg("--dir").arg(data).current_dir(folder);
    let ready = Api { address }.request("GET", "/api/health", None, None, 200);
    Server::launch(command, address, &ready)
        .await
        .context("starting PocketBase")
}
