//! The settings of the mail server: what is taken, what is refused, and that no password shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::server::{Outcome, Site, run};

/// Writes a file that only its owner reads.
pub fn write_private(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}

/// Reads the settings with this `smtp_url` as a variable, which is where it may have a password.
fn with_url(url: &str) -> Outcome {
    let site = Site::with_database();
    let mut command = site.command(&["mail", "list"]);
    run(command.env("MINISASS_AUTH_SMTP_URL", url), "")
}

#[test]
fn right_addresses_are_taken() {
    for url in [
        "smtp://mail.example.org",
        "smtp://mail.example.org:2525",
        "smtp://user:p%40ss@mail.example.org:587?tls=required",
        "smtp://mail.example.org?tls=opportunistic",
        "smtp://127.0.0.1:25?tls=none",
        "smtp://[::1]:25?tls=opportunistic",
        "smtp://user:pass@127.0.0.1",
        "smtp://user:pass@localhost?tls=none",
        "smtp://user:pass@[::1]?tls=opportunistic",
        "smtp://user:pass@mail.example.org",
        "smtps://user:pass@mail.example.org",
        "smtps://user:pass@mail.example.org:465/",
    ] {
        with_url(url).ok();
    }
}

#[test]
fn wrong_addresses_are_refused_without_showing_the_password() {
    for (url, says) in [
        ("mail.example.org:25", "smtp://"),
        ("http://u:hunter2@mail.example.org", "smtp://"),
        ("smtp://", "mail server"),
        ("smtp://u:hunter2@mail.example.org?tls=none", "this machine"),
        (
            "smtp://u:hunter2@mail.example.org?tls=perhaps",
            "tls=required",
        ),
        ("smtp://u:hunter2@mail.example.org?hunter2", "tls=required"),
        (
            "smtps://u:hunter2@mail.example.org?tls=none",
            "always uses TLS",
        ),
        (
            "smtp://u:hunter2@mail.example.org:587?tls=opportunistic",
            "only sent encrypted: write tls=required",
        ),
        (
            "smtp://u:hunter2@192.0.2.1?tls=%6fpportunistic",
            "only sent encrypted",
        ),
        (
            "smtp://u:hunter2@[2001:db8::1]?tls=opportunistic",
            "only sent encrypted",
        ),
        ("smtp://u:hunter2#x@mail.example.org", "%23"),
        ("smtp://u:hunter2/x@mail.example.org", "%2F"),
        ("smtp://hunter2@mail.example.org", "together"),
        ("smtp://:hunter2@mail.example.org", "together"),
        ("smtp://u:hunter2%0d%0aQUIT@mail.example.org", "control"),
        ("smtp://u:hunter2%ff@mail.example.org", "UTF-8"),
        ("smtp://u:hunter2@mail.example.org:99999", "%3A"),
    ] {
        let said = with_url(url).refusal();
        assert!(said.contains("the setting smtp_url is wrong"), "{said}");
        assert!(said.contains(says), "{url}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_credential_of_systemd_stands_for_the_file_that_holds_the_password() {
    let site = Site::with_database();
    let folder = site.path("credentials");
    fs::create_dir(&folder).expect("a folder");
    let settings = site.path("settings.toml");
    fs::write(&settings, "smtp_url_file = \"nowhere\"\n").expect("the settings");
    let show = || {
        let mut command = site.bare();
        command.env("CREDENTIALS_DIRECTORY", &folder);
        command.arg("--config").arg(&settings);
        let rows = run(command.args(["config", "show", "--format", "json"]), "");
        let rows: Vec<serde_json::Value> = serde_json::from_str(&rows.out).expect("rows");
        let row = rows.into_iter().find(|it| it["key"] == "smtp_url_file");
        (
            row.expect("the setting"),
            code_of_check(&site, &folder, &settings),
        )
    };
    assert_eq!(show().0["source"], "file");
    assert_eq!(
        show().1,
        Some(1),
        "there is no credential, and no such file"
    );

    // With an access list, which systemd gives it, the mode says that the group of root may read.
    let credential = folder.join("smtp_url");
    fs::write(&credential, "smtp://ada:hunter2@mail.example.org\n").expect("a credential");
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o444)).expect("a mode");
    let (row, code) = show();
    assert_eq!(row["source"], "credential");
    assert_eq!(row["value"], credential.display().to_string());
    assert_eq!(code, Some(0));
}

/// How `config check` ends.
fn code_of_check(site: &Site, credentials: &Path, settings: &Path) -> Option<i32> {
    let mut command = site.bare();
    command.env("CREDENTIALS_DIRECTORY", credentials);
    command.arg("--config").arg(settings);
    run(command.args(["config", "check"]), "").code
}

