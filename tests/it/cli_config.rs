//! `config …`: which settings work, where they come from, and whether they are right.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::server::{Outcome, Site, run};
use crate::smtp_server::file;
use crate::smtp_settings::write_private;

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("a folder").next().is_none()
}

/// The row of a setting.
fn row<'a>(rows: &'a Value, key: &str) -> &'a Value {
    let mut rows = rows.as_array().expect("rows").iter();
    rows.find(|it| it["key"] == key).expect(key)
}

fn said(rows: &Value, key: &str) -> (String, String) {
    let row = row(rows, key);
    let text = |name: &str| match &row[name] {
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    };
    (text("value"), text("source"))
}

/// A command without settings of its own.
fn bare(site: &Site, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let mut command = site.bare();
    run(command.args(arguments).envs(variables.iter().copied()), "")
}

#[test]
fn every_setting_is_shown_with_its_source() {
    let site = Site::new();
    let file = site.path("settings.toml");
    let text = "hash_queue = 7\nsession_ttl = \"1h\"\ncors_origins = [\"https://a.org\", \"https://b.org\"]\n";
    fs::write(&file, text).expect("a file");
    let arguments = ["config", "show", "--format", "json", "--hash-queue", "9"];
    let variables = [
        ("MINISASS_AUTH_CONFIG", file.to_str().expect("UTF-8")),
        ("MINISASS_AUTH_HASH_QUEUE", "8"),
        ("MINISASS_AUTH_SESSION_TTL", "2h"),
        ("MINISASS_AUTH_LISTEN", "127.0.0.1:8123"),
    ];
    let rows = bare(&site, &arguments, &variables).json();
    let is = |key: &str, value: &str, source: &str| {
        assert_eq!(
            said(&rows, key),
            (value.to_owned(), source.to_owned()),
            "{key}"
        );
    };
    is("hash_queue", "9", "flag");
    is("session_ttl", "2h", "environment");
    is("cors_origins", "https://a.org,https://b.org", "file");
    is("access_ttl", "60m", "default");
    is("public_url", "http://127.0.0.1:8123", "default");
    is("database", "./minisass-data/auth.db", "default");
    is("log_format", "json", "default");
    is("frontend_url", "nothing", "default");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    is("hash_threads", &cores.to_string(), "default");

    let help = bare(&site, &["help", "settings"], &[]).ok();
    let listed: Vec<String> = help
        .split(", MINISASS_AUTH_")
        .skip(1)
        .map(|it| it.split(',').next().expect("a name").to_lowercase())
        .collect();
    let shown: Vec<&str> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|it| it["key"].as_str().expect("a key"))
        .collect();
    assert_eq!(shown, listed);
    assert!(!site.path("minisass-data").exists(), "nothing was made");
}

#[test]
fn what_is_wrong_is_shown_among_the_others_and_then_refused() {
    let site = Site::new();
    let file = site.path("settings.toml");
    fs::write(&file, "lisen = \"x\"\nhash_queue = 7\n").expect("a file");
    let file = file.to_str().expect("UTF-8");
    let show = ["config", "show", "--format", "csv"];
    let variables = [("MINISASS_AUTH_LISTEN", "8000")];
    let shown = bare(&site, &show, &variables);
    assert!(
        shown.out.contains("listen,8000,environment\n"),
        "{}",
        shown.out
    );
    assert!(shown.out.contains("access_ttl,60m,default\n"));
    let check = bare(&site, &["config", "check"], &variables).refusal();
    assert_eq!(shown.refusal(), check);
    assert!(check.contains("the setting listen is wrong"), "{check}");

    let shown = bare(&site, &[&show[..], &["--config", file]].concat(), &[]);
    assert!(shown.out.contains("hash_queue,7,file\n"), "{}", shown.out);
    assert!(shown.refusal().contains("did you mean listen?"));
    let shown = bare(&site, &show, &[("MINISASS_AUTH_LISEN", "x")]);
    assert!(shown.out.contains("access_ttl,60m,default\n"));
    assert!(shown.refusal().contains("did you mean listen?"));
    let mut command = site.bare();
    let name = OsStr::from_bytes(b"\xff");
    command.args(show).env("MINISASS_AUTH_DATA_DIR", name);
    let shown = run(&mut command, "");
    assert!(shown.out.contains("access_ttl,60m,default\n"));
    assert!(shown.refusal().contains("data_dir is wrong"));
    let shown = bare(&site, &[&show[..], &["--config", "nowhere"]].concat(), &[]);
    assert!(shown.out.contains("access_ttl,60m,default\n"));
    assert!(shown.refusal().contains("nowhere"));
}

#[test]
fn check_reads_the_files_that_settings_name_and_makes_none() {
    let site = Site::new();
    let check = |more: &[&str]| bare(&site, &[&["config", "check"], more].concat(), &[]);
    assert_eq!(check(&[]).ok(), "all settings are right\n");
    let right = check(&["--format", "json"]).json();
    assert_eq!(right["is_right"], true);
    check(&["--backup-every", "never"]).ok();
    let smtp = ["--smtp-url", "smtps://mail.example.org"];
    for (arguments, says) in [
        (&["--scrypt", "ln=3"][..], "the setting scrypt is wrong"),
        (&["--mail-from", "nobody"], "mail_from"),
        (&["--mail-templates", "nowhere"], "nowhere"),
        (&["--smtp-url-file", "nowhere"], "smtp_url_file"),
        (&["--smtp-url-file", "."], "it is a folder; name a file"),
        (&["--listen", "0.0.0.0:8000"], "--public-url"),
        (&["--listen", "unix:socket"], "--public-url"),
        (
            &[smtp[0], smtp[1], "--smtp-ca-file", "nowhere"],
            "smtp_ca_file",
        ),
    ] {
        let refused = check(arguments).refusal();
        assert!(refused.contains(says), "{arguments:?}: {refused}");
    }
    assert!(is_empty(&site.path("")), "something was made");
}

