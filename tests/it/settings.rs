//! Settings: where they come from, and what is said about wrong ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::server::{Outcome, Server, Site, run};
use crate::wire::exchange;

/// Runs a command that reads the settings and does nothing else of note.
fn list(site: &Site, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let mut command = site.bare();
    command.arg("--data-dir").arg(site.data());
    command.args(arguments).args(["user", "list"]);
    run(command.envs(variables.iter().copied()), "")
}

/// Writes the settings file and returns its path.
fn file(site: &Site, text: &str) -> String {
    let path = site.path("settings.toml");
    fs::write(&path, text).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

/// How long a token issued under these settings is good, in seconds.
fn access_ttl(site: &Site, arguments: &[&str], variables: &[(&str, &str)]) -> i64 {
    let mut command = site.command(arguments);
    command.args(["token", "issue", "ada", "--format", "json"]);
    let issued = run(command.envs(variables.iter().copied()), "").json();
    let end = issued["session_expires_at"].as_str().expect("an end");
    let end: jiff::Timestamp = end.parse().expect("RFC 3339");
    end.as_second() - jiff::Timestamp::now().as_second()
}

#[track_caller]
fn assert_about(seconds: i64, expected: i64) {
    assert!((expected - 60..=expected).contains(&seconds), "{seconds} s");
}

#[test]
fn a_flag_stands_over_a_variable_over_the_file_over_the_default() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let file = file(&site, "access_ttl = \"2h\"\n");
    let from_file = ["--config", &file];
    let from_flag = ["--config", &file, "--access-ttl", "4h"];
    let variable = ("MINISASS_AUTH_ACCESS_TTL", "3h");
    let config = ("MINISASS_AUTH_CONFIG", file.as_str());
    assert_about(access_ttl(&site, &[], &[]), 3600);
    assert_about(access_ttl(&site, &from_file, &[]), 2 * 3600);
    assert_about(access_ttl(&site, &[], &[config]), 2 * 3600);
    assert_about(access_ttl(&site, &from_file, &[variable]), 3 * 3600);
    assert_about(access_ttl(&site, &from_flag, &[variable]), 4 * 3600);
}

#[test]
fn every_setting_has_a_flag_a_variable_and_a_key() {
    let site = Site::new();
    let help = run(site.bare().args(["help", "settings"]), "").ok();
    let variables: Vec<&str> = help
        .split(", MINISASS_AUTH_")
        .skip(1)
        .map(|it| it.split(',').next().expect("a name"))
        .collect();
    assert!(variables.len() >= 20, "{help}");
    for variable in variables {
        let key = variable.to_lowercase();
        let flag = format!("--{}, ", key.replace('_', "-"));
        assert!(help.contains(&flag), "{flag}");
        // Nothing is a right value of every setting, but a line break is a right one of none.
        let path = file(&site, &format!("{key} = \"\\n\""));
        let said = list(&site, &["--config", &path], &[]).err;
        assert!(!said.contains("there is no setting"), "{said}");
        let name = format!("MINISASS_AUTH_{variable}");
        let said = list(&site, &[], &[(&name, "\n")]).err;
        assert!(!said.contains("there is no setting"), "{said}");
    }
}

#[test]
fn a_wrong_value_is_named_with_a_right_one() {
    let site = Site::new();
    for (key, value) in [
        ("listen", "8000"),
        ("listen", "unix:"),
        ("public_url", "auth.example.org"),
        ("public_url", "ftp://auth.example.org"),
        ("public_url", "https://auth.example.org//evil.example/"),
        ("public_url", "https://auth.example.org/x;y/../"),
        ("public_url", "https://auth.example.org/x/./y"),
        ("public_url", "https://auth.example.org/a%20b"),
        ("public_url", "https://auth.example.org/%2e%2e"),
        ("frontend_url", "https://www.example.org//evil.example"),
        ("frontend_url", "https://"),
        ("issuer", " x"),
        ("metrics_listen", "9100"),
        ("scrypt", "ln=3"),
        ("scrypt", "ln=63,r=8,p=1"),
        ("hash_threads", "0"),
        ("hash_queue", "many"),
        ("password_min_length", "7"),
        ("access_ttl", "60"),
        ("session_ttl", "0s"),
        ("mobile_session_ttl", "1000y"),
        ("reset_ttl", "soon"),
        ("rotate_refresh", "maybe"),
        ("signing_algorithm", "none"),
        ("password_history", "25"),
        ("activation_ttl", "soon"),
        ("require_verified_email", "maybe"),
        ("smtp_url", "mail.example.org"),
        ("smtp_timeout", "soon"),
        ("mail_retry", "0s"),
        ("contact_to", "nobody"),
        ("database", "mysql://localhost/auth"),
        ("throttle", "on"),
        ("trusted_proxies", "everybody"),
        ("max_connections_per_client", "many"),
        ("cors_origins", "*"),
        ("log_format", "xml"),
        ("database", "~/auth.db"),
    ] {
        let flag = format!("--{}={value}", key.replace('_', "-"));
        let variable = format!("MINISASS_AUTH_{}", key.to_uppercase());
        let path = file(&site, &format!("{key} = {value:?}"));
        let said = [
            list(&site, &[&flag], &[]).refusal(),
            list(&site, &[], &[(&variable, value)]).refusal(),
            list(&site, &["--config", &path], &[]).refusal(),
        ];
        assert!(
            said[0].contains(&format!("the setting {key} is wrong")),
            "{said:?}"
        );
        assert!(said[0].contains("a right one is"), "{said:?}");
        let set_by = format!(" (the variable {variable} sets it)");
        assert!(said[1].contains(&set_by), "{said:?}");
        assert_eq!(said[1].replace(&set_by, ""), said[0]);
        assert_eq!(said[2], said[0]);
    }
    assert!(!site.data().exists(), "nothing was made");
}

