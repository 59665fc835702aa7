//! `serve` below a service manager such as systemd: what it is told, over a socket of the test's own.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::server::{PATIENCE, Server, Site, run, until};

/// The socket that a service manager listens at.
struct Manager {
    socket: UnixDatagram,
    server: Server,
}

impl Manager {
    fn start(site: &Site, set: impl Fn(&mut Command)) -> Self {
        let path = site.path("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let mut command = site.command(&["serve", "--listen", "127.0.0.1:0"]);
        set(command.env("NOTIFY_SOCKET", &path));
        let server = Server::start(command, &site.path("log"));
        Self { socket, server }
    }

    /// The lines of the next message, unless none comes in time.
    fn heard_within(&self, time: Duration) -> Option<Vec<String>> {
        self.socket.set_read_timeout(Some(time)).expect("a time");
        let mut text = [0; 4096];
        let length = self.socket.recv(&mut text).ok()?;
        let text = String::from_utf8_lossy(&text[..length]);
        Some(text.lines().map(str::to_owned).collect())
    }

    #[track_caller]
    fn heard(&self) -> Vec<String> {
        self.heard_within(PATIENCE).expect("a message")
    }
}

#[test]
fn the_service_manager_hears_of_start_reload_and_stop() {
    let site = Site::new();
    let mut manager = Manager::start(&site, |_| {});
    let ready = manager.heard();
    let address = manager.server.address();
    let status = format!("STATUS=Serving http://{address} at {address}");
    assert_eq!(ready, ["READY=1", &status]);
    assert_eq!(manager.server.get("/healthz", "").status, 200);
    manager.server.read_on_to("token issue");
    let announced = &manager.server.announced;
    let user = run(Command::new("id").arg("-un"), "").ok();
    let next = format!("\n  sudo -u {} ", user.trim());
    assert_eq!(announced.matches(&next).count(), 2, "{announced}");

    for is_right in [true, false] {
        if !is_right {
            site.database()
                .change("UPDATE keys SET nonce = x'0102030405060708090a0b0c'");
        }
        manager.server.signal(Signal::HUP);
        let reload = manager.heard();
        assert_eq!(reload[0], "RELOADING=1");
        let time = reload[1].strip_prefix("MONOTONIC_USEC=").expect("a time");
        assert!(time.parse::<u64>().expect("a number") > 0);
        assert_eq!(manager.heard(), ["READY=1"]);
        let word = if is_right {
            "sys_reloaded"
        } else {
            "not_reloaded"
        };
        until("a line about it", || {
            manager.server.log().contains(word).then_some(())
        });
    }

    assert_eq!(manager.server.stop(), Some(0));
    assert_eq!(manager.heard(), ["STOPPING=1"]);
}

#[test]
fn the_watchdog_is_fed_while_the_database_takes_writes_and_not_while_it_hangs() {
    let site = Site::with_database();
    let period = Duration::from_millis(200);
    let microseconds = period.as_micros().to_string();
    let mut manager = Manager::start(&site, |it| {
        it.env("WATCHDOG_USEC", &microseconds);
    });
    assert_eq!(manager.heard()[0], "READY=1");
    for _ in 0..3 {
        assert_eq!(manager.heard(), ["WATCHDOG=1"]);
    }

    // Somebody else writes, and does not end it.
    let other = site.database();
    other.change("BEGIN IMMEDIATE");
    // The last one may have been on its way.
    while manager.heard_within(5 * period).is_some() {}
    assert_eq!(manager.server.get("/healthz", "").status, 200);
    other.change("ROLLBACK");
    assert_eq!(manager.heard(), ["WATCHDOG=1"]);
    assert_eq!(manager.server.stop(), Some(0));
}

#[test]
fn a_watchdog_of_another_process_is_not_fed() {
    let site = Site::new();
    let mut manager = Manager::start(&site, |it| {
        it.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    });
    assert_eq!(manager.heard()[0], "READY=1");
    assert_eq!(manager.server.stop(), Some(0));
    assert_eq!(manager.heard(), ["STOPPING=1"]);
}

#[test]
fn a_service_manager_may_listen_at_a_name_that_is_in_no_folder() {
    let site = Site::new();
    let name = site.path("notify").display().to_string();
    let address = SocketAddr::from_abstract_name(&name).expect("an address");
    let socket = UnixDatagram::bind_addr(&address).expect("a socket");
    let mut command = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", format!("@{name}"));
    let server = Server::start(command, &site.path("log"));
    let mut manager = Manager { socket, server };
    assert_eq!(manager.heard()[0], "READY=1");
    assert_eq!(manager.server.stop(), Some(0));
    assert_eq!(manager.heard(), ["STOPPING=1"]);
}

#[test]
fn where_no_service_manager_is_named_nothing_is_said_of_it() {
    let site = Site::new();
    let mut command = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", "");
    let mut server = Server::start(command, &site.path("log"));
    assert_eq!(server.stop(), Some(0));
    assert!(!server.log().contains("not_notified"), "{}", server.log());
}

#[test]
fn a_service_manager_that_is_gone_stops_nothing() {
    let site = Site::new();
    let mut command = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", site.path("nobody"));
    command.env("WATCHDOG_USEC", "1000");
    let mut server = Server::start(command, &site.path("log"));
    assert_eq!(server.get("/healthz", "").status, 200);
    assert_eq!(server.stop(), Some(0));
    assert!(server.log().contains("not_notified"), "{}", server.log());
}
