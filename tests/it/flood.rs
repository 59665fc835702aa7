//! Floods: what many connections cost the server, and whether others get in meanwhile.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::process::Command;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::app::API;
use crate::client::read_answer;
use crate::server::{PATIENCE, Server, Site, until};

/// What the server reserves for each connection, in KiB (`src/http/server/places.rs`).
const PER_CONNECTION: usize = 128;
/// How many of each kind there are in a flood.
const EACH: usize = 300;

/// The number behind a name in the server's status, in KiB.
fn memory(server: &Server, name: &str) -> usize {
    let path = format!("/proc/{}/status", server.id().as_raw_nonzero());
    let text = fs::read_to_string(path).expect("the status");
    let line = text.lines().find_map(|it| it.strip_prefix(name));
    let number = line.and_then(|it| it.trim().strip_suffix(" kB"));
    number.and_then(|it| it.parse().ok()).expect("a number")
}

fn resident(server: &Server) -> usize {
    memory(server, "VmRSS:")
}

/// A connection from one of the addresses of this machine.
fn connect_from(last: u8, server: &Server) -> TcpStream {
    // Servers of other tests, which start meanwhile, are not to have it too.
    let (kind, flags) = (SocketType::STREAM, SocketFlags::CLOEXEC);
    let stream = socket_with(AddressFamily::INET, kind, flags, None).expect("a socket");
    bind(
        &stream,
        &SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), 0),
    )
    .expect("an address");
    let address: SocketAddrV4 = server.address().parse().expect("an address");
    connect(&stream, &address).expect("a connection");
    let stream = TcpStream::from(stream);
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// What a client at this address is told, if it is let in.
fn status_from(last: u8, server: &Server) -> Option<u16> {
    let mut stream = connect_from(last, server);
    // Who is not let in may be told so already.
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    read_answer(&mut stream, false).map(|it| it.status)
}

/// Room for both ends of a test's connections.
fn raise_descriptors() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("more descriptors");
}

/// Waits until the server has read all that was sent to it.
fn wait_until_read(server: &Server) {
    let port = server.address().rsplit(':').next().expect("a port");
    let port: u16 = port.parse().expect("a number");
    let ours = format!(":{port:04X} ");
    until("the server to read", || {
        let sockets = fs::read_to_string("/proc/net/tcp").expect("the sockets");
        let waits = |line: &str| {
            let words: Vec<_> = line.split_ascii_whitespace().collect();
            // Established, and something to be read.
            format!("{} ", words[1]).ends_with(&ours)
                && words[3] == "01"
                && !words[4].ends_with(":00000000")
        };
        (!sockets.lines().skip(1).any(waits)).then_some(())
    });
}

#[test]
fn a_flood_stays_within_its_memory_and_others_get_in() {
    raise_descriptors();
    let site = Site::new();
    // As if it came by a proxy: no client's own number of connections ends it.
    let server = site.start(&["--trusted-proxies", "127.0.0.0/8"]);
    let docs = "GET /docs/ HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\n\r\n";
    let body = format!(
        "POST {API}login/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: 65536\r\n\r\n{}",
        "x".repeat(65_535)
    );
    let head = format!(
        "GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}",
        "y".repeat(16_000)
    );
    assert_eq!(status_from(1, &server), Some(200));
    let before = resident(&server);
    let flood = |sent: &str| -> Vec<TcpStream> {
        let send = |_| {
            let mut stream = connect_from(1, &server);
            stream.write_all(sent.as_bytes()).expect("sent");
            stream
        };
        (0..EACH).map(send).collect()
    };
    let mut readers = flood(docs);
    for reader in &mut readers {
        // The answer has begun.
        reader.read_exact(&mut [0; 15]).expect("its begin");
    }
    let rest = [flood(&body), flood(&head)];
    wait_until_read(&server);
    for last in [1, 2] {
        assert_eq!(status_from(last, &server), Some(200));
    }
    // The most there ever was, so that it does not matter whose deadline has passed by now.
    let grown = memory(&server, "VmHWM:").saturating_sub(before);
    let budget = 3 * EACH * PER_CONNECTION;
    assert!(grown < budget, "{grown} of {budget} KiB");
    // What was sent did arrive: bodies and heads alone are as much.
    assert!(grown > EACH * (64 + 16), "{grown} KiB");
    drop((readers, rest));
}

#[test]
fn one_client_with_all_its_connections_keeps_nobody_else_out() {
    raise_descriptors();
    for limit in ["unlimited", "200"] {
        let site = Site::new();
        let serve = site.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut command = Command::new("sh");
        // Where no limit can be lifted, the one that there is stays.
        let script = format!("ulimit -n {limit} || true; exec \"$0\" \"$@\"");
        command.args(["-c", &script]);
        command.arg(serve.get_program()).args(serve.get_args());
        let server = Server::start(command, &site.path("log"));
        let unfinished = |_| {
            let mut stream = connect_from(1, &server);
            let _ = stream.write_all(b"GET /hea");
            stream
        };
        let flood: Vec<_> = (0..300).map(unfinished).collect();
        for _ in 0..3 {
            assert_eq!(status_from(2, &server), Some(200), "{limit}");
        }
        drop(flood);
    }
}

#[test]
fn silent_connections_from_many_addresses_keep_nobody_out() {
    raise_descriptors();
    for sent in ["", "GET /hea", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let site = Site::new();
        let serve = site.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 200; exec \"$0\" \"$@\""]);
        command.arg(serve.get_program()).args(serve.get_args());
        let server = Server::start(command, &site.path("log"));
        let silent = |last: u8| {
            let mut stream = connect_from(last, &server);
            let _ = stream.write_all(sent.as_bytes());
            stream
        };
        let flood: Vec<_> = (2..=250).map(silent).collect();
        for _ in 0..3 {
            assert_eq!(status_from(1, &server), Some(200), "{sent:?}");
        }
        let log = server.log_with("connections_full");
        assert_eq!(log.matches("connections_full").count(), 1, "{log}");
        assert!(log.contains("ulimit -n"), "{log}");
        drop(flood);
    }
}

#[test]
fn who_reads_slowly_shares_the_documentation_with_everybody() {
    let site = Site::new();
    let server = site.start(&[]);
    for coding in ["identity", "gzip"] {
        let request = format!(
            "GET /docs/ HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\nConnection: close\r\n\r\n"
        );
        let ask = || {
            let mut stream = server.connect();
            stream.write_all(request.as_bytes()).expect("sent");
            // The answer has begun.
            stream.read_exact(&mut [0; 15]).expect("its begin");
            stream
        };
        let mut first = Vec::new();
        ask().read_to_end(&mut first).expect("the page");
        let before = resident(&server);
        let readers: Vec<_> = (0..60).map(|_| ask()).collect();
        let grown = resident(&server).saturating_sub(before);
        // 60 copies have 100 MiB, or 30 compressed.
        assert!(grown < 15 * 1024, "{coding}: {grown} KiB");
        for mut reader in readers {
            let mut text = Vec::new();
            reader.read_to_end(&mut text).expect("the page");
            assert_eq!(text.len(), first.len());
        }
    }
}