#[test]
fn what_is_reserved_is_taken_with_its_default() {
    let site = Site::with_database();
    let defaults = "signing_algorithm = \"HS256\"\nsmtp_url = \"\"\n";
    list(&site, &["--config", &file(&site, defaults)], &[]).ok();
}

#[test]
fn a_sender_that_is_no_address_is_named() {
    let said = list(&Site::with_database(), &["--mail-from", "nobody"], &[]).refusal();
    assert!(said.contains("mail_from"), "{said}");
}

#[test]
fn an_unknown_setting_is_named_with_a_likely_one() {
    let site = Site::new();
    let said = list(&site, &[], &[("MINISASS_AUTH_DATA_FOLDER", "x")]).refusal();
    assert!(said.contains("MINISASS_AUTH_DATA_FOLDER"), "{said}");
    assert!(said.contains("did you mean data_dir"), "{said}");

    let path = file(&site, "password_min_lenght = 12\n");
    let said = list(&site, &["--config", &path], &[]).refusal();
    assert!(said.contains(&path), "{said}");
    assert!(said.contains("did you mean password_min_length?"), "{said}");

    let said = list(&site, &[], &[("MINISASS_AUTH_LISTN", "x")]).refusal();
    assert!(said.contains("did you mean listen?"), "{said}");

    // As variables and the help write them.
    for written in ["PUBLIC_URL", "MINISASS_AUTH_PUBLIC_URL", "public-url"] {
        let path = file(
            &site,
            &format!("{written} = \"https://auth.example.org\"\n"),
        );
        let said = list(&site, &["--config", &path], &[]).refusal();
        assert!(said.contains("did you mean public_url?"), "{said}");
    }

    let said = list(&site, &[], &[("MINISASS_AUTH_ZZZ", "x")]).refusal();
    assert!(said.contains("help settings"), "{said}");

    let unknown = list(&site, &["--data-folder", "x"], &[]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("--data-dir"), "{}", unknown.err);
}

#[test]
fn a_file_that_is_not_there_or_no_toml_is_named() {
    let site = Site::new();
    let said = list(&site, &["--config", "nowhere.toml"], &[]).refusal();
    assert!(said.contains("nowhere.toml"), "{said}");
    let path = file(&site, "listen 127.0.0.1\n");
    let said = list(&site, &["--config", &path], &[]).refusal();
    assert!(said.contains(&path), "{said}");
    assert!(said.contains("TOML"), "{said}");
    for (text, advice) in [
        (
            "throttle = yes",
            "line 1: string values must be quoted, expected literal string; a right one is throttle = true",
        ),
        ("access_ttl = 5m", "a right one is access_ttl = "),
        (
            "# hash\nhash_threads = two",
            "a right one is hash_threads = 2",
        ),
        (
            "docs = true\ndocs = false",
            "line 2: duplicate key; leave out one of those that set docs",
        ),
        (
            "export docs=true",
            "a right one is docs = true or docs = false",
        ),
        ("; a comment", "a comment begins with #"),
        (
            "public_url: https://auth.example.org",
            "a right one is public_url = ",
        ),
        (
            "docs = true\n[mail]\nsmtp_hello = \"x\"",
            "[mail] begins a section, and settings stand in none; leave that line out",
        ),
    ] {
        let path = file(&site, text);
        let said = list(&site, &["--config", &path], &[]).refusal();
        assert!(said.contains(advice), "{said}");
    }
}

