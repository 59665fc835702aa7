//! What containers and packages have around a service: variables, volumes and secrets of a group, a
//! settings file in its usual place, a Unix socket before which a proxy stands.

use std::fs::{self, Permissions, create_dir, set_permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::process::Command;

use serde_json::Value;

use super::account::Account;
use super::{part, program};
use crate::server::{Server, Site, run};
use crate::wire::exchange;

/// A group that an account is in beside its own, as `fsGroup` has it.
const GROUP: u32 = 2000;

#[test]
fn variables_that_kubernetes_or_docker_make_are_passed_over() {
    let site = Site::new();
    let address = "tcp://10.0.0.1:8000";
    let made = [
        ("SERVICE_HOST", "10.0.0.1"),
        ("SERVICE_PORT", "8000"),
        ("SERVICE_PORT_HTTP", "8000"),
        ("SERVICE_PORT_HTTP_ALT", "8001"),
        ("PORT", address),
        ("PORT_8000_TCP", address),
        ("PORT_8000_TCP_PROTO", "tcp"),
        ("PORT_8000_TCP_PORT", "8000"),
        ("PORT_8000_TCP_ADDR", "10.0.0.1"),
        ("PORT_53_UDP", "udp://10.0.0.1:53"),
        ("PORT_53_UDP_ADDR", "fd00::1"),
        // Of services that only start like ours.
        ("SMTP_SERVICE_HOST", "fd00::1"),
        ("SMTP_SERVICE_PORT", "25"),
        ("DATABASE_PORT", "tcp://10.0.0.2:5432"),
        ("DATABASE_PORT_5432_TCP", "tcp://10.0.0.2:5432"),
        // Of a link of Docker's.
        ("NAME", "/web/minisass-auth"),
        ("PORT_START", "tcp://10.0.0.1:8000"),
        ("PORT_END", "tcp://10.0.0.1:8002"),
        ("PORT_8000_TCP_START", "tcp://10.0.0.1:8000"),
        ("PORT_8000_TCP_END", "tcp://10.0.0.1:8002"),
        ("PORT_8000_TCP_PORT_START", "8000"),
        ("PORT_8000_TCP_PORT_END", "8002"),
        ("ENV_PATH", "/usr/bin"),
        ("ENV_GREETING", "hello"),
    ];
    let check = |variables: &[(&str, &str)]| {
        let mut command = site.bare();
        for (name, value) in variables {
            command.env(format!("MINISASS_AUTH_{name}"), value);
        }
        run(command.args(["config", "check"]), "")
    };
    check(&made).ok();
    // Whatever the other container has in its environment, and whether or not Docker names that.
    check(&[("ENV_GREETING", "hello"), ("ENV_MINISASS_AUTH_LISTEN", "x")]).ok();
    // These look like them, and are slips of somebody who wants to set something.
    for (name, value) in [
        ("PORT", "8000"),
        ("PORT", ":8000"),
        ("SERVICE_HOST", "auth.example.org"),
        ("SERVICE_PORT", "http"),
        ("PORT_8000_TCP", "8000"),
        ("PORT_TCP_8000", address),
        ("NAME", "minisass"),
        ("NAME", "/srv"),
        ("PORT_START", "first"),
        ("PORT_8000_TCP_START", "8000"),
        ("SMTP_ENV_GREETING", "hello"),
        ("LISEN", "127.0.0.1:8000"),
        ("HOST", "10.0.0.1"),
    ] {
        let said = check(&[(name, value)]).refusal();
        assert!(said.contains(&format!("MINISASS_AUTH_{name}")), "{said}");
    }
}

#[test]
fn a_secret_that_root_shares_with_our_group_is_private_enough() {
    let site = Site::new();
    let Some(account) = Account::find(&site, "2000") else {
        return;
    };
    let data = site.path("data");
    create_dir(&data).expect("a folder");
    chown(&data, Some(Account::ID), Some(Account::ID)).expect("an owner");
    for (mode, owner, group, is_right) in [
        (0o440, 0, GROUP, true),
        (0o640, 0, Account::ID, true),
        (0o400, Account::ID, Account::ID, true),
        (0o660, Account::ID, GROUP, true),
        (0o444, 0, GROUP, false),
        (0o644, Account::ID, Account::ID, false),
        (0o640, Account::ID, 2001, false),
        (0o640, 2001, GROUP, false),
    ] {
        let url = site.path("smtp_url");
        fs::write(&url, "smtp://u:p@127.0.0.1:25?tls=none\n").expect("a file");
        chown(&url, Some(owner), Some(group)).expect("an owner");
        set_permissions(&url, Permissions::from_mode(mode)).expect("a mode");
        let url = url.display().to_string();
        let mut check = account.command("data", &["config", "check", "--smtp-url-file", &url]);
        let said = run(&mut check, "");
        let what = format!("{mode:o} {owner}:{group}: {}", said.err);
        assert_eq!(said.code == Some(0), is_right, "{what}");
    }
}

fn shell(site: &Site, line: &str) {
    let mut shell = Command::new("sh");
    run(shell.args(["-c", line]).current_dir(site.path("")), "").ok();
}

#[test]
fn a_volume_of_our_group_is_private_enough() {
    let site = Site::new();
    let Some(account) = Account::find(&site, "2000") else {
        return;
    };
    let volume = site.path("volume");
    create_dir(&volume).expect("a folder");
    chown(&volume, Some(0), Some(GROUP)).expect("an owner");
    set_permissions(&volume, Permissions::from_mode(0o2775)).expect("a mode");
    let serve = || account.command("volume", &["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Server::start(serve(), &site.path("log"));
    assert_eq!(server.register("ada"), 201);
    assert_eq!(server.stop(), Some(0));
    // What fsGroup does at the next mount: all of it is the group's, to read and to write.
    let all =
        "chgrp -R 2000 volume; chmod -R g+rwX volume; find volume -type d -exec chmod g+s {} +";
    shell(&site, all);
    let mut server = Server::start(serve(), &site.path("log"));
    assert_eq!(server.login("ada@example.org").status, 200);
    assert!(
        !server.log().contains("sys_open_folder"),
        "{}",
        server.log()
    );
    assert_eq!(server.stop(), Some(0));
    let doctor = ["doctor", "--format", "json"];
    let found: Value = run(&mut account.command("volume", &doctor), "").json();
    let failed = found.as_array().expect("rows").iter();
    let failed: Vec<_> = failed.filter(|it| it["state"] == "failed").collect();
    assert!(failed.is_empty(), "{failed:?}");
    // Of a group that is not ours it is open to others.
    shell(&site, "chgrp -R 2001 volume/keys");
    let said = run(&mut serve(), "").refusal();
    assert!(said.contains("chmod"), "{said}");
}

#[test]
fn root_is_told_how_to_be_the_owner() {
    let site = Site::new();
    let Some(account) = Account::find(&site, "") else {
        return;
    };
    let volume = site.path("the volume");
    create_dir(&volume).expect("a folder");
    let owner = Some(Account::ID);
    chown(&volume, owner, owner).expect("an owner");
    let serve = account.command("the volume", &["serve", "--listen", "127.0.0.1:0"]);
    let _server = Server::start(serve, &site.path("log"));
    let mut list = site.bare();
    list.arg("--data-dir").arg(&volume).args(["user", "list"]);
    list.env("MINISASS_AUTH_HASH_QUEUE", "9");
    let said = run(&mut list, "").refusal();
    let program = env!("CARGO_BIN_EXE_minisass-auth");
    let line = format!(
        "sudo -u '#{}' --preserve-env=MINISASS_AUTH_HASH_QUEUE {program} --data-dir '{}' user list",
        Account::ID,
        volume.display()
    );
    assert!(said.ends_with(&line), "{said}");
}

#[test]
fn everybody_else_is_told_how_to_be_the_owner_too() {
    let site = Site::with_database();
    let Some(stranger) = Account::find(&site, "") else {
        return;
    };
    // On every machine: the account daemon.
    for path in [site.data(), site.data().join("auth.db")] {
        chown(path, Some(1), Some(1)).expect("an owner");
    }
    for line in [
        "user list",
        "user create --email ada@example.org --password-stdin",
        "key list",
        "db migrate",
        "db status",
        "serve --listen 127.0.0.1:0",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let said = run(&mut stranger.command("data", &words), "").refusal();
        assert!(said.contains(": sudo -u daemon "), "{line}: {said}");
        assert!(said.ends_with(line), "{line}: {said}");
    }
}

#[test]
fn the_settings_file_in_its_usual_place_is_read() {
    let site = Site::new();
    let found = program("unshare").and_then(|unshare| {
        // Where nobody may mount, nothing can be put into /etc for one process alone.
        let tried = run(Command::new(&unshare).args(["-m", "true"]), "");
        let is_able = tried.code == Some(0);
        is_able.then_some(unshare).ok_or(tried.err)
    });
    let Some(unshare) = part(found) else {
        return;
    };
    let (etc, other) = (site.path("etc"), site.path("other.toml"));
    create_dir(&etc).expect("a folder");
    fs::write(etc.join("minisass-auth.toml"), "hash_queue = 7\n").expect("a file");
    fs::write(&other, "hash_threads = 3\n").expect("a file");
    let other = other.display().to_string();
    let shown = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = Command::new(&unshare);
        crate::server::clear_settings(&mut command);
        command.args(["-m", "sh", "-c", "mount --bind \"$0\" /etc && exec \"$@\""]);
        command.arg(&etc).arg(env!("CARGO_BIN_EXE_minisass-auth"));
        command
            .args(["config", "show", "--format", "csv"])
            .args(arguments);
        run(command.envs(variables.iter().copied()), "")
    };
    let rows = shown(&[], &[]).ok();
    assert!(rows.contains("hash_queue,7,file"), "{rows}");
    for rows in [
        shown(&[], &["--config", &other]),
        shown(&[("MINISASS_AUTH_CONFIG", &other)], &[]),
    ] {
        let rows = rows.ok();
        assert!(rows.contains("hash_queue,64,default"), "{rows}");
        assert!(rows.contains("hash_threads,3,file"), "{rows}");
    }
    fs::write(etc.join("minisass-auth.toml"), "hash_qeue = 7\n").expect("a file");
    let said = shown(&[], &[]).refusal();
    assert!(said.contains("/etc/minisass-auth.toml"), "{said}");
}

#[test]
fn who_may_not_read_the_settings_is_told_the_line_of_one_who_may() {
    let site = Site::with_database();
    let Some(stranger) = Account::find(&site, "") else {
        return;
    };
    let settings = site.path("settings.toml");
    fs::write(&settings, "").expect("the settings");
    set_permissions(&settings, Permissions::from_mode(0o640)).expect("a mode");
    let file = settings.display().to_string();
    let list = ["user", "list", "--config", &file];
    // Root's own group is nobody's to be.
    let said = run(&mut stranger.command("data", &list), "").refusal();
    assert!(
        said.ends_with("permission denied; run it as the owner, or give this user access"),
        "{said}"
    );
    // On every machine: the account daemon, and its group.
    chown(&settings, None, Some(1)).expect("a group");
    let said = run(&mut stranger.command("data", &list), "").refusal();
    assert!(said.contains("run it as daemon: sudo -u daemon "), "{said}");
    assert!(
        said.ends_with(&format!("user list --config {file}")),
        "{said}"
    );
}

#[test]
fn a_unix_socket_has_a_mode_and_a_group_and_believes_who_speaks_to_it() {
    let site = Site::new();
    let socket = site.path("socket");
    let listen = format!("unix:{}", socket.display());
    let own = socket
        .parent()
        .expect("a folder")
        .metadata()
        .expect("a folder")
        .gid();
    let serve = |more: &[&str]| {
        let start = [
            "serve",
            "--listen",
            &listen,
            "--public-url",
            "https://auth.example.org",
        ];
        site.command(&[&start[..], more].concat())
    };
    let access = || {
        let metadata = socket.metadata().expect("a socket");
        (metadata.mode() & 0o7777, metadata.gid())
    };
    let mut server = Server::start(serve(&[]), &site.path("log"));
    assert_eq!(access(), (0o660, own));
    // Without a word of the proxy's there is one line that says what that means.
    let ask = |address: &str| {
        let stream = UnixStream::connect(&socket).expect("a connection");
        let forwarded = match address {
            "" => String::new(),
            _ => format!("X-Forwarded-For: {address}\r\n"),
        };
        let headers = format!("Content-Type: application/json\r\n{forwarded}");
        let path = "/authentication/api/request-reset/";
        let body = r#"{"email": "nobody@example.org"}"#;
        exchange(stream, "POST", path, &headers, body).status
    };
    for _ in 0..2 {
        assert_eq!(ask(""), 200);
    }
    let log = server.log_with("client_unknown");
    assert_eq!(log.matches("client_unknown").count(), 1, "{log}");
    assert!(log.contains("X-Forwarded-For"), "{log}");
    let last = (0..200).map(|_| ask("203.0.113.7")).find(|it| *it != 200);
    assert_eq!(last, Some(429));
    assert_eq!(ask("203.0.113.8"), 200);
    assert_eq!(server.stop(), Some(0));

    // A group that this user may give it to: only root has another one for sure.
    let group = if rustix::process::geteuid().is_root() {
        GROUP
    } else {
        own
    };
    let group_text = group.to_string();
    let chosen = ["--listen-mode", "0606", "--listen-group", &group_text];
    let mut server = Server::start(serve(&chosen), &site.path("log"));
    assert_eq!(access(), (0o606, group));
    assert_eq!(server.stop(), Some(0));
    for (wrong, word) in [
        (["--listen-mode", "rw"], "listen_mode"),
        (["--listen-mode", "0888"], "listen_mode"),
        (["--listen-mode", "0066"], "listen_mode"),
        (["--listen-mode", "7777"], "listen_mode"),
        (["--listen-group", "no-such-group"], "listen_group"),
    ] {
        let said = run(&mut serve(&wrong), "").refusal();
        assert!(said.contains(word), "{said}");
    }
}
