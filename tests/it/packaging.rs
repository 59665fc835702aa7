//! `packaging/`: what is shipped fits the program. `tests/packaging` installs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::guides::blocks_of;
use crate::old_keys::OTHER_MASTER;
use crate::postgres::{Cluster, QUICK};
use crate::server::{Site, run};
use crate::smtp_settings::write_private;
use crate::world::{part, program};

pub fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(shipped(name)).expect("a file of packaging/")
}

/// What the package sets, against the defaults.
const SET: [(&str, &str); 2] = [
    ("data_dir", "/var/lib/minisass-auth"),
    ("backup_every", "1d"),
];

/// What `help settings` says of one: key, meaning, and a right value.
struct Setting {
    key: String,
    meaning: String,
    example: String,
}

fn settings() -> Vec<Setting> {
    let help = run(Site::new().bare().args(["help", "settings"]), "").ok();
    let (_, list) = help.split_once("\n\n").expect("an introduction");
    let (_, list) = list.split_once("\n\n").expect("an example");
    let lines: Vec<&str> = list.lines().map(str::trim).collect();
    let setting = |lines: &[&str]| {
        let (_, example) = lines[2].split_once("such as ").expect("an example");
        let (key, default) = lines[0].split_once(' ').unwrap_or((lines[0], ""));
        let default = default
            .strip_prefix("[default: ")
            .map(|it| it.replace(']', ""));
        Setting {
            key: key.to_owned(),
            meaning: lines[1].to_owned(),
            example: default.unwrap_or_else(|| example.trim_matches('"').replace("\\\"", "\"")),
        }
    };
    lines.chunks(3).map(setting).collect()
}

/// As TOML has it.
fn value(text: &str) -> String {
    let is_number = text.parse::<u64>().is_ok_and(|it| it.to_string() == text);
    let is_bare = is_number || ["true", "false"].contains(&text);
    if is_bare {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}

fn settings_file() -> String {
    let mut file = include_str!("guides/minisass-auth.toml").to_owned();
    for Setting {
        key,
        meaning,
        example,
    } in settings()
    {
        let set = SET.iter().find(|it| it.0 == key);
        let line = match set {
            Some((key, text)) => format!("{key} = {}", value(text)),
            None => format!("#{key} = {}", value(&example)),
        };
        file += &format!("\n# {meaning}\n{line}\n");
    }
    file
}

#[test]
fn the_settings_file_of_the_package_has_every_setting() {
    let current = settings_file();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(shipped("minisass-auth.toml"), &current).expect("the file");
    }
    assert!(
        text("minisass-auth.toml") == current,
        "the settings have changed: run `UPDATE_DOCS=1 cargo test packaging`, read the difference, commit it"
    );
}

#[test]
fn each_line_of_the_settings_file_of_the_package_is_right_when_it_counts() {
    let site = Site::new();
    let file = site.path("minisass-auth.toml");
    let check = |text: &str| {
        write_private(&file, text);
        run(
            site.bare()
                .arg("--config")
                .arg(&file)
                .args(["config", "check"]),
            "",
        )
    };
    let shipped = text("minisass-auth.toml");
    check(&shipped).ok();
    let hidden: Vec<&str> = shipped
        .lines()
        .filter(|it| it.starts_with('#') && it.contains(" = ") && !it.starts_with("# "))
        .collect();
    assert_eq!(hidden.len() + SET.len(), settings().len());
    for line in hidden {
        // What names files that are not here is told so; that the name is right shows in the sentence.
        let outcome = check(&shipped.replace(line, &line[1..]));
        let is_of_a_file = outcome.err.contains("/etc/");
        assert!(
            outcome.code == Some(0) || is_of_a_file,
            "{line}: {}",
            outcome.err
        );
    }
}

/// How much of the machine the unit could reach, of 100.
const MOST_EXPOSURE: &str = "15";

