//! `doctor` over wrong settings, what the machine can do, and mail servers that do not let us in.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::cli_doctor::{Examined, content, used};
use crate::server::{Site, run};
use crate::smtp_server::{MailServer, file};

#[test]
fn wrong_settings_do_not_hide_the_rest() {
    let site = used();
    let file = site.data().join("auth.db");
    fs::set_permissions(file, Permissions::from_mode(0o644)).expect("a mode");
    let examined = Examined::of(&site, &["--hash-queue", "many"]);
    let advice = examined.failed("settings", "the setting hash_queue is wrong");
    assert!(advice.contains("hash_queue = 64"), "{advice}");
    examined.failed("files", "auth.db");
    examined.is("integrity", "ok", "");
    for check in ["public_url", "smtp", "hash_cost", "hash_memory"] {
        examined.is(
            check,
            "warning",
            "not checked, because the settings are wrong",
        );
    }
    let settings = site.path("settings.toml");
    fs::write(&settings, "throtle = true\n").expect("a file");
    let mut doctor = site.bare();
    doctor
        .args(["doctor", "--format", "json", "--config"])
        .arg(&settings);
    let examined = Examined::by(&mut doctor);
    examined.failed("settings", "there is no setting throtle");
    examined.failed("files", "there is no data folder ./minisass-data");
    let examined = Examined::of(&site, &["--mail-templates", "nowhere"]);
    examined.failed("settings", "nowhere");
    examined.is("smtp", "warning", "not checked");
}

/// Where the data is stands in them.
#[test]
fn settings_that_cannot_be_read_are_all_that_is_complained_of() {
    let site = Site::new();
    let mut doctor = site.bare();
    doctor.args(["doctor", "--format", "json", "--config", "nowhere.toml"]);
    let examined = Examined::by(&mut doctor);
    examined.failed("settings", "cannot read the settings file nowhere.toml");
    assert_eq!(examined.such("failed"), ["settings"]);
    for check in [
        "files",
        "master_key",
        "database",
        "integrity",
        "backup",
        "disk",
    ] {
        examined.is(
            check,
            "warning",
            "not checked, because the settings that name",
        );
    }
    assert!(!site.path("minisass-data").exists());
}

#[test]
fn a_public_url_is_there_and_encrypted() {
    let site = used();
    let everywhere = ["--listen", "0.0.0.0:8000"];
    let advice = Examined::of(&site, &everywhere).failed("public_url", "missing");
    assert!(advice.contains("--public-url https://"), "{advice}");
    for (url, state) in [
        ("http://auth.example.org", "warning"),
        ("http://localhost.example.org/auth/", "warning"),
        ("https://auth.example.org/auth/", "ok"),
        ("http://localhost:8000/auth", "ok"),
        ("http://[::1]:8000", "ok"),
    ] {
        let arguments = [&everywhere[..], &["--public-url", url]].concat();
        Examined::of(&site, &arguments).is("public_url", state, url.trim_end_matches('/'));
    }
}

#[test]
fn guesses_that_are_not_limited_are_found() {
    let site = used();
    let advice = Examined::of(&site, &["--throttle", "false"]).is("throttle", "warning", "guessed");
    assert!(advice.contains("leave throttle = false out"), "{advice}");
    assert!(Examined::of(&site, &[]).rows("throttle").is_empty());
}

#[test]
fn a_proxy_that_is_not_believed_is_found() {
    let site = used();
    let public = ["--public-url", "https://auth.example.org"];
    for all in ["10.0.0.1, 0.0.0.0/0", "128.0.0.0/1, 0.0.0.0/1"] {
        let all = ["--trusted-proxies", all];
        let examined = Examined::of(&site, &[&public[..], &all].concat());
        let advice = examined.is("listen", "warning", "is all of 0.0.0.0/0");
        assert!(advice.contains("your proxies only"), "{advice}");
    }
    for (listen, trusted, state) in [
        ("127.0.0.1:8000", "", "warning"),
        ("127.0.0.1:8000", "10.0.0.0/8", "warning"),
        ("127.0.0.1:8000", "10.0.0.0/8,127.0.0.1", "ok"),
        ("[::1]:8000", "127.0.0.1", "warning"),
        ("0.0.0.0:8000", "", "warning"),
        ("0.0.0.0:8000", "10.0.0.0/8", "ok"),
    ] {
        let more = ["--listen", listen, "--trusted-proxies", trusted];
        let words = if state == "ok" { listen } else { "not trusted" };
        Examined::of(&site, &[&public[..], &more].concat()).is("listen", state, words);
    }
}

