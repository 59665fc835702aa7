//! `serve` to its end: what is in flight is finished, and the database is left as one file.

use std::io::{Read, Write};

use rustix::process::Signal;
use serde_json::json;

use crate::server::{PASSWORD, PATIENCE, Server, Site, registration, until};
use crate::wire::{Answer, head};

/// Nothing is left to be read from the log by the next start.
fn assert_one_file(site: &Site) {
    let log = site.data().join("auth.db-wal");
    let left = std::fs::metadata(log).map_or(0, |it| it.len());
    assert_eq!(left, 0, "the write-ahead log was left behind");
}

/// Stops the server while it reads a login, and returns the answer and the exit code.
fn stop_during_login(server: &mut Server, signal: Signal) -> (Answer, Option<i32>) {
    let body = json!({"email": "ada@example.org", "password": PASSWORD}).to_string();
    let expect = "Content-Type: application/json\r\nExpect: 100-continue\r\n";
    let head = head("POST", "/authentication/api/login/", expect, body.len());
    let mut stream = server.connect();
    stream.write_all(head.as_bytes()).expect("a head");
    // The server asks for the body: it has begun to answer.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).expect("100 Continue");
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");

    server.signal(signal);
    until("the door to close", || (!server.is_open()).then_some(()));
    stream.write_all(body.as_bytes()).expect("a body");
    (Answer::read(stream), server.wait())
}

#[test]
fn sigterm_and_sigint_finish_the_login_that_is_in_flight() {
    for signal in [Signal::TERM, Signal::INT] {
        let site = Site::new();
        let mut server = site.start(&[]);
        assert_eq!(server.register("ada"), 201);
        let (answer, code) = stop_during_login(&mut server, signal);
        assert_eq!((answer.status, code), (200, Some(0)), "{}", server.log());
        assert_one_file(&site);

        let server = site.start(&[]);
        let token = answer.text("access_token");
        assert_eq!(server.status_of(&token), 200, "the session was kept");
    }
}

#[test]
fn connections_on_which_nothing_happens_do_not_hold_the_stop() {
    let site = Site::new();
    let mut server = site.start(&[]);
    let mut kept = server.connect();
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    kept.write_all(request).expect("a request");
    let mut first = [0; 15];
    kept.read_exact(&mut first).expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let silent = server.connect();

    assert_eq!(server.stop(), Some(0));
    assert!(!server.log().contains("stop_forced"), "{}", server.log());
    drop((kept, silent));
}

#[test]
fn a_stop_right_after_the_announcement_is_a_clean_one() {
    // The shortest way from the first printed line to a signal.
    for _ in 0..5 {
        let site = Site::new();
        let mut server = site.start(&[]);
        assert_eq!(server.stop(), Some(0), "{}", server.log());
        assert_one_file(&site);
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let site = Site::new();
    let mut server = site.start(&[]);
    let mut half_sent = server.connect();
    let head = head(
        "POST",
        "/authentication/api/login/",
        "Expect: 100-continue\r\nContent-Type: application/json\r\n",
        9,
    );
    half_sent.write_all(head.as_bytes()).expect("a head");
    half_sent.read_exact(&mut [0; 25]).expect("100 Continue");
    let started = std::time::Instant::now();
    server.signal(Signal::TERM);
    until("the door to close", || (!server.is_open()).then_some(()));
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(130));
    assert!(started.elapsed() < PATIENCE / 4);
}

#[test]
fn a_command_that_is_running_does_not_keep_the_log_from_being_read() {
    let site = Site::new();
    let mut server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    // Somebody reads while the server stops: the log cannot be moved then, and nothing is lost.
    let reader = site.database().into_file();
    let count = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, i64>(0));
    reader.execute_batch("BEGIN").expect("a transaction");
    assert_eq!(count("SELECT count(*) FROM users"), Ok(1));
    assert_eq!(server.stop(), Some(0));
    reader.execute_batch("COMMIT").expect("its end");
    drop(reader);
    let server = site.start(&[]);
    assert_eq!(server.login("ada@example.org").status, 200);
}

#[test]
fn what_was_answered_with_503_is_not_done_afterwards() {
    let site = Site::new();
    let mut server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    let other = site.database().into_file();
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let body = registration("bo").to_string();
    let expect = "Content-Type: application/json\r\nExpect: 100-continue\r\n";
    let head = head("POST", "/authentication/api/register/", expect, body.len());
    let mut stream = server.connect();
    stream.write_all(head.as_bytes()).expect("a head");
    stream.read_exact(&mut [0; 25]).expect("100 Continue");
    stream.write_all(body.as_bytes()).expect("a body");
    server.signal(Signal::TERM);
    assert_eq!(Answer::read(stream).status, 503);
    other.execute_batch("COMMIT").expect("the end of the lock");
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    let users = other.query_row("SELECT count(*) FROM users", [], |row| row.get(0));
    assert_eq!(users, Ok(1), "only ada");
}
