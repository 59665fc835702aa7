//! `healthcheck`: whether the server answers, wherever it listens.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::server::{Outcome, Server, Site, run};

/// Asks with the settings alone, as a container does.
fn check(site: &Site, listen: &str) -> Outcome {
    run(
        site.bare()
            .env("MINISASS_AUTH_LISTEN", listen)
            .arg("healthcheck"),
        "",
    )
}

#[test]
fn a_server_is_found_wherever_it_listens() {
    for (listen, asked) in [
        ("127.0.0.1:0", "127.0.0.1"),
        ("[::1]:0", "[::1]"),
        ("0.0.0.0:0", "0.0.0.0"),
        ("[::]:0", "[::]"),
    ] {
        let site = Site::new();
        // An own address: what is announced is then without the port.
        let mut command = site.command(&["serve", "--listen", listen]);
        let is_any = !listen.contains('1');
        if is_any {
            command.args(["--public-url", "http://127.0.0.1"]);
        }
        let socket = site.path("notify");
        let manager = std::os::unix::net::UnixDatagram::bind(&socket).expect("a socket");
        command.env("NOTIFY_SOCKET", &socket);
        let _server = Server::start(command, &site.path("log"));
        let mut told = [0; 256];
        let length = manager.recv(&mut told).expect("a message");
        let told = String::from_utf8_lossy(&told[..length]).into_owned();
        let port = told.trim().rsplit(':').next().expect("a port").to_owned();

        let asked = format!("{asked}:{port}");
        let said = check(&site, &asked).ok();
        assert_eq!(said, format!("the server at {asked} answers\n"));
    }
}

#[test]
fn a_server_is_found_at_a_unix_socket_with_the_settings_of_its_file() {
    let site = Site::new();
    let socket = format!("unix:{}", site.path("http.sock").display());
    let settings = site.path("settings.toml");
    let text = format!("listen = {socket:?}\npublic_url = \"http://localhost\"\n");
    std::fs::write(&settings, text).expect("the settings");
    let file = settings.display().to_string();
    let serve = site.command(&["serve", "--config", &file]);
    let mut server = Server::start(serve, &site.path("log"));
    let ask = || run(site.bare().args(["healthcheck", "--config", &file]), "");
    assert_eq!(ask().ok(), format!("the server at {socket} answers\n"));
    let json = run(
        site.bare()
            .args(["healthcheck", "--config", &file, "--format", "json"]),
        "",
    );
    assert_eq!(json.json()["is_healthy"], true);

    assert_eq!(server.stop(), Some(0));
    let refusal = ask().refusal();
    assert!(
        refusal.contains(&format!("nothing answers at {socket}")),
        "{refusal}"
    );
}

#[test]
fn whoever_says_where_the_server_is_needs_no_settings() {
    let site = Site::new();
    let server = site.start(&[]);
    let settings = site.path("settings.toml");
    std::fs::write(&settings, "not = [settings").expect("a file");
    let file = settings.display().to_string();
    let ask = |more: &[&str]| {
        let mut check = site.bare();
        check.args(["healthcheck", "--config", &file]).args(more);
        run(&mut check, "")
    };
    ask(&["--listen", server.address()]).ok();
    assert!(ask(&[]).refusal().contains("settings.toml"));
}

#[test]
fn what_does_not_answer_like_the_server_is_refused_in_one_sentence() {
    let site = Site::new();
    let answers = [
        "HTTP/1.1 503 Service Unavailable\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "",
    ];
    let sentences = [
        "answers /healthz with 503",
        "does not speak HTTP/1.1",
        "nothing answers at",
    ];
    for (answer, sentence) in answers.into_iter().zip(sentences) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 16];
            stream.read_exact(&mut request).expect("a request");
            stream.write_all(answer.as_bytes()).expect("an answer");
        });
        let refusal = check(&site, &address).refusal();
        assert!(refusal.contains(sentence), "{refusal}");
        serving.join().expect("an end");
    }
}

#[test]
fn a_server_that_takes_the_question_and_is_silent_is_refused() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let refusal = check(&site, &address).refusal();
    assert!(refusal.contains("there is no answer"), "{refusal}");
}

#[test]
fn wrong_settings_are_refused_before_anybody_is_asked() {
    let refusal = check(&Site::new(), "somewhere").refusal();
    assert!(refusal.contains("the setting listen is wrong"), "{refusal}");
}