#[test]
fn the_unit_is_right_and_lets_the_server_reach_little() {
    let Some(analyze) = part(program("systemd-analyze")) else {
        return;
    };
    let unit = shipped("minisass-auth.service");
    let how = format!("--threshold={MOST_EXPOSURE}");
    let mut security = Command::new(&analyze);
    security
        .args(["security", "--offline=true", &how])
        .arg(&unit);
    run(&mut security, "").ok();
    let hides_locks = text("minisass-auth.service").contains("\nProcSubset=");
    assert!(
        !hides_locks,
        "/proc/locks says who keeps the database locked"
    );

    // Program, account and pages as they would be there once installed.
    let site = Site::new();
    let installed = site.path("minisass-auth.service");
    let unit: String = text("minisass-auth.service")
        .replace(
            "/usr/bin/minisass-auth",
            env!("CARGO_BIN_EXE_minisass-auth"),
        )
        .replace("User=minisass-auth", "User=daemon")
        .replace("Group=minisass-auth", "Group=daemon")
        .lines()
        .filter(|it| !it.starts_with("Documentation="))
        .map(|it| format!("{it}\n"))
        .collect();
    fs::write(&installed, unit).expect("the unit");
    let outcome = run(Command::new(analyze).arg("verify").arg(&installed), "");
    assert_eq!((outcome.code, outcome.err.trim()), (Some(0), ""));
}

#[test]
fn the_proxies_of_the_guide_are_those_that_are_shipped() {
    for (language, file) in [("nginx", "nginx.conf"), ("caddyfile", "Caddyfile")] {
        assert_eq!(
            blocks_of("docs/proxy.md", language),
            [text(file).trim_end()]
        );
    }
}

/// The part of a line of the Containerfile that follows `word`.
fn instructions<'a>(file: &'a str, word: &str) -> Vec<&'a str> {
    let (_, image) = file.split_once("FROM scratch").expect("the image");
    let lines = image.lines().filter_map(|it| it.strip_prefix(word));
    lines.map(str::trim).collect()
}

#[test]
fn an_engine_makes_the_image_that_the_script_makes() {
    let image: Value = serde_json::from_str(&text("image.json")).expect("the image");
    let (file, config) = (text("Containerfile"), &image["config"]);
    let list =
        |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).expect("a list") };
    let key = |value: &Value| value.as_object().expect("a table").keys().next().cloned();
    assert_eq!(
        instructions(&file, "USER"),
        [config["User"].as_str().expect("a user")]
    );
    assert_eq!(instructions(&file, "ENV"), list(&config["Env"]));
    assert_eq!(
        instructions(&file, "EXPOSE"),
        [key(&config["ExposedPorts"]).expect("a port")]
    );
    assert_eq!(
        instructions(&file, "VOLUME"),
        [key(&config["Volumes"]).expect("a volume")]
    );
    for (word, value) in [
        ("ENTRYPOINT", &config["Entrypoint"]),
        ("CMD", &config["Cmd"]),
    ] {
        let written: Vec<String> = serde_json::from_str(instructions(&file, word)[0]).expect(word);
        assert_eq!(written, list(value));
    }
    let health = instructions(&file, "HEALTHCHECK")[0];
    let (_, test) = health.split_once("CMD ").expect("a command");
    let test: Vec<String> = serde_json::from_str(test).expect("words");
    assert_eq!(
        ["CMD".to_owned()]
            .into_iter()
            .chain(test)
            .collect::<Vec<_>>(),
        list(&config["Healthcheck"]["Test"])
    );
    for (word, value) in [
        ("interval", "Interval"),
        ("timeout", "Timeout"),
        ("start-period", "StartPeriod"),
    ] {
        let seconds = config["Healthcheck"][value].as_u64().expect("a time") / 1_000_000_000;
        assert!(health.contains(&format!("--{word}={seconds}s")), "{health}");
    }
}

#[test]
fn the_compose_file_is_of_this_version_and_sets_what_there_is() {
    let compose: Value = serde_norway::from_str(&text("compose.yaml")).expect("YAML");
    let service = &compose["services"]["minisass-auth"];
    let image = concat!("minisass-auth:", env!("CARGO_PKG_VERSION"));
    assert_eq!(service["image"], image);
    let site = Site::new();
    let mut check = site.bare();
    for (name, value) in service["environment"].as_object().expect("variables") {
        check.env(name, value.as_str().expect("a text"));
    }
    run(check.args(["config", "check"]), "").ok();
}