#[test]
fn a_password_is_only_taken_from_where_others_cannot_read_it() {
    let site = Site::with_database();
    let url = "smtp://ada:hunter2@mail.example.org";
    let said = site.run(&["mail", "list", "--smtp-url", url]).refusal();
    assert!(
        said.contains("smtp_url_file") && !said.contains("hunter2"),
        "{said}"
    );

    let settings = site.path("settings.toml");
    let path = settings.to_str().expect("UTF-8");
    write_private(&settings, &format!("smtp_url = {url:?}\n"));
    site.run(&["mail", "list", "--config", path]).ok();
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o604)).expect("a mode");
    let said = site.run(&["mail", "list", "--config", path]).refusal();
    assert!(said.contains(&format!("chmod 600 {path}")), "{said}");
    assert!(!said.contains("hunter2"), "{said}");

    let secret = site.path("smtp_url");
    let path = secret.to_str().expect("UTF-8");
    let from_file = ["mail", "list", "--smtp-url-file", path];
    let said = site.run(&from_file).refusal();
    assert!(
        said.contains("the setting smtp_url_file is wrong"),
        "{said}"
    );
    write_private(&secret, &format!("{url}\n"));
    site.run(&from_file).ok();
    let both = ["--smtp-url", "smtp://mail.example.org"];
    let said = site.run(&[&from_file[..], &both].concat()).refusal();
    assert!(said.contains("both"), "{said}");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o604)).expect("a mode");
    let said = site.run(&from_file).refusal();
    assert!(said.contains(&format!("chmod 600 {path}")), "{said}");
    write_private(&secret, "hunter2");
    let said = site.run(&from_file).refusal();
    assert!(
        said.contains("smtp_url") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn a_password_that_could_travel_unencrypted_is_refused_wherever_it_is_written() {
    let site = Site::with_database();
    let url = "smtp://ada:hunter2@mail.example.org:587?tls=opportunistic";
    let (secret, settings) = (site.path("smtp_url"), site.path("settings.toml"));
    write_private(&secret, url);
    write_private(&settings, &format!("smtp_url = {url:?}\n"));
    let in_file = ["--smtp-url-file", secret.to_str().expect("UTF-8")];
    let in_settings = ["--config", settings.to_str().expect("UTF-8")];
    for command in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["mail", "test", "ada@example.org"],
        &["config", "check"],
        &["user", "list"],
    ] {
        let mut by_variable = site.command(command);
        by_variable.env("MINISASS_AUTH_SMTP_URL", url);
        for said in [
            run(&mut by_variable, ""),
            site.run(&[command, &in_file].concat()),
            site.run(&[command, &in_settings].concat()),
        ] {
            let said = said.refusal();
            assert!(said.contains("only sent encrypted"), "{command:?}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
    let shown = site.run(&[&["config", "show"][..], &in_settings].concat());
    assert!(!(shown.out + &shown.err).contains("hunter2"));
}

#[test]
fn a_file_of_authorities_that_holds_none_is_named() {
    let site = Site::with_database();
    let file = site.path("authority.pem");
    let path = file.to_str().expect("UTF-8");
    let url = "smtps://mail.example.org";
    let list = ["mail", "list", "--smtp-url", url, "--smtp-ca-file", path];
    let said = site.run(&list).refusal();
    assert!(
        said.contains(path) && said.contains("smtp_ca_file"),
        "{said}"
    );
    fs::write(&file, "not a certificate").expect("a file");
    let said = site.run(&list).refusal();
    assert!(
        said.contains("smtp_ca_file") && said.contains("PEM"),
        "{said}"
    );
}

/// What SOPS and the like have encrypted, or stands for a place in a vault.
#[test]
fn what_a_tool_has_not_put_a_secret_into_yet_is_said_to_be_none() {
    let site = Site::with_database();
    let sealed = "ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ==,type:str]";
    let in_url = format!("smtp://ada:{sealed}@mail.example.org");
    let place = "vault:secret/data/minisass#smtp_url";
    let place_in_url = "smtp://ada:vault:secret/minisass@mail.example.org";
    for (key, text, what) in [
        ("MINISASS_AUTH_SMTP_URL", in_url.as_str(), "encrypted"),
        ("MINISASS_AUTH_SMTP_URL", place, "where it is"),
        ("MINISASS_AUTH_SMTP_URL", place_in_url, "where it is"),
        ("MINISASS_AUTH_ISSUER", sealed, "encrypted"),
        ("MINISASS_AUTH_DATABASE", place, "where it is"),
    ] {
        let said = run(site.bare().env(key, text).args(["mail", "list"]), "").refusal();
        let setting = key.trim_start_matches("MINISASS_AUTH_").to_lowercase();
        assert!(said.contains(&setting) && said.contains(what), "{said}");
        assert!(!said.contains("p673w"), "{said}");
    }
    let secret = site.path("secret");
    let path = secret.to_str().expect("UTF-8");
    for (flag, rest) in [
        ("--smtp-url-file", None),
        (
            "--database-password-file",
            Some("--database=postgres://minisass@127.0.0.1/minisass"),
        ),
        ("--master-key-file", None),
    ] {
        for (text, what) in [(sealed, "encrypted"), (place, "where it is")] {
            write_private(&secret, text);
            let command = ["mail", "list", flag, path].into_iter().chain(rest);
            let said = site.run(&command.collect::<Vec<_>>()).refusal();
            assert!(said.contains(path) && said.contains(what), "{said}");
            assert!(!said.contains("p673w"), "{said}");
        }
    }
}

#[test]
fn a_secret_is_the_only_line_of_its_file() {
    let site = Site::with_database();
    let file = site.path("smtp");
    let path = file.to_str().expect("UTF-8");
    let url = "smtp://ada:geheim@mail.example.org";
    write_private(&file, &format!("{url}\r\n\n"));
    site.run(&["mail", "list", "--smtp-url-file", path]).ok();
    write_private(&file, &format!("# the relay\n{url}\n"));
    let said = site
        .run(&["mail", "list", "--smtp-url-file", path])
        .refusal();
    assert!(
        said.contains(path) && said.contains("more than one line"),
        "{said}"
    );
    assert!(!said.contains("geheim"), "{said}");
}
