//! The Unix socket of a server: whose it is, and that nobody waits for it for ever.

use std::fs;
use std::os::unix::net::UnixListener;

use crate::server::{Server, Site, side_by_side};

#[test]
fn a_server_whose_socket_is_removed_or_replaced_ends_and_leaves_the_other_one_alone() {
    let cases = [
        ("--listen", false),
        ("--listen", true),
        ("--metrics-listen", false),
    ];
    side_by_side(cases, |(listen, is_replaced)| {
        let site = Site::new();
        let path = site.path("http.sock");
        let url = "https://auth.example.org";
        let socket = format!("unix:{}", path.display());
        let mut serve = vec!["serve", "--public-url", url, listen, &socket];
        if listen != "--listen" {
            serve.extend(["--listen", "127.0.0.1:0"]);
        }
        let serve = site.command(&serve);
        let mut server = Server::start(serve, &site.path("log"));
        fs::remove_file(&path).expect("the socket");
        // As of a server that took it for one that a crash had left.
        let other = is_replaced.then(|| UnixListener::bind(&path).expect("a socket"));
        assert_eq!(server.wait(), Some(1));
        let log = server.log();
        let line = log.lines().find(|it| it.contains("socket_lost"));
        assert!(line.is_some_and(|it| it.contains("http.sock")), "{log}");
        assert_eq!(path.exists(), other.is_some());
    });
}

#[test]
fn a_start_does_not_wait_for_who_keeps_the_folder_of_its_socket() {
    let site = Site::new();
    let folder = fs::File::open(site.path("")).expect("a folder");
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).expect("its lock");
    let listen = format!("unix:{}", site.path("http.sock").display());
    let url = "https://auth.example.org";
    let serve = site.command(&["serve", "--listen", &listen, "--public-url", url]);
    let mut server = Server::start(serve, &site.path("log"));
    assert_eq!(server.stop(), Some(0));
    assert!(!site.path("http.sock").exists());
}
