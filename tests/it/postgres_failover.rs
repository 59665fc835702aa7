//! A replica that is promoted, and an old primary that comes back: users must not see two databases.

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;

use crate::postgres::{self, Cluster};
use crate::server::{PASSWORD, Server, Site, until};
use crate::world;

/// A server over a primary and its replica, with somebody who has logged in.
struct Pair {
    primary: Cluster,
    replica: Cluster,
    server: Server,
    before: String,
    _site: Site,
}

impl Pair {
    /// With both hosts in the address.
    fn start(name: &str) -> Option<Self> {
        Self::with(name, postgres::QUICK)
    }

    fn with(name: &str, settings: &str) -> Option<Self> {
        Self::at(name, settings, |primary, replica| {
            let hosts = [primary, replica].map(|it| it.folder().display().to_string());
            format!(
                "postgres://postgres@/auth?host={}&target_session_attrs=read-write",
                hosts.join(",")
            )
        })
    }

    fn behind(name: &str, proxy: &Arc<Proxy>) -> Option<Self> {
        Self::at(name, postgres::QUICK, |primary, _| {
            proxy.lead_to(primary);
            let port = Arc::clone(proxy).start();
            format!("postgres://postgres@127.0.0.1:{port}/auth")
        })
    }

    fn at(
        name: &str,
        settings: &str,
        url: impl FnOnce(&Cluster, &Cluster) -> String,
    ) -> Option<Self> {
        let primary = world::part(Cluster::start(name, settings))?;
        primary.make("auth");
        let replica = primary.replica(&format!("{name}-replica"));
        let site = Site::new();
        let server = site.start(&["--database", &url(&primary, &replica)]);
        assert_eq!(server.register("ada"), 201);
        let before = server.login("ada@example.org").text("access_token");
        assert_eq!(server.status_of(&before), 200);
        Some(Self {
            primary,
            replica,
            server,
            before,
            _site: site,
        })
    }

    fn promote(&self) {
        self.replica.promote();
        until("a login", || {
            (self.server.login("ada@example.org").status == 200).then_some(())
        });
    }

    /// That all that is asked for goes to one database.
    fn goes_by_one(&self) {
        let server = &self.server;
        for round in 0..3 {
            let token = server.login("ada@example.org").text("access_token");
            assert_eq!(server.status_of(&token), 200, "in round {round}");
            assert_eq!(server.logout(&token), 200);
            assert_eq!(server.status_of(&token), 401);
        }
        assert_eq!(server.status_of(&self.before), 200);
    }
}

/// Also by a thread that asked nothing meanwhile.
#[test]
fn an_old_primary_that_was_frozen_and_comes_back_is_asked_by_nobody() {
    let Some(pair) = Pair::start("frozen") else {
        return;
    };
    pair.primary.freeze();
    pair.promote();
    pair.primary.thaw();
    pair.goes_by_one();
}

/// It is the first that the address names.
#[test]
fn an_old_primary_that_was_killed_and_is_started_again_is_asked_by_nobody() {
    let Some(pair) = Pair::start("killed") else {
        return;
    };
    pair.primary.kill();
    pair.promote();
    pair.primary.serve();
    pair.goes_by_one();
    let mut other = pair.replica.client("auth");
    for which in ["%sessions%", "SELECT 1; COMMIT", "%"] {
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name LIKE 'minisass-auth%' AND query LIKE '{which}'"
        );
        other.batch_execute(&cut).expect("an end");
        until("a login", || {
            (pair.server.login("ada@example.org").status == 200).then_some(())
        });
        pair.goes_by_one();
    }
    assert_eq!(pair.server.register("bo"), 201);
    let there = "SELECT count(*) FROM users WHERE email = 'bo@example.org'";
    assert_eq!(other.query(there).expect("users")[0].get::<_, i64>(0), 1);
    let log = pair.server.log();
    assert_eq!(log.matches("database_moved").count(), 1, "{log}");
}

#[test]
fn a_primary_that_takes_no_more_connections_is_not_left_for_the_old_one() {
    let few = "max_connections = 20\nsuperuser_reserved_connections = 0\n";
    let Some(pair) = Pair::with("full", &format!("{}{few}", postgres::QUICK)) else {
        return;
    };
    pair.primary.kill();
    pair.promote();
    pair.primary.serve();
    let mut others: Vec<_> = std::iter::from_fn(|| pair.replica.try_client("auth").ok()).collect();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name LIKE 'minisass-auth%' AND query LIKE '%sessions%'";
    others[0].batch_execute(cut).expect("an end");
    // Somebody else has it now.
    others.extend(std::iter::from_fn(|| pair.replica.try_client("auth").ok()));
    for _ in 0..10 {
        pair.server.status_of(&pair.before);
    }
    let log = pair.server.log();
    assert_eq!(log.matches("database_moved").count(), 1, "{log}");
    drop(others);
    until("a connection", || {
        (pair.server.status_of(&pair.before) == 200).then_some(())
    });
    pair.goes_by_one();
}

/// New connections go to the new one. Those that are there stay where they were.
#[test]
fn a_proxy_that_leads_elsewhere_after_a_failover_takes_all_there() {
    let proxy = Arc::new(Proxy::default());
    let Some(pair) = Pair::behind("behind-a-proxy", &proxy) else {
        return;
    };
    pair.primary.freeze();
    pair.replica.promote();
    proxy.lead_to(&pair.replica);
    // Nobody writes meanwhile, and would find out.
    until("the new one", || {
        (pair.server.status_of(&pair.before) == 200).then_some(())
    });
    pair.primary.thaw();
    pair.goes_by_one();
}

