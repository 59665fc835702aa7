//! Figures of long work on the command line: import, export, the first page of a long list, backup.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::drive::{Amount, Load};
use crate::options::Options;
use crate::report::Row;
use crate::server::{Server, TOKEN_COST, fresh_folder};
use crate::stats::{Turns, median, milliseconds};
use crate::tool::{Names, time, write_users};

const USERS: u64 = 300_000;
const SMOKE_USERS: u64 = 20_000;

/// Of those who ask a server that has many users.
const SESSIONS: usize = 1000;
const CONNECTIONS: usize = 16;

/// A folder with a file of users and the data folder that they were imported into.
struct Filled {
    folder: TempDir,
    import: Duration,
}

impl Filled {
    async fn with(users: u64, names: Names) -> Result<Self> {
        let folder = fresh_folder()?;
        let file = folder.path().join("users.jsonl");
        write_users(&file, users, names)?;
        let import = time(
            &folder.path().join("data"),
            &["user", "import", text(&file)?],
        )
        .await?;
        Ok(Self { folder, import })
    }

    async fn time(&self, arguments: &[&str]) -> Result<Duration> {
        time(&self.folder.path().join("data"), arguments).await
    }
}

pub async fn import(options: &Options) -> Result<Vec<Row>> {
    let users = options.pick(USERS, SMOKE_USERS);
    let mut rows = Vec::new();
    for (names, shown) in [
        (Names::InOrder, "in order"),
        (Names::InRandomOrder, "in random order"),
    ] {
        let mut rates = Vec::new();
        for _ in 0..options.pick(3, 1) {
            let filled = Filled::with(users, names).await?;
            rates.push(users as f64 / filled.import.as_secs_f64());
            eprintln!("load:   {:.0} users/s", rates[rates.len() - 1]);
        }
        let figure = format!("`user import`, {users} users with hashes, names {shown} (median)");
        rows.push(Row::rate(figure, median(rates), 50_000.0, "users/s"));
    }
    Ok(rows)
}

pub async fn export(options: &Options) -> Result<Vec<Row>> {
    let users = options.pick(USERS, SMOKE_USERS);
    let filled = Filled::with(users, Names::InRandomOrder).await?;
    let file = filled.folder.path().join("exported.jsonl");
    let mut rates = Vec::new();
    for _ in 0..options.pick(3, 1) {
        let taken = filled
            .time(&["user", "export", "--force", "--with-hashes", text(&file)?])
            .await?;
        rates.push(users as f64 / taken.as_secs_f64());
        eprintln!("load:   {:.0} users/s", rates[rates.len() - 1]);
    }
    let figure = format!("`user export`, {users} users with hashes (median)");
    Ok(vec![Row::rate(figure, median(rates), 50_000.0, "users/s")])
}

pub async fn list(options: &Options) -> Result<Vec<Row>> {
    let users = options.pick(1_000_000, SMOKE_USERS);
    let (few, many) = (
        Filled::with(1000, Names::InRandomOrder).await?,
        Filled::with(users, Names::InRandomOrder).await?,
    );
    let mut turns = Turns::default();
    for _ in 0..options.pick(20, 5) {
        let reference = milliseconds(few.time(&["user", "list"]).await?);
        turns.add(milliseconds(many.time(&["user", "list"]).await?), reference);
    }
    let (long, short) = turns.medians();
    let mut rows = vec![Row::at_most(
        format!("`user list`, first page of {users} users ÷ of 1000"),
        format!("{long:.1} ms against {short:.1} ms"),
        long / short,
        MOST_FOR_MANY,
    )];
    let (few, many) = (Served::over(&few).await?, Served::over(&many).await?);
    let asked = [
        ("check-auth-status", &few.checks, &many.checks),
        ("logins at ln=10", &few.logins, &many.logins),
    ];
    for (name, few, many) in asked {
        rows.push(of_many(name, few, many, users, options).await?);
    }
    Ok(rows)
}

/// How long it may take with so many users, in times of what it takes with a thousand.
const MOST_FOR_MANY: f64 = 1.1;

/// A server over a filled folder, and what it is asked.
struct Served {
    checks: Load,
    logins: Load,
    _server: Server,
}

impl Served {
    async fn over(filled: &Filled) -> Result<Self> {
        let data = filled.folder.path().join("data");
        let server = Server::start(&data, TOKEN_COST).await?;
        let api = server.api;
        let tokens = api.open_sessions(SESSIONS).await?;
        let checks = tokens.iter().map(|token| api.check(token)).collect();
        Ok(Self {
            checks: api.load(CONNECTIONS, checks),
            logins: api.logins(CONNECTIONS, CONNECTIONS),
            _server: server,
        })
    }
}

async fn of_many(
    name: &str,
    few: &Load,
    many: &Load,
    users: u64,
    options: &Options,
) -> Result<Row> {
    let window = Amount::For(options.pick(Duration::from_secs(2), Duration::from_millis(600)));
    let mut turns = Turns::default();
    for _ in 0..options.pick(5, 2) {
        let reference = few.rate(window).await?;
        turns.add(many.rate(window).await?, reference);
    }
    let (many, few) = turns.medians();
    Ok(Row::at_most(
        format!("{name}, {users} users ÷ 1000, time"),
        format!("{many:.0}/s against {few:.0}/s"),
        few / many,
        MOST_FOR_MANY,
    ))
}

pub async fn backup(options: &Options) -> Result<Vec<Row>> {
    let filled = Filled::with(options.pick(USERS, SMOKE_USERS), Names::InRandomOrder).await?;
    let folder = filled.folder.path();
    let database = folder.join("data/auth.db");
    let megabytes = fs::metadata(&database)?.len() as f64 / 1e6;
    let (copy, backup) = (folder.join("copy.db"), folder.join("backup.db"));
    let mut turns = Turns::default();
    for _ in 0..options.pick(5, 2) {
        let plain = copy_plainly(&database, &copy)?;
        let taken = filled.time(&["db", "backup", text(&backup)?]).await?;
        turns.add(
            megabytes / taken.as_secs_f64(),
            megabytes / plain.as_secs_f64(),
        );
        fs::remove_file(&copy)?;
        fs::remove_file(&backup)?;
    }
    let (backed_up, copied) = turns.medians();
    Ok(vec![Row::told(
        format!("`db backup` with its checks, {megabytes:.0} MB ÷ plain copy with fsync"),
        format!("{backed_up:.0} MB/s against {copied:.0} MB/s"),
        backed_up / copied,
    )])
}

/// What somebody would do while the server is stopped: copy the file, and wait for the disk.
fn copy_plainly(from: &Path, to: &Path) -> Result<Duration> {
    let started = Instant::now();
    fs::copy(from, to)?;
    File::open(to)?.sync_all()?;
    Ok(started.elapsed())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the build folder has an odd name")
}
