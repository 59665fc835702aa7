//! `serve` from its first start to its second.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::old_keys::OTHER_MASTER;
use crate::server::{CHEAP, Server, Site, clear_settings};
use crate::smtp_settings::write_private;
use crate::wire::exchange;

/// Every file and folder below `folder`, with its mode.
fn modes(folder: &Path) -> BTreeMap<PathBuf, u32> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let metadata = fs::metadata(&path).expect("its metadata");
        if metadata.is_dir() {
            found.extend(modes(&path));
        }
        found.insert(path, metadata.permissions().mode() & 0o777);
    }
    found
}

#[test]
fn the_first_start_makes_everything_for_its_owner_alone_whatever_the_umask() {
    let site = Site::new();
    let mut command = Command::new("sh");
    clear_settings(&mut command);
    command.args(["-c", "umask 000; exec \"$@\"", "sh"]);
    command.arg(env!("CARGO_BIN_EXE_minisass-auth"));
    command.arg("--data-dir").arg(site.data());
    command.args(["serve", "--listen", "127.0.0.1:0", "--scrypt", CHEAP]);
    let server = Server::start(command, &site.path("log"));
    assert_eq!(server.register("ada"), 201);

    let data = fs::metadata(site.data()).expect("the data folder");
    assert_eq!(data.permissions().mode() & 0o777, 0o700);
    let found = modes(&site.data());
    for name in ["auth.db", "auth.db-wal", "auth.db-shm", "keys/master.key"] {
        assert!(found.contains_key(&site.data().join(name)), "{name}");
    }
    for (path, mode) in found {
        let right = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, right, "{} has mode {mode:o}", path.display());
    }
}

#[test]
fn a_start_prints_the_addresses_and_what_to_type_next() {
    let site = Site::new();
    let mut server = site.start(&[]);
    server.read_on_to("token issue");
    let address = server.address();
    let data = site.data();
    let data = data.display();
    for line in [
        format!("API            http://{address}/authentication/api/"),
        format!("Documentation  http://{address}/docs/"),
        format!("{data}/outbox/"),
        format!("Database       {data}/auth.db"),
        format!("--data-dir {data} user create --username ada --email ada@example.org"),
        format!("--data-dir {data} token issue ada"),
    ] {
        assert!(server.announced.contains(&line), "{}", server.announced);
    }
    assert_eq!(server.get("/docs/", "").status, 200);
}

#[test]
fn the_printed_commands_work_as_they_stand() {
    let site = Site::new();
    let key = site.path("a key");
    write_private(&key, OTHER_MASTER);
    let key = key.display().to_string();
    let mut server = site.start(&["--master-key-file", &key]);
    server.read_on_to("token issue");
    for next in ["user create", "token issue"] {
        let line = server.announced.lines().find(|it| it.contains(next));
        let line = line.expect("a command").trim();
        let mut shell = Command::new("sh");
        site.set_place(&mut shell);
        let line = line.replace("user create", "user create --password-stdin");
        shell.args(["-c", &line]);
        crate::server::run(&mut shell, crate::server::PASSWORD).ok();
    }
    assert_eq!(server.login("ada@example.org").status, 200);
}

#[test]
fn the_printed_commands_name_no_file_that_a_service_manager_lends_to_the_server_alone() {
    let site = Site::new();
    let lent = site.path("lent");
    fs::create_dir(&lent).expect("a folder");
    write_private(&lent.join("master_key"), OTHER_MASTER);
    let mut serve = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    serve.env("CREDENTIALS_DIRECTORY", &lent);
    let mut server = Server::start(serve, &site.path("log"));
    server.read_on_to("token issue");
    assert!(!server.announced.contains("lent"), "{}", server.announced);
}

#[test]
fn a_second_start_keeps_keys_users_and_sessions() {
    let site = Site::new();
    let keys = || {
        let files = fs::read_dir(site.data().join("keys")).expect("the keys");
        let read = |path: PathBuf| (path.clone(), fs::read(path).expect("a key"));
        files
            .map(|it| read(it.expect("an entry").path()))
            .collect::<BTreeMap<_, _>>()
    };
    let mut server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    let before = server.login("ada@example.org");
    let keys_before = keys();
    assert_eq!(server.stop(), Some(0));

    let server = site.start(&[]);
    assert_eq!(keys(), keys_before);
    assert_eq!(server.status_of(&before.text("access_token")), 200);
    let after = server.login("ada@example.org");
    assert_eq!(after.json()["user_id"], before.json()["user_id"]);
    let refreshed = server.post("refresh", &json!({"refresh": before.text("refresh_token")}));
    assert_eq!(refreshed.status, 200);
}

#[test]
fn two_installations_have_different_keys() {
    let (here, there) = (Site::new(), Site::new());
    let (first, second) = (here.start(&[]), there.start(&[]));
    assert_eq!((first.register("ada"), second.register("ada")), (201, 201));
    let token = first.login("ada@example.org").text("access_token");
    assert_eq!(first.status_of(&token), 200);
    assert_eq!(second.status_of(&token), 401);
}

#[test]
fn health_and_readiness_are_told() {
    let site = Site::new();
    let server = site.start(&[]);
    for path in ["/healthz", "/readyz"] {
        let answer = server.get(path, "");
        assert_eq!((answer.status, answer.text("status").as_str()), (200, "ok"));
    }
}

#[test]
fn a_unix_socket_serves_and_goes_with_the_server() {
    let site = Site::new();
    let socket = site.path("socket");
    let listen = format!("unix:{}", socket.display());
    let url = ["--public-url", "https://auth.example.org"];
    let serve = ["serve", "--listen", &listen];
    let start = || {
        Server::start(
            site.command(&[&serve[..], &url].concat()),
            &site.path("log"),
        )
    };
    let get = || {
        let stream = UnixStream::connect(&socket).expect("a connection");
        exchange(stream, "GET", "/healthz", "", "").status
    };
    let mut server = start();
    assert_eq!(get(), 200);
    server.signal(rustix::process::Signal::KILL);
    server.wait();
    assert!(socket.exists(), "a killed server leaves its socket behind");

    let mut server = start();
    assert_eq!(get(), 200);
    assert_eq!(server.stop(), Some(0));
    assert!(!socket.exists());
}