#[test]
fn the_file_takes_lists_numbers_and_truths() {
    let site = Site::new();
    let path = file(
        &site,
        "listen = \"127.0.0.1:0\"\nhash_threads = 1\nrotate_refresh = true\nthrottle = false\n\
         cors_origins = [\"https://a.example.org\", \"https://b.example.org\"]\n",
    );
    let server = Server::start(
        site.command(&["--config", &path, "serve"]),
        &site.path("log"),
    );
    assert_eq!(server.register("ada"), 201);
    let pair = server.login("ada@example.org");
    let refresh = serde_json::json!({"refresh": pair.text("refresh_token")});
    let answer = server.post("refresh", &refresh);
    assert!(answer.json()["refresh"].is_string(), "rotation is on");
    let origin = "Origin: https://b.example.org\r\n";
    let answer = crate::wire::exchange(server.connect(), "GET", "/healthz", origin, "").head;
    assert!(
        answer
            .to_lowercase()
            .contains("access-control-allow-origin: https://b.example.org")
    );
}

#[test]
fn origins_are_compared_as_browsers_write_them() {
    for (configured, origin) in [
        ("https://WWW.Example.org", "https://www.example.org"),
        ("HTTPS://Www.example.org", "https://www.example.org"),
        ("https://www.example.org/", "https://www.example.org"),
        ("https://www.example.org:443", "https://www.example.org"),
        ("http://www.example.org:80", "http://www.example.org"),
        (
            "https://www.example.org:8443",
            "https://www.example.org:8443",
        ),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[2001:DB8:0::1]:8000", "http://[2001:db8::1]:8000"),
    ] {
        let site = Site::new();
        let server = site.start(&["--cors-origins", configured]);
        let headers = format!("Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\n");
        let path = "/authentication/api/login/";
        let answer = exchange(server.connect(), "OPTIONS", path, &headers, "");
        let allowed = format!("access-control-allow-origin: {origin}");
        assert!(
            answer.head.to_lowercase().contains(&allowed),
            "{configured}: {answer:?}"
        );
    }
    for wrong in [
        "https://example.org/app",
        "https://*.example.org",
        "www.example.org",
        "https://example.org?x",
        "https://ada@example.org",
        "null",
        "*",
        "ftp://example.org",
        // The pages of some mobile applications come from there.
        "capacitor://localhost",
    ] {
        let said = Site::new()
            .run(&["config", "check", "--cors-origins", wrong])
            .refusal();
        assert!(
            said.contains("cors_origins") && said.contains("which is http or https"),
            "{said}"
        );
    }
}

#[test]
fn a_wrong_value_is_explained_in_plain_words() {
    let site = Site::new();
    for (line, says) in [
        (
            "access_ttl = \"x\"",
            "it must be a number with a unit behind it: s, m, h or d",
        ),
        (
            "keep_alive = \"75\"",
            "it must be a number with a unit behind it: s, m, h or d",
        ),
        (
            "hash_queue = -1",
            "it must be a whole number between 1 and 1000000",
        ),
        (
            "hash_threads = \"1.5\"",
            "it must be a whole number between 1 and 1024",
        ),
        ("password_history = \"\"", "it is empty"),
        ("throttle = \"on\"", "it must be true or false"),
        ("docs = \"1\"", "it must be true or false"),
        (
            "listen_mode = 0o600",
            "a text in quotation marks belongs there, and this is a number",
        ),
        (
            "listen_mode = \"432\"",
            "no mode that lets the owner in, in octal digits",
        ),
    ] {
        let said = list(&site, &["--config", &file(&site, line)], &[]).refusal();
        let key = line.split(' ').next().expect("a key");
        assert!(
            said.contains(&format!("the setting {key} is wrong: ")),
            "{said}"
        );
        assert!(
            said.contains(says) && said.contains("a right one is"),
            "{said}"
        );
    }
    let said = site.run(&["token", "issue", "ada", "--ttl", "x"]).err;
    assert!(said.contains("a number with a unit behind it"), "{said}");
}

