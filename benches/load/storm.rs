//! Figure: whether a storm of logins is felt by those who only check a token.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::api::{Api, access_token};
use crate::client::Client;
use crate::drive::{Amount, Load};
use crate::login;
use crate::options::Options;
use crate::report::Row;
use crate::request::Request;
use crate::server::{REAL_COST, Server, fresh_folder};
use crate::stats::{Turns, p99};

const CONNECTIONS: u32 = 4;
/// 50 a second on each connection, 200 in all.
const PERIOD: Duration = Duration::from_millis(20);
/// The row takes the median of the p99 of many slices. A virtual machine is stopped by its host now
/// and then, for longer than any answer takes; that spoils a slice, where it would spoil the p99 of
/// a whole run.
const SLICE: Duration = Duration::from_secs(2);
/// By then every hashing thread is at work and the queue is as full as it gets.
const WARM_UP: Duration = Duration::from_secs(1);

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let folder = fresh_folder()?;
    let server = Server::start(folder.path(), REAL_COST).await?;
    let api = server.api;
    let users = options.pick(16, 4);
    api.register(users).await?;
    let tokens = api
        .logins(1, users)
        .collect(Amount::Jobs(1), access_token)
        .await?;
    let request = Arc::new(api.check(tokens.first().context("the login gave no token")?));
    let logins = api.logins(options.pick(login::clients(options), 8), users);

    let slices = options.pick(3, 1);
    let mut turns = Turns::default();
    for _ in 0..options.pick(4, 1) {
        let quiet = slice_p99s(api, &request, slices).await?;
        let (_, stormy) = while_storming(api, &request, &logins, slices).await?;
        stormy
            .into_iter()
            .zip(quiet)
            .for_each(|(stormy, quiet)| turns.add(stormy, quiet));
    }
    let (stormy, quiet) = turns.medians();
    let measured = format!("{stormy:.2} ms in the storm, {quiet:.2} ms without");
    Ok(vec![Row::at_most(
        "p99 of check-auth-status at 200/s, logins storming",
        measured,
        stormy / quiet,
        1.5,
    )])
}

/// How many logins there are a second, and the p99 of each slice meanwhile.
pub async fn while_storming(
    api: Api,
    request: &Arc<Request>,
    logins: &Load,
    slices: u32,
) -> Result<(f64, Vec<f64>)> {
    let storming = logins.rate(Amount::For(WARM_UP + SLICE * slices));
    tokio::try_join!(storming, async {
        sleep(WARM_UP).await;
        slice_p99s(api, request, slices).await
    })
}

async fn slice_p99s(api: Api, request: &Arc<Request>, slices: u32) -> Result<Vec<f64>> {
    let mut p99s = Vec::new();
    for _ in 0..slices {
        p99s.push(p99(paced(api, request).await?));
    }
    Ok(p99s)
}

/// The times that evenly paced requests took, in one slice.
async fn paced(api: Api, request: &Arc<Request>) -> Result<Vec<Duration>> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = Client::connect(api.address).await?;
        // The first answer on a connection pays for its making, and would be one in a hundred here.
        request.send(&mut client).await?;
        clients.push(client);
    }
    let mut begin = Instant::now() + PERIOD;
    let mut tasks = JoinSet::new();
    for client in clients {
        tasks.spawn(pace(client, Arc::clone(request), begin));
        begin += PERIOD / CONNECTIONS;
    }
    let mut times = Vec::new();
    while let Some(task) = tasks.join_next().await {
        times.extend(task.context("a paced client panicked")??);
    }
    Ok(times)
}

/// A request counts from the moment it is sent, for the timer's lateness is not the server's. But
/// where the answer before came so late that the moment had passed, it counts from when it was due:
/// a stalled server must not win by being asked less often.
async fn pace(mut client: Client, request: Arc<Request>, begin: Instant) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    let mut due = begin;
    while due < begin + SLICE {
        let late = due < Instant::now();
        sleep_until(due).await;
        let from = if late { due } else { Instant::now() };
        request.send(&mut client).await?;
        times.push(from.elapsed());
        due += PERIOD;
    }
    Ok(times)
}
