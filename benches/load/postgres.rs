//! Figures: the same over PostgreSQL as over SQLite, on the same machine; and long work on the command
//! line there. Each database is made for its figure, and dropped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Builder;
use tokio::time::sleep;
use tokio_postgres::NoTls;

use crate::commits;
use crate::drive::{Amount, Load};
use crate::options::{self, Options};
use crate::process::resident;
use crate::report::Row;
use crate::server::{Server, TOKEN_COST, fresh_folder};
use crate::stats::Turns;
use crate::tool::{Names, time, write_users};

const USERS: u64 = 300_000;
const SMOKE_USERS: u64 = 5_000;
const CONNECTIONS: usize = 32;
const CLIENTS: usize = 64;
const SESSIONS: usize = 1000;

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let server = options.postgres.as_deref();
    let server = server.context("there is no PostgreSQL to measure without --postgres URL")?;
    let mut rows = serve(server, options).await?;
    rows.push(logouts(server, options).await?);
    rows.extend(bulk(server, options).await?);
    Ok(rows)
}

/// A database that goes when the benchmark lets go of it.
struct Database {
    url: String,
    name: String,
    server: String,
}

impl Database {
    async fn make(server: &str) -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("minisass_load_{}_{number}", std::process::id());
        let database = Self {
            url: server.replace(options::DATABASE, &name),
            server: server.replace(options::DATABASE, "postgres"),
            name,
        };
        let make = format!("CREATE DATABASE {}", database.name);
        run(&database.server, &make).await?;
        Ok(database)
    }

    fn argument(&self) -> [&str; 2] {
        ["--database", &self.url]
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let url = self.server.clone();
        let dropped = move || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(run(&url, &drop))
        };
        // On a thread that has no runtime yet. What stays is named so that it is known.
        let _ = std::thread::spawn(dropped).join();
    }
}

async fn run(url: &str, sql: &str) -> Result<()> {
    let connected = tokio_postgres::connect(url, NoTls).await;
    let (client, traffic) = connected.context("connecting to PostgreSQL")?;
    // Whoever asks hears of its end.
    tokio::spawn(async { drop(traffic.await) });
    client
        .batch_execute(sql)
        .await
        .with_context(|| sql.to_owned())
}

async fn serve(server: &str, options: &Options) -> Result<Vec<Row>> {
    let database = Database::make(server).await?;
    let (here, there) = (fresh_folder()?, fresh_folder()?);
    let file = Server::start(here.path(), TOKEN_COST).await?;
    let shared = Server::start_with(there.path(), TOKEN_COST, &database.argument()).await?;
    sleep(Duration::from_secs(2)).await;
    let health = shared.api.load(1, [shared.api.health()].into());
    health.rate(Amount::Jobs(10)).await?;
    let mut rows = vec![Row::within(
        "PostgreSQL: resident memory, idle after start",
        resident(shared.pid())?,
        24.0,
        "MiB",
    )];

    let (on_file, on_server) = (checks(&file).await?, checks(&shared).await?);
    // As the server of the database does by itself within a minute.
    run(&database.url, "ANALYZE").await?;
    let window = Amount::For(options.pick(Duration::from_secs(2), Duration::from_millis(600)));
    let mut turns = Turns::default();
    for _ in 0..options.pick(5, 2) {
        let reference = on_file.rate(window).await?;
        turns.add(on_server.rate(window).await?, reference);
    }
    let (postgres, sqlite) = turns.medians();
    rows.push(Row::at_least(
        "PostgreSQL: check-auth-status ÷ over SQLite, 32 connections",
        format!("{postgres:.0}/s against {sqlite:.0}/s"),
        postgres / sqlite,
        0.3,
    ));
    Ok(rows)
}

async fn checks(server: &Server) -> Result<Load> {
    let api = server.api;
    let tokens = api.open_sessions(SESSIONS).await?;
    let checks = tokens.iter().map(|token| api.check(token)).collect();
    Ok(api.load(CONNECTIONS, checks))
}

async fn logouts(server: &str, options: &Options) -> Result<Row> {
    let (database, folder) = (Database::make(server).await?, fresh_folder()?);
    let server = Server::start_with(folder.path(), TOKEN_COST, &database.argument()).await?;
    let (rounds, per_round) = options.pick((3, 6000), (2, 600));
    let tokens = server.api.open_sessions(rounds * per_round).await?;
    let scratch = folder.path().join("scratch.db");
    commits::fill(&scratch)?;
    let mut turns = Turns::default();
    for tokens in tokens.chunks(per_round) {
        let window = Duration::from_millis(500);
        let single = commits::commits_per_second(&scratch, window, None).await?;
        let logouts = tokens.iter().map(|it| server.api.logout(it)).collect();
        let load = server.api.load(CLIENTS, logouts);
        turns.add(load.rate(Amount::Jobs(tokens.len())).await?, single);
    }
    let (logouts, singles) = turns.medians();
    Ok(Row::told(
        "PostgreSQL: logouts, 64 clients ÷ one commit of SQLite at a time, the disk that is here",
        format!("{logouts:.0}/s against {singles:.0}/s"),
        logouts / singles,
    ))
}

/// Import, and both ways of a copy.
async fn bulk(server: &str, options: &Options) -> Result<Vec<Row>> {
    let users = options.pick(USERS, SMOKE_USERS);
    let (imported, copied) = (Database::make(server).await?, Database::make(server).await?);
    let folder = fresh_folder()?;
    let file = folder.path().join("users.jsonl");
    write_users(&file, users, Names::InRandomOrder)?;
    let file = file.to_str().context("the build folder has an odd name")?;
    let data = folder.path().join("data");
    let per_second = |taken: Duration| users as f64 / taken.as_secs_f64();

    let [flag, url] = imported.argument();
    let taken = time(&data, &["user", "import", flag, url, file]).await?;
    let figure =
        format!("PostgreSQL: `user import`, {users} users with hashes, names in random order");
    let mut rows = vec![Row::rate(figure, per_second(taken), 10_000.0, "users/s")];

    let back = folder.path().join("back.db");
    let back = back.to_str().context("the build folder has an odd name")?;
    let taken = time(&data, &["db", "copy", flag, url, "--to", back]).await?;
    rows.push(copied_row(
        "PostgreSQL: `db copy` to SQLite",
        per_second(taken),
        users,
    ));
    let copy = ["db", "copy", flag, back, "--to", &copied.url];
    let taken = time(&data, &copy).await?;
    rows.push(copied_row(
        "PostgreSQL: `db copy` from SQLite",
        per_second(taken),
        users,
    ));
    Ok(rows)
}

fn copied_row(what: &str, rate: f64, users: u64) -> Row {
    let figure = format!("{what}, {users} users, verified");
    Row::told(figure, format!("{rate:.0} users/s"), 1.0)
}