#[test]
fn no_setting_takes_another_type_for_a_text() {
    let site = Site::with_database();
    let shown = run(site.bare().args(["config", "show", "--format", "json"]), "").json();
    let settings: Vec<Value> = serde_json::from_value(shown).expect("a list");
    assert!(settings.len() > 30);
    let others = [
        ("5", "a number"),
        ("1.5", "a number with a point"),
        ("true", "true or false"),
        ("2026-11-24", "a time"),
        ("[]", "a list"),
        ("[\"a\"]", "a list"),
        ("[5]", "a list"),
        ("{ a = 5 }", "a table"),
    ];
    for setting in settings {
        let key = setting["key"].as_str().expect("a key");
        let is_list = ["trusted_proxies", "cors_origins"].contains(&key);
        for (value, is) in others {
            let is_right = match value {
                "5" => setting["value"].is_number(),
                "true" => setting["value"].is_boolean(),
                "[]" | "[\"a\"]" => is_list,
                _ => false,
            };
            let line = file(&site, &format!("{key} = {value}"));
            let said = list(&site, &["--config", &line], &[]).err;
            let refused = format!("and this is {is}");
            assert_eq!(
                said.contains(&refused),
                !is_right,
                "{key} = {value}: {said}"
            );
            if !is_right {
                let named = format!("the setting {key} is wrong: ");
                let example = format!("; a right one is {key} = ");
                assert!(said.contains(&named) && said.contains(&example), "{said}");
            }
        }
    }
}

/// `echo` ended the text that a secret of Kubernetes, or an `--env-file`, was made of.
#[test]
fn a_line_break_at_the_end_is_no_part_of_a_variable() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for (name, value) in [
        ("LISTEN", "127.0.0.1:8001"),
        ("PUBLIC_URL", "https://auth.example.org"),
        ("HASH_THREADS", "2"),
        ("THROTTLE", "false"),
        ("ACCESS_TTL", "5m"),
        ("LOG_FORMAT", "json"),
        ("SCRYPT", "ln=4,r=1,p=1"),
        ("MAIL_FROM", "miniSASS <a@b.example>"),
        ("SMTP_URL", "smtps://mail.example.org"),
        ("ISSUER", "https://auth.example.org"),
        ("CONFIG", &file(&site, "hash_queue = 7\n")),
    ] {
        let name = format!("MINISASS_AUTH_{name}");
        for end in ["\n", "\r\n"] {
            list(&site, &[], &[(&name, &format!("{value}{end}"))]).ok();
        }
    }
}

/// `--env-file` of a container takes them for a part of the value.
#[test]
fn quotation_marks_around_a_variable_are_told() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for value in ["\"https://auth.example.org\"", "'https://auth.example.org'"] {
        let variables = [("MINISASS_AUTH_PUBLIC_URL", value)];
        let said = list(&site, &[], &variables).refusal();
        assert!(
            said.contains("public_url") && said.contains("leave them out"),
            "{said}"
        );
    }
}

/// As the guide has it: root checks what the service reads as its group.
#[test]
fn root_may_check_the_settings_that_a_group_reads() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let site = Site::new();
    let secret = site.path("smtp_url");
    fs::write(&secret, "smtps://ada:hunter2@mail.example.org").expect("a file");
    std::os::unix::fs::chown(&secret, Some(0), Some(12_345)).expect("root");
    let path = secret.to_str().expect("UTF-8").to_owned();
    let check = |mode: u32| {
        fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).expect("a mode");
        site.run(&["config", "check", "--smtp-url-file", &path])
    };
    for mode in [0o640, 0o600, 0o440] {
        check(mode).ok();
    }
    for mode in [0o644, 0o641, 0o660] {
        let said = check(mode).refusal();
        assert!(
            said.contains(&format!("chmod 640 {path}")),
            "{mode:o}: {said}"
        );
    }
}

#[test]
fn an_address_in_another_alphabet_stands_in_links_as_a_labels() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for (set, starts) in [
        (
            "https://exämple.org",
            "https://xn--exmple-cua.org/authentication",
        ),
        (
            "https://Exämple.org:8443/auth/",
            "https://xn--exmple-cua.org:8443/auth/authentication",
        ),
        (
            " HTTPS://Example.org:443 ",
            "https://example.org/authentication",
        ),
    ] {
        let link = site
            .run(&["reset", "link", "ada", "--public-url", set])
            .ok();
        assert!(link.starts_with(starts), "{link}");
        site.run(&["config", "check", "--frontend-url", set]).ok();
    }
    for wrong in [
        "https://exämple.org/ä",
        "https://ada@exämple.org",
        "https://exä mple.org",
    ] {
        let said = site
            .run(&["config", "check", "--public-url", wrong])
            .refusal();
        assert!(said.contains("public_url"), "{said}");
    }
}
