//! The examples of the help texts: each command has some, and each of them works as it stands.

use crate::examples::{Examples, NEED_A_SERVER, Prepared, of_every_command, shell};
use crate::server::{Server, run};

fn of<'a>(command: &str, all: &'a [Examples]) -> &'a [String] {
    let found = all.iter().find(|it| it.command == command);
    &found.expect("the command").lines
}

#[test]
fn every_command_has_examples() {
    let all = of_every_command();
    let without = all.iter().filter(|it| it.lines.is_empty());
    let without: Vec<&str> = without.map(|it| it.command.as_str()).collect();
    assert!(
        without.is_empty(),
        "there are none for: {}",
        without.join(", ")
    );
    for Examples { command, lines } in &all {
        let about = format!("minisass-auth {command}");
        let named = lines.iter().all(|it| it.contains(&about));
        assert!(named, "an example of {command} shows something else");
    }
}

#[test]
fn every_example_works() {
    let prepared = Prepared::new();
    let mut failed = String::new();
    for Examples { command, lines } in of_every_command() {
        for line in lines
            .iter()
            .filter(|_| !NEED_A_SERVER.contains(&command.as_str()))
        {
            let outcome = prepared.run(line);
            if outcome.code != Some(0) {
                failed.push_str(&format!("{line}\n{}{}\n", outcome.out, outcome.err));
            }
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
}

#[test]
fn every_example_of_a_server_serves() {
    let prepared = Prepared::new();
    let all = of_every_command();
    for line in of("serve", &all) {
        let copy = prepared.copy();
        let mut command = shell(&copy, &format!("exec {line}"));
        command.env("MINISASS_AUTH_LISTEN", "127.0.0.1:0");
        let mut server = Server::start(command, &copy.path("log"));
        assert_eq!(server.stop(), Some(0), "{line}: {}", server.log());
    }
}

#[test]
fn every_example_that_asks_a_server_is_answered() {
    let copy = Prepared::new().copy();
    let serve = shell(&copy, "exec minisass-auth serve --listen 127.0.0.1:0");
    let server = Server::start(serve, &copy.path("log"));
    for line in of("healthcheck", &of_every_command()) {
        let mut ask = shell(&copy, line);
        run(ask.env("MINISASS_AUTH_LISTEN", server.address()), "").ok();
    }
}
