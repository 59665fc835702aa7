//! What the server is asked meanwhile: every client has a session of its own and goes through the same
//! circle of requests, right and wrong ones, as fast as a clock says and no faster.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::api::{Api, email, tokens};
use crate::client::Client;
use crate::request::Request;

pub const CLIENTS: usize = 8;
/// Of a client: 64 a second all together.
const PERIOD: Duration = Duration::from_millis(125);
/// Those who log in; a client has one of them.
pub const USERS: usize = 16;
/// How many requests make a circle: half a minute.
const CIRCLE: u64 = 240;
/// How long a stranger keeps a connection with half a request.
const STALL: Duration = Duration::from_secs(20);

#[derive(Default)]
pub struct Counts {
    pub answered: AtomicU64,
    /// Otherwise than they should have been.
    pub unexpected: AtomicU64,
}

impl Counts {
    pub fn note_unexpected(&self, reason: &anyhow::Error) {
        eprintln!("load: {reason:#}");
        self.unexpected.fetch_add(1, Ordering::Relaxed);
    }
}

/// Asks until it is stopped.
pub async fn client(api: Api, number: usize, counts: Arc<Counts>) -> Result<()> {
    let mut clock = interval(PERIOD);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut connection = Client::connect(api.address).await?;
    let mut session = (String::new(), String::new());
    // They do not all log in together.
    let start = number as u64 * CIRCLE / CLIENTS as u64;
    for step in start.. {
        clock.tick().await;
        let is_login = step % CIRCLE == 0 || session.0.is_empty();
        let request = if is_login {
            api.login(&email(number))
        } else {
            turn(api, step, number, &session)
        };
        let answer = request
            .from(address(step, number))
            .send(&mut connection)
            .await;
        match answer {
            Ok(answer) if is_login => session = tokens(answer.body)?,
            Ok(_) => {}
            Err(reason) => {
                counts.note_unexpected(&reason);
                connection = Client::connect(api.address).await?;
                // Whatever it was, a new login puts it right.
                session = Default::default();
            }
        }
        counts.answered.fetch_add(1, Ordering::Relaxed);
        if step % CIRCLE == 90 {
            connection = Client::connect(api.address).await?;
        }
    }
    Ok(())
}

fn turn(api: Api, step: u64, number: usize, session: &(String, String)) -> Request {
    let stranger = format!("stranger{number}-{step}@example.org");
    match step % CIRCLE {
        60 => api.refused_login(&stranger),
        120 => api.request_reset_of(&email(number)),
        150 => api.request_reset_of(&stranger),
        // Once in four circles: accounts stay, and so they are to be few.
        180 if (step / CIRCLE).is_multiple_of(4) => {
            api.registration(1_000_000 + step as usize * CLIENTS + number)
        }
        200 => api.request("GET", "/nothing", None, None, 404),
        210 => api.request("GET", "/openapi.json", None, None, 200),
        // Its session has ended, and the next circle begins with a login.
        239 => api.logout(&session.0),
        place if place % 9 == 0 => api.refresh(&session.1),
        place if place % 40 == 1 => api.health(),
        _ => api.check(&session.0),
    }
}

/// A client is somewhere else each time.
fn address(step: u64, number: usize) -> Ipv4Addr {
    let somewhere = step.wrapping_mul(CLIENTS as u64) + number as u64;
    Ipv4Addr::from(0x0a00_0000 | (somewhere & 0x00ff_ffff) as u32)
}

/// Connections on which nothing sensible comes.
pub async fn strangers(api: Api) -> Result<()> {
    loop {
        let mut stalled = Vec::new();
        for head in [
            "GET /he",
            "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
            "\u{1}\u{2}",
        ] {
            let mut stream = TcpStream::connect(api.address).await?;
            // It may have been refused before all of it was sent.
            let _ = stream.write_all(head.as_bytes()).await;
            stalled.push(stream);
        }
        sleep(STALL).await;
    }
}