#[test]
fn who_can_open_a_unix_socket_is_said_and_no_trusted_proxy_is_asked_for() {
    let site = used();
    let public = ["--public-url", "https://auth.example.org"];
    let listen = ["--listen", "unix:/run/minisass-auth/http.sock"];
    let alone = "only this user can open unix:/run/minisass-auth/http.sock";
    let group = "only this user and its group can open unix:/run";
    let own_group = Command::new("id").arg("-gn").output().expect("id");
    let own_group = String::from_utf8(own_group.stdout).expect("a name");
    let own_group = own_group.trim();
    let chosen = &*format!("the group {own_group} can open unix:/run");
    let everybody = "every user of this machine can open unix:/run";
    for (more, state, words) in [
        (&[][..], "warning", group),
        (&["--listen-mode", "0600"], "warning", alone),
        (&["--listen-mode", "0620"], "warning", alone),
        (&["--listen-mode", "0606"], "ok", everybody),
        (&["--listen-group", own_group], "ok", chosen),
        (
            &["--listen-group", own_group, "--listen-mode", "0666"],
            "ok",
            everybody,
        ),
        (
            &["--listen-group", own_group, "--listen-mode", "0600"],
            "warning",
            alone,
        ),
    ] {
        let arguments = [&public[..], &listen, more].concat();
        let advice = Examined::of(&site, &arguments).is("listen", state, words);
        assert!(!advice.contains("trusted_proxies"), "{advice}");
        assert_eq!(
            advice.contains("listen_group"),
            state == "warning",
            "{advice}"
        );
    }
    let give = Command::new("chown")
        .args(["-R", "65534"])
        .arg(site.data())
        .status();
    // Only root can give a file away.
    if give.expect("chown").success() {
        let check = [
            &["config", "check", "--listen-group", "daemon"][..],
            &public,
            &listen,
        ]
        .concat();
        let said = site.run(&check).refusal();
        assert!(said.contains("usermod -aG daemon nobody"), "{said}");
        let back = Command::new("chown")
            .args(["-R", "0"])
            .arg(site.data())
            .status();
        assert!(back.expect("chown").success());
    }
    // Where anybody may connect, it is needed.
    let advice =
        Examined::of(&site, &public).is("listen", "warning", "all clients have its address");
    assert!(advice.contains("trusted_proxies"), "{advice}");
}

#[test]
fn hashes_are_measured_against_the_machine() {
    let site = used();
    let cost = "ln=17,r=8,p=1";
    let examined = |scrypt: &str, threads: &str| {
        let arguments = ["doctor", "--format", "json", "--hash-threads", threads];
        let mut command = site.bare();
        command.arg("--data-dir").arg(site.data()).args(arguments);
        run(command.args(["--scrypt", scrypt]), "").json()
    };
    let row = |rows: &Value, check: &str| {
        let mut rows = rows.as_array().expect("rows").iter();
        rows.find(|it| it["check"] == check).expect(check).clone()
    };
    let rows = examined(cost, "1024");
    let time = row(&rows, "hash_cost");
    assert!(time["finding"].as_str().is_some_and(|it| it.contains(cost)));
    assert!(
        !time["finding"]
            .as_str()
            .is_some_and(|it| it.contains("OWASP"))
    );
    let memory = row(&rows, "hash_memory");
    let said = memory["finding"].as_str().expect("a finding");
    assert!(said.contains("need up to 131072 MiB"), "{said}");
    assert_eq!(memory["state"], "warning");
    for (cost, is_weak) in [
        ("ln=13,r=8,p=10", false),
        ("ln=13,r=8,p=9", true),
        ("ln=14,r=4,p=16", true),
    ] {
        let time = row(&examined(cost, "1"), "hash_cost");
        let said = time["finding"].as_str().expect("a finding");
        assert_eq!(said.contains("OWASP"), is_weak, "{said}");
    }
}

