//! The mark that editors on Windows put before a text is no part of it.

use serde_json::json;

use crate::server::{PASSWORD, Site, words};
use crate::smtp_settings::write_private;

const MARK: &str = "\u{feff}";

#[test]
fn a_mark_is_no_part_of_a_password_a_name_or_a_token() {
    let site = Site::new();
    let create = words("user create --username ada --email ada@example.org --password-stdin");
    site.run_with(&create, &format!("{MARK}{PASSWORD}\r\n"))
        .ok();
    let server = site.start(&[]);
    let login = server.login("ada@example.org");
    assert_eq!(login.status, 200);
    let token = format!("{MARK}{}\r\n", login.text("access_token"));
    let inspect = ["token", "inspect", "--format", "json"];
    assert_eq!(site.run_with(&inspect, &token).json()["is_good"], true);
    site.run_with(&["user", "deactivate", "-"], &format!("{MARK}ada\r\n"))
        .ok();
}

#[test]
fn nor_of_a_file_of_accounts() {
    let site = Site::new();
    let line = json!({"username": "bo", "email": "bo@example.org"});
    let fields = json!({"username": "cy", "email": "cy@example.org", "password": "!"});
    let dump = json!([{"model": "auth.user", "pk": 77, "fields": fields}]);
    for (kind, text) in [
        ("jsonl", format!("{MARK}{line}\r\n")),
        (
            "csv",
            format!("{MARK}username,email\r\ndi,di@example.org\r\n"),
        ),
        ("django", format!("{MARK}{dump}")),
    ] {
        let file = site.path(kind);
        std::fs::write(&file, text).expect("a file");
        let file = file.display().to_string();
        site.run(&["user", "import", "--from", kind, &file]).ok();
    }
    for name in ["bo", "cy", "di"] {
        site.run(&["user", "show", name]).ok();
    }
}

#[test]
fn nor_of_settings() {
    let site = Site::new();
    let file = site.path("settings.toml");
    std::fs::write(&file, format!("{MARK}hash_queue = 7\r\n")).expect("a file");
    site.run(&["config", "check", "--config", &file.display().to_string()])
        .ok();
    let url = site.path("smtp_url");
    write_private(&url, &format!("{MARK}smtp://u:p@127.0.0.1:25?tls=none\r\n"));
    site.add_user("ada", &[]);
    site.run(&[
        "mail",
        "list",
        "--smtp-url-file",
        &url.display().to_string(),
    ])
    .ok();
}