/// Root may read everything.
#[test]
fn check_as_root_refuses_what_the_owner_of_the_data_may_not_read_or_write() {
    let site = Site::with_database();
    let give = Command::new("chown")
        .args(["-R", "65534"])
        .arg(site.data())
        .status();
    // Only root can give a file away.
    if !give.expect("chown").success() {
        return;
    }
    let folder = site.path("");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("a mode");
    let authorities = site.path("ca.pem");
    fs::copy(file("server.pem"), &authorities).expect("a certificate");
    let templates = site.path("words");
    fs::create_dir(&templates).expect("a folder");
    let letter = templates.join("activation.subject.txt");
    fs::write(&letter, "Welcome").expect("a template");
    let set = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    };
    let check = || {
        let names = ["--smtp-url", "smtps://mail.example.org", "--smtp-ca-file"];
        let mut command = site.command(&["config", "check"]);
        command.args(names).arg(&authorities);
        run(command.arg("--mail-templates").arg(&templates), "")
    };
    set(&authorities, 0o644);
    set(&letter, 0o644);
    set(&templates, 0o755);
    check().ok();
    let of_system = run(
        site.bare().args(["config", "check", "--data-dir", "/srv"]),
        "",
    );
    let said = of_system.refusal();
    assert!(said.contains("/srv is a folder of the system"), "{said}");
    let data = site.data();
    for (path, closed, open) in [
        (&authorities, 0o600, 0o644),
        (&letter, 0o600, 0o644),
        (&templates, 0o700, 0o755),
        (&data, 0o500, 0o700),
    ] {
        set(path, closed);
        let said = check().refusal();
        assert!(said.contains(&path.display().to_string()), "{said}");
        assert!(said.contains(" may not "), "{said}");
        set(path, open);
        check().ok();
    }
}

#[test]
fn check_refuses_a_data_folder_that_serve_would_not_take() {
    // Only root can become somebody else.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let site = Site::new();
    let set = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    };
    set(&site.path(""), 0o755);
    for (name, mode) in [("roots", 0o755), ("closed", 0o700)] {
        fs::create_dir_all(site.path(name).join("within")).expect("a folder");
        set(&site.path(name), mode);
    }
    for folder in ["roots", "roots/new", "closed/within", "closed/new"] {
        for command in ["check", "serve"] {
            let mut asked = site.bare();
            match command {
                "check" => asked.args(["config", "check"]),
                _ => asked.args(["serve", "--listen", "127.0.0.1:0"]),
            };
            asked.args(["--data-dir", folder]).uid(65_534).gid(65_534);
            let said = run(&mut asked, "").refusal();
            assert!(said.contains(folder), "{command}: {said}");
        }
    }
    assert!(is_empty(&site.path("roots/within")) && !site.path("roots/new").exists());
}

/// Every way in which a password may stand in the settings, right or wrong.
#[test]
fn no_password_is_ever_printed() {
    let site = Site::new();
    let right = "smtp://ada:hunter2@127.0.0.1:1?tls=none";
    let secret = site.path("smtp_url");
    write_private(&secret, right);
    let settings = site.path("settings.toml");
    write_private(&settings, &format!("smtp_url = {right:?}\n"));
    let (secret, settings) = (
        secret.to_str().expect("UTF-8"),
        settings.to_str().expect("UTF-8"),
    );
    let ways = [
        ("MINISASS_AUTH_SMTP_URL", right),
        ("MINISASS_AUTH_SMTP_URL_FILE", secret),
        ("MINISASS_AUTH_CONFIG", settings),
        (
            "MINISASS_AUTH_SMTP_URL",
            "smtp://ada:hunter2#@mail.example.org",
        ),
        ("MINISASS_AUTH_SMTP_URL", "hunter2"),
        (
            "MINISASS_AUTH_PUBLIC_URL",
            "https://ada:hunter2@auth.example.org",
        ),
        (
            "MINISASS_AUTH_DATABASE",
            "postgres://ada:hunter2@localhost/auth",
        ),
    ];
    let commands = [&["config", "show"][..], &["config", "check"], &["doctor"]];
    for variable in ways {
        for command in commands {
            for format in ["table", "json", "csv"] {
                let arguments = [command, &["--format", format, "--scrypt", "ln=4,r=1,p=1"]];
                let outcome = bare(&site, &arguments.concat(), &[variable]);
                let printed = outcome.out + &outcome.err;
                assert!(!printed.contains("hunter2"), "{variable:?}: {printed}");
            }
        }
    }
    let shown = ["config", "show", "--format", "json"];
    let rows = bare(&site, &shown, &ways[..1]).json();
    let url = "smtp://ada:****@127.0.0.1:1?tls=none";
    assert_eq!(
        said(&rows, "smtp_url"),
        (url.to_owned(), "environment".to_owned())
    );
    let rows = bare(&site, &shown, &ways[1..2]).json();
    assert_eq!(said(&rows, "smtp_url_file").0, secret);
    assert_eq!(row(&rows, "smtp_url")["value"], Value::Null);
}
