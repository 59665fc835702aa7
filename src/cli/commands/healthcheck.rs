//! `healthcheck`: whether the server answers. What it needs is in the program, so that a container
//! needs nothing else.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::bail;
use serde_json::json;

use crate::cli::terminal::output::Output;
use crate::failure::in_words;
use crate::settings::{Listen, Source, Values};

/// How long the whole of it may take.
const PATIENCE: Duration = Duration::from_secs(5);

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

pub(crate) fn run(values: &Values, output: &mut Output) -> anyhow::Result<()> {
    // A monitor may lack the right to read the settings; one that says where the server is does not need them.
    if values.source("listen") != Source::Flag {
        values.check_sources()?;
    }
    let listen: Listen = values.parse("listen")?;
    check(&listen)?;
    let sentence = format!("the server at {listen} answers");
    output.done(&sentence, &json!({"is_healthy": true}))
}

/// Refuses a server that does not answer, or not well.
pub(crate) fn check(listen: &Listen) -> anyhow::Result<()> {
    let asked = listen.clone();
    match in_time(move || ask(&asked)) {
        Some(Ok(200)) => Ok(()),
        Some(Ok(status)) => bail!(
            "what listens at {listen} answers /healthz with {status}; see that it is this server, \
             and read its log"
        ),
        Some(Err(err)) => bail!(
            "nothing answers at {listen}: {}; start the server, or say --listen as it was started",
            in_words(&err)
        ),
        None => bail!(
            "there is no answer at {listen} within {} s; see what the server does, and read its log",
            PATIENCE.as_secs()
        ),
    }
}

/// What comes of `work`; none, if nothing does in time.
pub(crate) fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, done) = mpsc::channel();
    // A thread that waits for ever ends with the process.
    std::thread::spawn(move || sender.send(work()));
    done.recv_timeout(PATIENCE).ok()
}

fn ask(listen: &Listen) -> io::Result<u16> {
    match listen {
        Listen::Tcp(address) => status_of(TcpStream::connect(reachable(*address))?),
        Listen::Unix(path) => status_of(UnixStream::connect(path)?),
    }
}

/// A server that listens on all addresses is found on that of this machine itself.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

fn status_of(mut stream: impl Read + Write) -> io::Result<u16> {
    stream.write_all(REQUEST)?;
    let mut start = [0; b"HTTP/1.1 200".len()];
    stream.read_exact(&mut start)?;
    let status = std::str::from_utf8(&start).ok();
    let status = status.and_then(|it| it.strip_prefix("HTTP/1.1 ")?.parse().ok());
    status.ok_or_else(|| io::Error::other("it does not speak HTTP/1.1"))
}
