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

/// It begins with a mark of another kind.
#[test]
fn a_text_in_utf_16_is_called_so_by_whoever_reads_it() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let file = site.path("text");
    let place = file.display().to_string();
    let url = ["config", "check", "--smtp-url-file", &place];
    for (arguments, text) in [
        (
            &["user", "set-password", "ada", "--password-stdin"][..],
            PASSWORD,
        ),
        (&["user", "show", "-"], "ada"),
        (&["token", "inspect", "-"], "eyJ"),
        (
            &["key", "import", "-"],
            "7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty",
        ),
        (
            &["key", "import", &place],
            "7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty",
        ),
        (&["config", "check", "--config", "-"], "hash_queue = 7"),
        (&["config", "check", "--config", &place], "hash_queue = 7"),
        (&url, "smtps://u:p@mail.example.org"),
    ] {
        let units = format!("{MARK}{text}\r\n");
        let bytes: Vec<u8> = units.encode_utf16().flat_map(u16::to_le_bytes).collect();
        write_private(&file, "");
        std::fs::write(&file, bytes).expect("a file");
        let mut command = site.command(arguments);
        command.stdin(std::fs::File::open(&file).expect("the file"));
        let output = command.output().expect("the program");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("UTF-16"), "{arguments:?}: {said}");
        assert!(!said.contains("stream"), "{arguments:?}: {said}");
    }
}

/// Files that were joined have a mark each, and perhaps two before the first line.
#[test]
fn nor_of_any_line_of_files_that_were_joined() {
    let site = Site::new();
    let line = |name: &str| json!({"username": name, "email": format!("{name}@example.org")});
    let row = |name: &str, id: i64| {
        let email = format!("{name}@example.org");
        json!({"model": "auth.user", "pk": id, "fields": {"username": name, "email": email, "password": "!"}})
    };
    let table = |name: &str| format!("{MARK}username,email\r\n{name},{name}@example.org\r\n");
    let turned = format!("{MARK}\"email\",\"username\"\r\n\"eve@example.org\",\"eve\"\r\n");
    let headed = "username,email\nfay,fay@example.org\n";
    for (kind, text) in [
        (
            "jsonl",
            format!(
                "{MARK}{MARK}{}\n{MARK}{}\r\n{MARK}\n",
                line("ada"),
                line("bo")
            ),
        ),
        (
            "csv",
            format!("{MARK}{}{}{turned}{headed}", table("cy"), table("di")),
        ),
        (
            "django",
            format!("{MARK}{MARK}{}\n{MARK}{}\n", row("gus", 71), row("hal", 72)),
        ),
    ] {
        let file = site.path(kind);
        std::fs::write(&file, text).expect("a file");
        let file = file.display().to_string();
        let said = site.run(&["user", "import", "--from", kind, &file]);
        assert_eq!(said.code, Some(0), "{kind}: {}", said.err);
    }
    for name in ["ada", "bo", "cy", "di", "eve", "fay", "gus", "hal"] {
        let user = site.run(&["user", "show", name, "--format", "json"]).json();
        assert_eq!(user["email"], format!("{name}@example.org"));
    }
    let names = format!("{MARK}{MARK}ada\r\n {MARK}bo\n{MARK}\n");
    let shown = site.run_with(&["user", "show", "-", "--format", "json"], &names);
    assert_eq!(shown.json().as_array().map(Vec::len), Some(2));
    let set = ["user", "set-password", "ada", "--password-stdin"];
    site.run_with(&set, &format!("{MARK}{MARK}{PASSWORD}\n"))
        .ok();
    let server = site.start(&[]);
    let login = server.login("ada@example.org");
    assert_eq!(login.status, 200);
    let token = format!("{MARK}\r\n{MARK}{MARK}{}\r\n", login.text("access_token"));
    let inspect = ["token", "inspect", "--format", "json"];
    assert_eq!(site.run_with(&inspect, &token).json()["is_good"], true);
    let settings = format!("{MARK}{MARK}hash_queue = 7\n{MARK}hash_threads = 1\r\n");
    site.run_with(&["config", "check", "--config", "-"], &settings)
        .ok();
    let keys = site.data().join("keys");
    for entry in std::fs::read_dir(keys).expect("keys") {
        let path = entry.expect("a key").path();
        if path.extension().is_some_and(|it| it == "key") {
            let key = std::fs::read_to_string(&path).expect("a key");
            std::fs::write(&path, format!("{MARK}{MARK}{key}")).expect("a key");
        }
    }
    let token = login.text("access_token");
    assert_eq!(site.run_with(&inspect, &token).json()["is_good"], true);
}
