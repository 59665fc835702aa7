//! A database whose server takes connections and says nothing: its machine, its disk or the way hangs.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use minisass_auth::store::{Location, Store};

use crate::postgres::{self, Cluster};
use crate::server::{Server, Site, until};
use crate::store::{NOW, add, ask, get};
use crate::wire::Answer;
use crate::world;

fn cluster(name: &str) -> Option<Cluster> {
    world::part(Cluster::start(name, postgres::QUICK))
}

fn start(site: &Site, url: &str) -> Server {
    site.start(&["--database", url])
}

/// Asks all of these at the same time.
fn together(asked: &[&(dyn Fn() -> Answer + Sync)]) -> Vec<Answer> {
    thread::scope(|scope| {
        let asked: Vec<_> = asked.iter().map(|it| scope.spawn(it)).collect();
        let answered = asked.into_iter().map(|it| it.join().expect("an answer"));
        answered.collect()
    })
}

#[test]
fn a_server_that_says_nothing_is_given_up_and_found_again() {
    let Some(cluster) = cluster("silent") else {
        return;
    };
    cluster.make("auth");
    let (site, url) = (Site::new(), cluster.url("auth"));
    let server = start(&site, &url);
    assert_eq!(server.register("ada"), 201);
    let token = server.login("ada@example.org").text("access_token");
    assert_eq!(server.status_of(&token), 200);

    cluster.freeze();
    let status = || server.get("/authentication/api/check-auth-status/", &token);
    let answers = together(&[
        &status,
        &|| server.login("ada@example.org"),
        &|| server.post("register", &crate::server::registration("bo")),
        &|| server.get("/readyz", ""),
    ]);
    for answer in answers {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(
            answer.head.to_lowercase().contains("retry-after"),
            "{}",
            answer.head
        );
    }
    assert_eq!(server.get("/healthz", "").status, 200);
    until("a line of the log", || {
        server.log().contains("database_lost").then_some(())
    });
    let command = site.run(&["--database", &url, "user", "list"]);
    let said = command.refusal();
    assert!(said.contains("cannot be reached"), "{said}");
    assert!(said.contains("nothing was heard of it"), "{said}");

    cluster.thaw();
    until("the database", || (status().status == 200).then_some(()));
    until("readiness", || {
        (server.get("/readyz", "").status == 200).then_some(())
    });
    assert_eq!(server.logout(&token), 200);
    assert_eq!(server.status_of(&token), 401);
}

#[test]
fn a_server_of_ours_stops_while_the_database_says_nothing() {
    let Some(cluster) = cluster("silent-stop") else {
        return;
    };
    cluster.make("auth");
    let site = Site::new();
    let mut server = start(&site, &cluster.url("auth"));
    assert_eq!(server.register("ada"), 201);
    cluster.freeze();
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    cluster.thaw();
}

#[test]
fn the_second_host_is_used_when_the_first_says_nothing() {
    let Some(first) = cluster("silent-first") else {
        return;
    };
    first.make("auth");
    let second = first.replica("silent-second");
    let hosts = [&first, &second].map(|it| it.folder().display().to_string());
    let url = format!("postgres://postgres@/auth?host={}", hosts.join(","));
    let site = Site::new();
    let server = start(&site, &url);
    assert_eq!(server.register("ada"), 201);

    first.freeze();
    second.promote();
    until("a login", || {
        (server.login("ada@example.org").status == 200).then_some(())
    });
    until("a registration", || {
        (server.register("bo") == 201).then_some(())
    });
    let listed = site.run(&["--database", &url, "user", "list", "--format", "csv"]);
    assert!(listed.ok().contains("bo@example.org"));
    first.thaw();
}

#[test]
fn a_statement_that_takes_its_time_is_waited_for() {
    let Some(database) = postgres::database() else {
        return;
    };
    let store = Store::open(&database.location()).expect("a store");
    add(&store, "ada");
    let mut other = database.client();
    // Whoever writes waits for the turn; for a table that somebody has locked nobody waits so long.
    let turn = "BEGIN; SELECT pg_advisory_xact_lock(6013254711)";
    other.batch_execute(turn).expect("a turn");
    thread::scope(|scope| {
        let asked = scope.spawn(|| ask(store.note_latest_time(NOW)));
        let waiting = |seconds: u32| {
            database.count(&format!(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND wait_event_type = 'Lock'
                    AND clock_timestamp() - query_start > '{seconds} seconds'"
            ))
        };
        // Longer than anybody is silent unasked.
        until("a long wait", || (waiting(7) > 0).then_some(()));
        assert_eq!(waiting(0), 1, "nobody has begun it again");
        other.batch_execute("ROLLBACK").expect("no lock");
        let noted = asked.join().expect("a thread");
        assert!(noted.is_ok(), "{noted:?}");
    });
    store.close();
}

#[test]
fn an_answer_that_was_lost_on_the_way_is_not_waited_for() {
    let Some(database) = postgres::database() else {
        return;
    };
    let way = Way::to(&database.url());
    let place = Location::parse(&way.url).expect("a place");
    let store = Store::open(&place).expect("a store");
    add(&store, "ada");
    assert_eq!(get(store.count_users()), 1);
    way.swallow();
    // The first connections lead nowhere, and the server of the database is well.
    assert_eq!(get(store.count_users()), 1);
    add(&store, "bo");
    assert_eq!(get(store.count_users()), 2);
    store.close();
}

/// A machine on the way, which may drop all that goes over the connections that there are.
struct Way {
    url: String,
    /// How often it did.
    dropped: Arc<AtomicUsize>,
}

impl Way {
    fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let (start, folder) = url.split_once("?host=").expect("a folder of sockets");
        let url = format!("{}127.0.0.1:{port}/{}", &start[..=at(start)], name(start));
        let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
        let dropped = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&dropped);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = UnixStream::connect(&socket).expect("PostgreSQL");
                carry(near, far, &count);
            }
        });
        Self { url, dropped }
    }

    fn swallow(&self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn at(start: &str) -> usize {
    start.find('@').expect("a user")
}

fn name(start: &str) -> &str {
    start.rsplit_once('/').expect("a name").1
}

/// Both ways, each on a thread.
fn carry(near: TcpStream, far: UnixStream, dropped: &Arc<AtomicUsize>) {
    let born = dropped.load(Ordering::SeqCst);
    let copies = (
        near.try_clone().expect("near"),
        far.try_clone().expect("far"),
    );
    let is_whole = move |count: &AtomicUsize| count.load(Ordering::SeqCst) == born;
    let (there, back) = (Arc::clone(dropped), Arc::clone(dropped));
    thread::spawn(move || {
        pass(near, &copies.1, || is_whole(&there));
        let _ = copies.1.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        pass(far, &copies.0, || is_whole(&back));
        let _ = copies.0.shutdown(Shutdown::Both);
    });
}

fn pass(mut from: impl Read, mut to: impl Write, is_whole: impl Fn() -> bool) {
    let mut some = [0; 8192];
    loop {
        match from.read(&mut some) {
            Ok(0) => return,
            Ok(read) if is_whole() => {
                if to.write_all(&some[..read]).is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
