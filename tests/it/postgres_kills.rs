//! Servers and databases that are killed while people work: what was acknowledged is there.
//! `MINISASS_TEST_ROUNDS` says how often they are.

use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::deeds::{Deeds, rounds};
use crate::postgres::Cluster;
use crate::server::{CHEAP, Server, clear_settings, run, until};
use crate::world;

/// So many live at the same time; and when a replica is promoted.
pub const PEOPLE: usize = 8;
const MANY: usize = 32;

/// Servers of one database, which have the same keys.
pub struct Servers {
    url: String,
    folder: TempDir,
}

impl Servers {
    pub fn of(url: String) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { url, folder }
    }

    fn start(&self, name: &str) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_minisass-auth"));
        clear_settings(&mut command);
        command.env("MINISASS_AUTH_DATABASE", &self.url);
        let data = self.folder.path().join(name);
        command.arg("--data-dir").arg(&data);
        command.args(["serve", "--listen", "127.0.0.1:0", "--scrypt", CHEAP]);
        command.args(["--throttle", "false", "--rotate-refresh", "true"]);
        command.args(["--max-connections-per-client", "0"]);
        Server::start(command, &self.folder.path().join("log"))
    }

    pub fn start_two(&self) -> [Server; 2] {
        let one = self.start("one");
        let mut copy = Command::new("sh");
        copy.current_dir(self.folder.path());
        copy.args(["-c", "mkdir -m 700 other && cp -a one/keys other/"]);
        run(&mut copy, "").ok();
        [one, self.start("other")]
    }
}

fn cluster(name: &str) -> Option<Cluster> {
    let cluster = world::part(Cluster::start(name, ""))?;
    cluster.make("auth");
    Some(cluster)
}

/// Has people live until `disturb` has returned.
pub fn while_people_live(
    people: usize,
    deeds: &Deeds,
    choose: impl Fn(usize) -> String + Sync,
    disturb: impl FnOnce(),
) {
    thread::scope(|scope| {
        for person in 0..people {
            let choose = &choose;
            scope.spawn(move || deeds.live(|| choose(person)));
        }
        let _end = deeds.until_dropped();
        disturb();
    });
}

/// Until so many more deeds were acknowledged.
pub fn let_them(deeds: &Deeds, more: usize) {
    let enough = deeds.count() + more;
    // Many take longer than anybody would wait for one.
    while deeds.count() < enough {
        let there = deeds.count();
        until("a deed", || (deeds.count() > there).then_some(()));
    }
}

#[test]
fn a_server_that_is_killed_loses_nothing_and_the_other_one_goes_on() {
    let Some(cluster) = cluster("killed-server") else {
        return;
    };
    let servers = Servers::of(cluster.url("auth"));
    let [mut one, other] = servers.start_two();
    for _ in 0..rounds(3) {
        let deeds = Deeds::default();
        let addresses = [one.address().to_owned(), other.address().to_owned()];
        let turn = Mutex::new(0_usize);
        let choose = |_| {
            let mut turn = turn.lock().expect("a turn");
            *turn += 1;
            addresses[*turn % 2].clone()
        };
        while_people_live(PEOPLE, &deeds, choose, || {
            let_them(&deeds, 60);
            one.signal(Signal::KILL);
            one.wait();
            // Half of what is asked for goes to the one that is left.
            let_them(&deeds, 5);
        });
        assert!(deeds.check(other.address()) > 0);
        one = servers.start("one");
    }
}

#[test]
fn a_database_that_is_killed_loses_nothing_and_its_servers_find_it_again() {
    let Some(cluster) = cluster("killed-database") else {
        return;
    };
    let servers = Servers::of(cluster.url("auth"));
    let pair = servers.start_two();
    let address = |person: usize| pair[person % 2].address().to_owned();
    for _ in 0..rounds(2) {
        let deeds = Deeds::default();
        while_people_live(PEOPLE, &deeds, address, || {
            let_them(&deeds, 60);
            cluster.kill();
            cluster.serve();
            let_them(&deeds, 20);
        });
        pair.iter().for_each(until_ready);
        assert!(deeds.check(&address(0)) > 0);
    }
}

#[test]
fn a_replica_that_is_promoted_has_all_that_was_acknowledged() {
    let Some(primary) = cluster("primary") else {
        return;
    };
    let replica = primary.replica("replica");
    let hosts = [&primary, &replica].map(|it| it.folder().display().to_string());
    let servers = Servers::of(format!(
        "postgres://postgres@/auth?host={}&target_session_attrs=read-write",
        hosts.join(",")
    ));
    let pair = servers.start_two();
    let address = |person: usize| pair[person % 2].address().to_owned();
    let deeds = Deeds::default();
    while_people_live(MANY, &deeds, address, || {
        let_them(&deeds, 200);
        primary.kill();
        replica.promote();
        let promoted = Instant::now();
        let_them(&deeds, 20);
        eprintln!("20 deeds within {:?} of the promotion", promoted.elapsed());
    });
    pair.iter().for_each(until_ready);
    assert!(deeds.check(&address(0)) > 0);
}

fn until_ready(server: &Server) {
    until("readiness", || {
        (server.get("/readyz", "").status == 200).then_some(())
    });
}
