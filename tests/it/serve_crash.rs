//! A crash, and a disk that is full: what was acknowledged is there.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Resource, Rlimit, Signal, prlimit};
use serde_json::json;

use crate::server::{CHEAP, PASSWORD, Server, Site, clear_settings, until};
use crate::wire::{Answer, head};

/// Registers until the server is gone; notes every name that was acknowledged.
fn register_until_killed(server: &Server, names: &AtomicUsize, acknowledged: &Mutex<Vec<String>>) {
    use std::io::{Read, Write};
    loop {
        let name = format!("user{}", names.fetch_add(1, Ordering::Relaxed));
        let body = json!({
            "username": name, "email": format!("{name}@example.org"), "password": PASSWORD,
            "first_name": "A", "last_name": "B", "organizationType": "NGO",
            "organizationName": "Rivers", "country": "ZA",
        })
        .to_string();
        let json = "Content-Type: application/json\r\n";
        let request = head("POST", "/authentication/api/register/", json, body.len()) + &body;
        let Ok(mut stream) = std::net::TcpStream::connect(server.address()) else {
            return;
        };
        let mut text = String::new();
        let _ = stream.write_all(request.as_bytes());
        if stream.read_to_string(&mut text).is_err() || text.is_empty() {
            return;
        }
        assert_eq!(Answer::read(text.as_bytes()).status, 201, "{text}");
        acknowledged.lock().expect("the names").push(name);
    }
}

#[test]
fn every_acknowledged_registration_survives_a_kill() {
    let site = Site::new();
    let mut server = site.start(&[]);
    let (names, acknowledged) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| register_until_killed(&server, &names, &acknowledged));
        }
        until("some registrations", || {
            (acknowledged.lock().expect("the names").len() >= 40).then_some(())
        });
        server.signal(Signal::KILL);
    });
    server.wait();

    let server = site.start(&[]);
    let database = site.database();
    database.assert_sound();
    let halves = "SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM profiles)";
    assert_eq!(database.get::<i64>(halves), 0);
    let acknowledged = acknowledged.into_inner().expect("the names");
    let there: Vec<String> = database.rows("SELECT username FROM users");
    for name in &acknowledged {
        assert!(there.contains(name), "{name} is lost");
    }
    let last = acknowledged.last().expect("a name");
    assert_eq!(server.login(&format!("{last}@example.org")).status, 200);
}

#[test]
fn a_full_disk_refuses_writes_keeps_reading_and_passes() {
    let site = Site::new();
    let mut command = Command::new("sh");
    clear_settings(&mut command);
    // A write beyond the limit fails instead of ending the process.
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    command.arg(env!("CARGO_BIN_EXE_minisass-auth"));
    command.arg("--data-dir").arg(site.data());
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--scrypt",
        CHEAP,
        "--throttle",
        "false",
    ]);
    let mut server = Server::start(command, &site.path("log"));
    assert_eq!(server.register("ada"), 201);
    let token = server.login("ada@example.org").text("access_token");
    let limit = |bytes: Option<u64>| {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        prlimit(Some(server.id()), Resource::Fsize, limit).expect("a new limit");
    };

    limit(Some(1));
    let refused = server.login("ada@example.org");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.head.to_lowercase().contains("retry-after:"));
    assert_eq!(server.register("bo"), 503);
    assert_eq!(server.status_of(&token), 200, "reading goes on");
    assert_eq!(server.get("/readyz", "").status, 503);
    assert_eq!(server.get("/healthz", "").status, 200);

    limit(None);
    until("readiness", || {
        (server.get("/readyz", "").status == 200).then_some(())
    });
    assert_eq!(
        server.register("bo"),
        201,
        "nothing of the refused one was left"
    );
    assert_eq!(server.login("ada@example.org").status, 200);
    assert_eq!(server.stop(), Some(0));
}