#[test]
fn calibration_proposes_the_nearest_cost_that_is_strong_enough() {
    let site = Site::new();
    for target in [1, 600] {
        let text = format!("{target}ms");
        let calibrate = [
            "doctor",
            "--calibrate",
            "--target",
            &text,
            "--format",
            "json",
        ];
        let outcome = site.run(&calibrate);
        let said = outcome.err.clone();
        let rows = outcome.json();
        let rows = rows.as_array().expect("rows");
        let time = |row: &Value| row["milliseconds"].as_u64().expect("a time");
        for (ln, row) in (17..).zip(rows) {
            assert_eq!(row["scrypt"], format!("ln={ln},r=8,p=1"));
            assert_eq!(row["memory_mib"], 1 << (ln - 10));
        }
        let (last, before) = rows.split_last().expect("a row");
        assert!(before.iter().all(|it| time(it) <= target));
        let is_whole = time(last) >= target || rows.len() == 4;
        assert!(
            is_whole || said.contains("was not tried"),
            "{rows:?} {said}"
        );
        let proposed: Vec<_> = rows.iter().filter(|it| it["is_proposed"] == true).collect();
        assert_eq!(proposed.len(), 1, "{rows:?}");
        let cost = proposed[0]["scrypt"].as_str().expect("a cost");
        assert!(said.contains(&format!("set scrypt = {cost:?}")), "{said}");
        if target == 1 {
            assert_eq!((rows.len(), cost), (1, "ln=17,r=8,p=1"));
        }
    }
    assert_eq!(content(&site.path("")), BTreeMap::new());
    assert_eq!(site.run(&["doctor", "--target", "1s"]).code, Some(2));
}

#[test]
fn the_mail_server_is_greeted_and_sent_nothing() {
    let (mut mail, site) = (MailServer::careful(), used());
    let url = site.path("smtp_url");
    let authority = file("authority.pem");
    let url_path = url.to_str().expect("UTF-8").to_owned();
    let with = |password: &str, port: u16| {
        let text = format!("smtp://ada:{password}@localhost:{port}?tls=required");
        crate::smtp_settings::write_private(&url, &text);
        let named = ["--smtp-url-file", &url_path, "--smtp-ca-file", &authority];
        Examined::of(&site, &[&named[..], &["--smtp-timeout", "1s"]].concat())
    };
    let examined = with("s%25cr%40t", mail.port);
    examined.is("smtp", "ok", "250");
    examined.is("mail_from", "warning", "localhost");
    let dialogue = mail.dialogue();
    assert!(dialogue.contains("NOOP"), "{dialogue}");
    assert!(!dialogue.contains("MAIL FROM"), "{dialogue}");
    assert!(mail.received().is_empty());

    let advice = with("hunter2", mail.port).failed("smtp", "AUTH: 535");
    assert!(advice.contains("password"), "{advice}");
    fs::set_permissions(&url, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("a mode");
    let examined = Examined::of(&site, &["--smtp-url-file", &url_path]);
    examined.failed("settings", "smtp_url");
    let advice = examined.failed("files", &format!("{url_path}: others can read it"));
    assert!(
        advice.starts_with("run: chmod 6") && advice.ends_with(&url_path),
        "{advice}"
    );

    let settings = site.path("settings.toml");
    let text = format!(
        "smtp_url = \"smtp://ada:hunter2@localhost:{}\"\n",
        mail.port
    );
    fs::write(&settings, text).expect("a file");
    fs::set_permissions(&settings, Permissions::from_mode(0o604)).expect("a mode");
    let path = settings.to_str().expect("UTF-8");
    let examined = Examined::of(&site, &["--config", path]);
    examined.failed("files", &format!("{path}: others can read it"));

    mail.restart(&["--mute"]);
    let port = mail.port;
    with("hunter2", port).failed("smtp", "no answer within 1s");
    mail.stop();
    let advice = with("hunter2", port).failed("smtp", "connecting");
    assert!(advice.contains("host and port"), "{advice}");
}

/// People read each reason once; programs have a row for each check.
#[test]
fn what_is_not_checked_for_the_same_reason_is_one_row_for_people() {
    let site = Site::new();
    let table = site.run(&["doctor"]);
    let reasons = table.out.lines().filter(|it| it.contains("not checked"));
    let mut reasons: Vec<&str> = reasons
        .filter_map(|it| it.split("not checked, ").nth(1)?.split(" │").next())
        .collect();
    let all = reasons.len();
    reasons.sort_unstable();
    reasons.dedup();
    assert!(all > 1 && reasons.len() == all, "{}", table.out);
    assert!(table.out.contains("signing_key, link_key"), "{}", table.out);
    let examined = Examined::of(&site, &[]);
    examined.is("link_key", "warning", "not checked");
    let help = site.run(&["doctor", "--help"]).ok();
    assert!(
        help.contains("exits with 1 if a check has failed"),
        "{help}"
    );
    let help = site.run(&["db", "status", "--help"]).ok();
    assert!(help.contains("links_for_nobody counts"), "{help}");
}
