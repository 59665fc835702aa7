//! A running server leaves its address with its lock, and commands make their links to it.

use rustix::process::Signal;

use crate::server::{Server, Site};

const ELSEWHERE: &str = "https://auth.example.org";

fn link(site: &Site, more: &[&str]) -> String {
    site.run(&[&["reset", "link", "ada"][..], more].concat())
        .ok()
}

#[track_caller]
fn assert_starts(link: &str, base: &str) {
    let start = format!("{base}/authentication/api/verify-password-reset/");
    assert!(link.starts_with(&start), "{link} and {base}");
}

fn base(server: &Server) -> String {
    format!("http://{}", server.address())
}

#[test]
fn links_lead_to_the_server_that_runs() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    assert_starts(&link(&site, &[]), &base(&server));
    let create = [
        "user",
        "create",
        "--email",
        "bo@example.org",
        "--no-password",
        "--print-link",
    ];
    assert_starts(&site.run(&create).ok(), &base(&server));
    let doctor = site.run(&["doctor", "--format", "json"]).json();
    let found = doctor.as_array().expect("findings");
    let found = found
        .iter()
        .find(|it| it["check"] == "public_url")
        .expect("one");
    assert_eq!(found["finding"], base(&server));
    // And they work.
    let link = link(&site, &[]);
    let path = link
        .trim_end()
        .split_once(server.address())
        .expect("our host")
        .1;
    assert_eq!(server.get(path, "").status, 200);
}

#[test]
fn a_public_address_of_the_server_counts_more_than_what_the_command_would_guess() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let socket = format!("unix:{}", site.path("socket").display());
    let prefixed = format!("{ELSEWHERE}/auth");
    let mut server = site.start(&["--public-url", &prefixed]);
    assert_starts(&link(&site, &[]), &prefixed);
    // A variable and a file are for all commands alike, also for those that know nothing of this server.
    let mut command = site.command(&["reset", "link", "ada"]);
    command.env("MINISASS_AUTH_PUBLIC_URL", "https://other.example.org");
    assert_starts(&crate::server::run(&mut command, "").ok(), &prefixed);
    assert_eq!(server.stop(), Some(0));
    let nowhere = site.run(&["reset", "link", "ada", "--listen", &socket]);
    assert!(nowhere.refusal().contains("public_url"));
}

#[test]
fn what_the_command_line_says_itself_counts_most() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let _server = site.start(&[]);
    assert_starts(&link(&site, &["--public-url", ELSEWHERE]), ELSEWHERE);
    assert_starts(
        &link(&site, &["--listen", "127.0.0.1:1234"]),
        "http://127.0.0.1:1234",
    );
}

#[test]
fn what_a_server_left_that_is_gone_counts_no_more() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let usual = "http://127.0.0.1:8000";
    let mut stopped = site.start(&[]);
    assert_eq!(stopped.stop(), Some(0));
    assert_starts(&link(&site, &[]), usual);
    let mut killed = site.start(&[]);
    killed.signal(Signal::KILL);
    killed.wait();
    assert_starts(&link(&site, &[]), usual);
    let next = site.start(&[]);
    assert_ne!(next.address(), killed.address());
    assert_starts(&link(&site, &[]), &base(&next));
}