#[test]
fn the_compose_file_with_two_servers_sets_what_there_is_and_its_parts_fit() {
    let compose: Value = serde_norway::from_str(&text("compose-postgres.yaml")).expect("YAML");
    let services = &compose["services"];
    let server = &compose["x-server"];
    let image = concat!("minisass-auth:", env!("CARGO_PKG_VERSION"));
    assert_eq!(server["image"], image);
    let site = Site::new();
    for (name, secret) in [
        ("database_password", "uMngeni-7-rivers"),
        ("master_key", OTHER_MASTER),
    ] {
        write_private(&site.path(name), secret);
        let mut secrets = server["secrets"].as_array().expect("a list").iter();
        assert!(secrets.any(|it| it == name), "{name}");
        assert_eq!(compose["secrets"][name]["file"], format!("./{name}"));
    }
    let secrets = site.path("").display().to_string();
    let mut check = site.bare();
    for (name, value) in server["environment"].as_object().expect("variables") {
        let value = value.as_str().expect("a text");
        check.env(name, value.replace("/run/secrets/", &secrets));
    }
    run(check.args(["config", "check"]), "").ok();
    // nginx knows the servers, and they know nginx.
    let nginx = text("nginx-postgres.conf");
    for name in ["one", "two"] {
        assert_eq!(services[name]["<<"]["image"], image);
        assert!(nginx.contains(&format!("server {name}:8000 ")), "{name}");
    }
    assert_eq!(
        services["nginx"]["networks"]["default"]["ipv4_address"],
        server["environment"]["MINISASS_AUTH_TRUSTED_PROXIES"]
    );
    let database = &services["database"];
    let mut volumes = database["volumes"].as_array().expect("a list").iter();
    let role = "./postgres-role.sql:/docker-entrypoint-initdb.d/role.sql:ro";
    assert!(volumes.any(|it| it == role));
}

#[test]
fn the_database_of_the_compose_file_has_a_role_that_owns_it_and_no_more() {
    let Some(cluster) = part(Cluster::start("compose", QUICK)) else {
        return;
    };
    let compose: Value = serde_norway::from_str(&text("compose-postgres.yaml")).expect("YAML");
    let secret = compose["services"]["database"]["environment"]["POSTGRES_PASSWORD_FILE"].as_str();
    let (password, script) = (
        cluster.folder().join("password"),
        cluster.folder().join("role.sql"),
    );
    fs::write(&password, "uMngeni-7-rivers\n").expect("a password");
    let ours = text("postgres-role.sql");
    let sql = ours.replace(secret.expect("a path"), &password.display().to_string());
    assert_ne!(sql, ours, "it reads the password of the file that is there");
    fs::write(&script, sql).expect("a script");
    let mut psql = cluster.command("psql");
    psql.arg("--host").arg(cluster.folder());
    psql.args(["--username=postgres", "--file"]).arg(&script);
    run(&mut psql, "").ok();

    let url = compose["x-server"]["environment"]["MINISASS_AUTH_DATABASE"].as_str();
    let (folder, url) = (cluster.folder().display(), url.expect("a URL"));
    let here = url.replace("@database/", "@/") + &format!("&host={folder}");
    let site = Site::new();
    site.run(&["--database", &here, "db", "migrate"]).ok();
    let doctor = site.run(&["--database", &here, "doctor", "--format", "csv"]);
    let mut lines = doctor.out.lines();
    let role = lines.find(|it| it.starts_with("server_role,"));
    let role = role.unwrap_or_else(|| panic!("{doctor:?}"));
    assert!(role.contains(",ok,"), "{role}");
}

#[test]
fn what_names_a_version_names_this_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [
        "packaging/compose.yaml",
        "packaging/compose-postgres.yaml",
        "docs/install.md",
    ];
    for file in files {
        let text = fs::read_to_string(root.join(file)).expect("a file");
        // Such as minisass-auth:0.1.0 and minisass-auth-0.1.0-image.tar.
        let after = text.split("minisass-auth").skip(1);
        let named: Vec<&str> = after
            .filter_map(|it| it.strip_prefix([':', '-', '_']))
            .filter(|it| it.starts_with(|c: char| c.is_ascii_digit()))
            .map(|it| {
                it.split(|c: char| !c.is_ascii_digit() && c != '.')
                    .next()
                    .unwrap_or_default()
            })
            .collect();
        assert!(!named.is_empty(), "{file} names none");
        assert!(
            named.iter().all(|it| *it == env!("CARGO_PKG_VERSION")),
            "{file}: {named:?}"
        );
    }
}
