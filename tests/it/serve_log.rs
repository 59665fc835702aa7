//! The log: one JSON object a line, with nothing secret in it, and nothing that stops the service.

use std::collections::HashSet;
use std::io::{PipeWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use rustix::fs::OFlags;
use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, Site, until};
use crate::wire::exchange;

fn lines(log: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    log.lines().map(parse).collect()
}

/// Sends every kind of request with marked words in every place where a secret or a name stands,
/// and returns what must not be logged.
fn drive(server: &Server, site: &Site) -> Vec<String> {
    let canary = |place: &str| format!("Canary{place}7Xq");
    let mut secrets: Vec<String> = [
        "Password", "Wrong", "Name", "Path", "Query", "Agent", "Extra",
    ]
    .iter()
    .map(|it| canary(it))
    .collect();
    let body = json!({
        "username": "ada", "email": "ada@example.org", "password": canary("Password"),
        "first_name": "A", "last_name": "B", "organizationType": "NGO",
        "organizationName": "Rivers", "country": "ZA", "note": canary("Extra"),
    });
    assert_eq!(server.post("register", &body).status, 201);
    assert_eq!(server.post("register", &body).status, 400);
    let good = json!({"email": "ada@example.org", "password": canary("Password")});
    let bad = json!({"email": "ada@example.org", "password": canary("Wrong")});
    // People type their password where their name belongs.
    let swapped = json!({"email": canary("Name"), "password": "x"});
    assert_eq!(server.post("login", &bad).status, 401);
    assert_eq!(server.post("login", &swapped).status, 401);
    let session = server.post("login", &good);
    let (access, refresh) = (session.text("access_token"), session.text("refresh_token"));
    assert_eq!(server.status_of(&access), 200);
    assert_eq!(server.status_of(&canary("Wrong")), 401);
    assert_eq!(
        server.post("refresh", &json!({"refresh": refresh})).status,
        200
    );
    let reset = json!({"email": "ada@example.org"});
    assert_eq!(server.post("request-reset", &reset).status, 200);
    let link = mailed_link(site);
    server.get(&link, "");
    let redeem = link.replace("verify-password-reset", "update-password-reset");
    let body = json!({"newPassword": format!("{}New", canary("Password"))}).to_string();
    let json = "Content-Type: application/json\r\nUser-Agent: CanaryAgent7Xq\r\n";
    let answer = exchange(server.connect(), "POST", &redeem, json, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    server.get("/CanaryPath7Xq?secret=CanaryQuery7Xq", "");
    let token = link
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .expect("a token");
    secrets.extend([token.to_owned(), access, refresh, "$scrypt$".to_owned()]);
    secrets.extend(["ada@example.org".to_owned(), "eyJ".to_owned()]);
    secrets
}

/// The path of the link in the first mail.
fn mailed_link(site: &Site) -> String {
    let mail = until("a mail", || {
        let files = std::fs::read_dir(site.data().join("outbox")).ok()?;
        let mut mails = files.filter_map(|it| Some(it.ok()?.path()));
        let path = mails.find(|it| it.to_string_lossy().ends_with("-password-reset.eml"))?;
        std::fs::read_to_string(path).ok()
    });
    let mail = mail.replace("=\r\n", "");
    let start = mail.find("/authentication/api/verify").expect("a link");
    let link = mail[start..].split_whitespace().next().expect("its end");
    link.to_owned()
}

#[test]
fn no_secret_and_no_name_is_logged() {
    let site = Site::new();
    let mut server = site.start(&[]);
    let secrets = drive(&server, &site);
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
    }
}