#[test]
fn a_logout_whose_wait_for_the_replica_is_cancelled_is_not_acknowledged() {
    let Some(pair) = Pair::start("cancelled") else {
        return;
    };
    // Not even by those who want to hear of no warnings.
    let mut other = pair.primary.client("auth");
    other
        .batch_execute(
            "ALTER ROLE postgres SET client_min_messages = error;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name LIKE 'minisass-auth%'",
        )
        .expect("a setting");
    pair.replica.kill();
    let status = thread::scope(|scope| {
        let logout = scope.spawn(|| pair.server.logout(&pair.before));
        let cancel =
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        // What is done beside waits too.
        until("an answer", || {
            other.query(cancel).expect("an answer");
            logout.is_finished().then_some(())
        });
        logout.join().expect("a logout")
    });
    assert_eq!(status, 503);
    let log = pair.server.log();
    assert!(
        log.contains("not known whether the replica has it"),
        "{log}"
    );
}

/// It is counted before anybody looks at it, and the client has gone when that is done.
#[test]
fn a_login_that_was_given_up_while_a_commit_hung_is_no_guess() {
    let Some(pair) = Pair::start("given-up") else {
        return;
    };
    let mut other = pair.primary.client("auth");
    assert_eq!(pair.server.register("bo"), 201);
    other
        .batch_execute("DELETE FROM login_attempts")
        .expect("no guesses");
    pair.replica.freeze();
    let body = json!({"email": "ada@example.org", "password": PASSWORD}).to_string();
    let head = format!(
        "POST /authentication/api/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut client = TcpStream::connect(pair.server.address()).expect("a connection");
    client
        .write_all((head + &body).as_bytes())
        .expect("a request");
    until("a commit that hangs", || {
        let hangs = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        (!other.query(hangs).expect("an answer").is_empty()).then_some(())
    });
    drop(client);
    pair.replica.thaw();
    // Whoever comes after is answered after it.
    assert_eq!(pair.server.login("bo@example.org").status, 200);
    until("what was counted to be given back", || {
        let counted = "SELECT 1 FROM login_attempts";
        other
            .query(counted)
            .expect("counters")
            .is_empty()
            .then_some(())
    });
}

/// It was begun before the others left, and nobody froze the old primary.
#[test]
fn a_connection_that_arrives_late_at_the_old_primary_is_not_used() {
    let proxy = Arc::new(Proxy::default());
    let Some(pair) = Pair::behind("late", &proxy) else {
        return;
    };
    let server = &pair.server;
    let cut = |which: &str| {
        let mut other = pair.primary.client("auth");
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name LIKE 'minisass-auth%' AND query LIKE '{which}'"
        );
        other.batch_execute(&cut).expect("an end");
    };
    pair.replica.promote();
    let (arrived, open) = proxy.hold_next();
    cut("%sessions%");
    thread::scope(|scope| {
        let late = scope.spawn(|| server.status_of(&pair.before));
        arrived.recv().expect("a connection");
        proxy.lead_to(&pair.replica);
        cut("%COMMIT");
        let token = until("a login", || {
            let login = server.login("ada@example.org");
            (login.status == 200).then(|| login.text("access_token"))
        });
        open.send(()).expect("somebody who waits");
        assert_eq!(late.join().expect("a status"), 200);
        assert_eq!(server.status_of(&token), 200, "the old primary was asked");
    });
    pair.goes_by_one();
}

/// Leads to one server or another, and may let a connection wait.
#[derive(Default)]
struct Proxy {
    way: Mutex<PathBuf>,
    gate: Mutex<Option<Gate>>,
}

struct Gate {
    arrived: Sender<()>,
    open: Receiver<()>,
}

impl Proxy {
    fn lead_to(&self, cluster: &Cluster) {
        *self.way.lock().expect("a way") = cluster.folder().join(".s.PGSQL.5432");
    }

    /// Of the next connection, which goes where the way leads when it comes: whether it has come, and that it may
    /// go on.
    fn hold_next(&self) -> (Receiver<()>, Sender<()>) {
        let ((arrived, came), (go, open)) = (mpsc::channel(), mpsc::channel());
        *self.gate.lock().expect("a gate") = Some(Gate { arrived, open });
        (came, go)
    }

    /// Returns its port.
    fn start(self: Arc<Self>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = UnixStream::connect(&*self.way.lock().expect("a way"));
                let gate = self.gate.lock().expect("a gate").take();
                if let Ok(far) = far {
                    thread::spawn(move || pass(near, far, gate));
                }
            }
        });
        port
    }
}

fn pass(near: TcpStream, far: UnixStream, gate: Option<Gate>) {
    if let Some(Gate { arrived, open }) = gate {
        // Whoever asked for it may be gone.
        let _ = arrived.send(());
        let _ = open.recv();
    }
    let (mut up, mut down) = (near.try_clone().expect("near"), near);
    let (mut to, mut from) = (far.try_clone().expect("far"), far);
    thread::spawn(move || {
        let _ = io::copy(&mut up, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let _ = io::copy(&mut from, &mut down);
    let _ = down.shutdown(Shutdown::Both);
}
