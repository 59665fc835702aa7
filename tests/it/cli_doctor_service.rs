//! `doctor` looks at the service: whether the server answers, and whether systemd runs it as it should.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::cli_doctor::{Examined, used};
use crate::server::{Server, Site};

/// What systemd says of the unit of the package, which serves the data of `site`.
fn unit_of(site: &Site) -> String {
    let user = if rustix::process::getuid().is_root() {
        "root".to_owned()
    } else {
        std::env::var("USER").expect("a name")
    };
    format!(
        "LoadState=loaded\nActiveState=active\nNRestarts=0\nUnitFileState=enabled\nUser={user}\n\
         StateDirectory={}\nMemoryMax=4294967296\nWatchdogUSec=2min\n",
        site.data().display()
    )
}

/// Has `systemctl` say that.
fn examined(site: &Site, said: &str) -> Examined {
    let programs = site.path("programs");
    fs::create_dir_all(&programs).expect("a folder");
    fs::write(site.path("said"), said).expect("what it says");
    let systemctl = programs.join("systemctl");
    let script = format!("#!/bin/sh\ncat {}\n", site.path("said").display());
    fs::write(&systemctl, script).expect("a program");
    fs::set_permissions(&systemctl, Permissions::from_mode(0o755)).expect("a mode");
    let path = std::env::var("PATH").expect("a path");
    let mut command = site.command(&["doctor", "--format", "json", "--hash-threads", "2"]);
    command.args(["--scrypt", "ln=17,r=8,p=1"]);
    Examined::by(command.env("PATH", format!("{}:{path}", programs.display())))
}

#[test]
fn a_unit_that_is_as_it_should_be_passes() {
    let site = used();
    examined(&site, &unit_of(&site)).is(
        "service",
        "ok",
        "minisass-auth.service is as it should be",
    );
}

#[test]
fn a_unit_may_name_its_user_by_number() {
    let site = used();
    let uid = rustix::process::getuid().as_raw();
    let numbered = |line: &str| match line.starts_with("User=") {
        true => format!("User={uid}\n"),
        false => format!("{line}\n"),
    };
    let said: String = unit_of(&site).lines().map(numbered).collect();
    examined(&site, &said).is("service", "ok", "as it should be");
}

#[test]
fn each_thing_that_is_wrong_with_the_unit_is_found() {
    let site = used();
    for (right, wrong, state, words, advice) in [
        (
            "=active",
            "=failed",
            "failed",
            "is failed",
            "systemctl start",
        ),
        (
            "=active",
            "=inactive",
            "failed",
            "is inactive",
            "systemctl start",
        ),
        (
            "=active\n",
            "=activating\nSubState=auto-restart\n",
            "failed",
            "again and again",
            "journalctl -n 20",
        ),
        (
            "NRestarts=0",
            "NRestarts=7",
            "warning",
            "ended 7 times",
            "journalctl -u",
        ),
        (
            "=enabled",
            "=disabled",
            "warning",
            "start with the machine",
            "systemctl enable",
        ),
        (
            "User=",
            "User=somebody-",
            "failed",
            "runs as somebody-",
            "chown -R somebody-",
        ),
        ("=2min", "=0", "warning", "hangs", "WatchdogSec=2min"),
        (
            "WatchdogUSec=2min\n",
            "WatchdogUSec=2min\nStatusText=Serving http://127.0.0.1:8123 at 127.0.0.1:8123\n",
            "warning",
            "listens on 127.0.0.1:8123, and the settings say",
            "systemctl restart",
        ),
        (
            "=4294967296",
            "=268435456",
            "warning",
            "256 MiB, and needs up to 320",
            "MemoryMax=320M",
        ),
    ] {
        let said = unit_of(&site).replace(right, wrong);
        let found = examined(&site, &said).is("service", state, words);
        assert!(found.contains(advice), "{found}");
    }
}

#[test]
fn a_unit_that_is_not_there_or_serves_other_data_is_nothing_to_speak_of() {
    let site = used();
    let other = unit_of(&site).replace(&site.data().display().to_string(), "minisass-auth");
    for said in ["", "LoadState=not-found\nActiveState=inactive\n", &other] {
        let examined = examined(&site, said);
        examined.is("service", "ok", "no server works on this data");
        assert_eq!(examined.rows("service").len(), 1);
    }
}

#[test]
fn a_server_that_hangs_is_found() {
    let site = used();
    let server = site.start(&[]);
    Examined::of(&site, &[]).is("service", "ok", "the server answers");
    server.signal(Signal::STOP);
    Examined::of(&site, &[]).failed("service", "there is no answer");
    server.signal(Signal::CONT);
}

#[test]
fn a_proxy_that_is_not_there_is_found() {
    let site = used();
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!(
        "localhost:{}",
        proxy.local_addr().expect("an address").port()
    );
    let public = ["--public-url", &format!("https://{address}/auth")];
    let quiet = ["serve", "--listen", "127.0.0.1:0"];
    let serve = site.command(&[&quiet[..], &public].concat());
    let _server = Server::start(serve, &site.path("log"));
    // Where the server listens is in no setting here.
    let examined = |public: &[&str]| Examined::of(&site, public);
    examined(&public).is("proxy", "ok", &address);
    drop(proxy);
    let advice = examined(&public).is("proxy", "warning", "nobody answers at localhost:");
    assert!(advice.contains("start the proxy"), "{advice}");
    let nowhere = ["--public-url", "https://auth.invalid"];
    examined(&nowhere).is("proxy", "warning", "there is no host of that name");
    assert!(examined(&[]).rows("proxy").is_empty());
}

#[test]
fn settings_that_are_newer_than_the_server_are_found() {
    let site = used();
    let settings = site.path("settings.toml");
    fs::write(&settings, "").expect("the settings");
    let file = settings.display().to_string();
    let _server = site.start(&["--config", &file]);
    let examined = || Examined::of(&site, &["--config", &file]);
    examined().is("service", "ok", "the server answers");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
    let opened = fs::File::options().append(true).open(&settings);
    opened
        .expect("the settings")
        .set_modified(later)
        .expect("another time");
    let advice = examined().is(
        "service",
        "warning",
        "was changed after the server was started",
    );
    assert!(advice.contains("start the server again"), "{advice}");
}