#[test]
fn each_line_is_one_json_object_and_each_request_has_its_own_id() {
    let site = Site::new();
    let mut server = site.start(&[]);
    drive(&server, &site);
    let answer = exchange(
        server.connect(),
        "GET",
        "/",
        "User-Agent: \u{202e}\u{9b}red\r\nX-Forwarded-For: a\tb\r\n",
        "",
    );
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    assert!(!log.bytes().any(|b| b < 0x20 && b != b'\n'), "{log}");
    let lines = lines(&log);
    for line in &lines {
        let at = line["timestamp"].as_str().expect("a time");
        at.parse::<jiff::Timestamp>().expect("RFC 3339");
        assert!(at.ends_with('Z') && line["level"].is_string() && line["event"].is_string());
    }
    let requests: Vec<&Value> = lines.iter().filter(|it| it["event"] == "request").collect();
    let ids: HashSet<&str> = requests
        .iter()
        .map(|it| it["span"]["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids.len(), requests.len());
    let told = answer
        .head
        .lines()
        .find(|it| it.starts_with("x-request-id"));
    let told = told.and_then(|it| it.split(' ').nth(1)).expect("an id");
    assert!(ids.contains(told), "the client can name its line");
}

#[test]
fn what_happens_to_accounts_is_logged_by_number() {
    let site = Site::new();
    let mut server = site.start(&[]);
    drive(&server, &site);
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    for event in [
        "sys_startup",
        "user_created",
        "authn_login_fail",
        "authn_login_success",
        "authn_password_change",
        "mail_sent",
        "sys_shutdown",
    ] {
        let name = format!("\"event\":\"{event}\"");
        assert!(log.contains(&name), "{event} is missing:\n{log}");
    }
}

fn announced(out: &mut impl Read) -> String {
    let mut announced = String::new();
    while !announced.contains("  Database ") {
        let mut some = [0; 512];
        let length = out.read(&mut some).expect("an announcement");
        assert_ne!(length, 0, "it ended");
        announced.push_str(&String::from_utf8_lossy(&some[..length]));
    }
    announced
}

/// Asks so often for the same, on one connection.
fn ask_often(server: &Server, count: usize) {
    const AT_ONCE: usize = 100;
    const END: &[u8] = b"HTTP/1.1 200";
    let mut stream = server.connect();
    let request = "OPTIONS /authentication/api/login/ HTTP/1.1\r\nHost: x\r\n\r\n";
    for _ in 0..count / AT_ONCE {
        stream
            .write_all(request.repeat(AT_ONCE).as_bytes())
            .expect("requests");
        let (mut answers, mut some) = (Vec::new(), [0; 65536]);
        let found = |answers: &[u8]| answers.windows(END.len()).filter(|it| *it == END).count();
        while found(&answers) < AT_ONCE {
            let length = stream.read(&mut some).expect("answers");
            assert_ne!(length, 0, "it was closed");
            answers.extend_from_slice(&some[..length]);
        }
    }
}

#[test]
fn the_log_counts_the_lines_that_a_slow_reader_loses() {
    let site = Site::new();
    let mut serve = site.command(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    serve.stderr(writer).stdout(Stdio::piped());
    let mut child = serve.spawn().expect("the program");
    drop(serve);
    let announced = announced(&mut child.stdout.take().expect("standard output"));
    let mut server = Server::adopt(child, announced);
    let many = 12_000;
    ask_often(&server, many);
    let mut begin = vec![0; 1 << 20];
    reader.read_exact(&mut begin).expect("what gathered");
    ask_often(&server, 100);
    let read = std::thread::spawn(move || {
        let mut log = String::from_utf8(begin).expect("UTF-8");
        reader.read_to_string(&mut log).expect("the rest");
        log
    });
    assert_eq!(server.stop(), Some(0));
    let log = lines(&read.join().expect("a log"));
    let (lost, there) = lost_and_there(log.iter());
    assert!(lost > 0, "{there}");
    let all = many as u64 + 100;
    // A line of another kind may be lost too.
    assert!((all..all + 10).contains(&(lost + there)), "{lost} {there}");
}

#[test]
fn a_log_that_found_no_room_goes_on_with_a_line_of_its_own() {
    let site = Site::new();
    let serve = site.command(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    let log = site.path("log");
    let mut server = Server::start(serve, &log);
    let length = || log.metadata().expect("the log").len();
    let limit = |maximum| {
        let limit = Rlimit {
            current: maximum,
            maximum: None,
        };
        prlimit(Some(server.id()), Resource::Fsize, limit).expect("a limit");
    };
    let most = length() + 1000;
    limit(Some(most));
    ask_often(&server, 100);
    until("a full disk", || (length() == most).then_some(()));
    limit(None);
    ask_often(&server, 100);
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    let lines: Vec<Option<Value>> = log
        .lines()
        .map(|line| serde_json::from_str(line).ok())
        .collect();
    let broken = lines.iter().filter(|it| it.is_none()).count();
    assert!(broken <= 1, "{log}");
    let (lost, there) = lost_and_there(lines.iter().flatten());
    assert!(lost > 0, "{log}");
    // A few lines of other kinds may be lost too.
    assert!(
        (200..210).contains(&(lost + there)),
        "{lost} {there}: {log}"
    );
}

/// How many lines about requests are said to be lost, and how many are there.
fn lost_and_there<'a>(log: impl Iterator<Item = &'a Value>) -> (u64, u64) {
    let (mut lost, mut there) = (0, 0);
    for line in log {
        if line["event"] == "log_lines_lost" {
            lost += line["count"].as_u64().expect("a count");
        }
        there += u64::from(line["event"] == "request");
    }
    (lost, there)
}

/// Puts as much into a pipe as it holds.
fn fill(writer: &mut PipeWriter) {
    rustix::fs::fcntl_setfl(&*writer, OFlags::NONBLOCK).expect("a pipe that says when it is full");
    while writer.write(b" ").is_ok() {}
    rustix::fs::fcntl_setfl(&*writer, OFlags::empty()).expect("a pipe that waits");
}

#[test]
fn a_server_that_fails_ends_though_nobody_reads_why() {
    let site = Site::new();
    let socket = site.path("http.sock");
    let listen = format!("unix:{}", socket.display());
    let url = "https://auth.example.org";
    let mut serve = site.command(&["serve", "--listen", &listen, "--public-url", url]);
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    fill(&mut writer);
    serve.stderr(writer).stdout(Stdio::piped());
    let mut child = serve.spawn().expect("the program");
    let announced = announced(&mut child.stdout.take().expect("standard output"));
    let mut server = Server::adopt(child, announced);
    std::fs::remove_file(&socket).expect("the socket");
    assert_eq!(server.wait(), Some(1));
    drop(reader);
}

#[test]
fn a_server_serves_and_stops_though_nobody_reads_what_it_says() {
    let site = Site::new();
    let (_reader, mut writer) = std::io::pipe().expect("a pipe");
    fill(&mut writer);
    let socket = site.path("http.sock");
    let listen = format!("unix:{}", socket.display());
    let url = "https://auth.example.org";
    let mut serve = site.command(&["serve", "--listen", &listen, "--public-url", url]);
    serve
        .stderr(writer.try_clone().expect("another end"))
        .stdout(writer);
    let child = serve.spawn().expect("the program");
    drop(serve);
    let mut server = Server::adopt(child, String::new());
    let answer = until("an answer", || {
        let stream = UnixStream::connect(&socket).ok()?;
        Some(exchange(stream, "GET", "/healthz", "", ""))
    });
    assert_eq!(answer.status, 200);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let site = Site::new();
    let mut command = site.command(&["serve", "--listen", "127.0.0.1:0", "--throttle", "false"]);
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    command.stderr(writer).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    drop(command);
    let mut out = child.stdout.take().expect("standard output");
    let announced = announced(&mut out);
    // `2>&1 | head -1`: one line, then both ends are closed.
    reader.read_exact(&mut [0; 20]).expect("a line");
    drop((reader, out));
    let server = Server::adopt(child, announced);
    for number in 0..20 {
        assert_eq!(server.register(&format!("user{number}")), 201);
    }
    let mut server = server;
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn what_probes_find_well_is_not_logged() {
    let site = Site::new();
    let mut server = site.start(&[]);
    for _ in 0..5 {
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(server.get(path, "").status, 200);
            let head = exchange(server.connect(), "HEAD", path, "", "");
            assert_eq!(head.status, 200, "{path}");
        }
    }
    let wrong = exchange(server.connect(), "DELETE", "/healthz", "", "");
    assert_eq!(wrong.status, 405);
    assert_eq!(server.status_of("nobody"), 401);
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    let requests = lines(&log)
        .into_iter()
        .filter(|it| it["event"] == "request");
    let statuses: Vec<_> = requests.map(|it| it["status"].clone()).collect();
    assert_eq!(statuses, [json!(405), json!(401)], "{log}");
}

#[test]
fn the_log_is_text_when_that_is_asked_for() {
    let site = Site::new();
    let mut server = site.start(&["--log-format", "text"]);
    assert_eq!(server.register("ada"), 201);
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    assert!(log.lines().all(|it| it.contains(" INFO ")), "{log}");
    assert!(!log.contains(PASSWORD) && !log.contains('\u{1b}'));
}
