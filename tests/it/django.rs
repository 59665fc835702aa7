//! The way in from Django: a project of the real Django makes users with each of its hashers, dumps
//! them, and they log in here with the password that they had.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{PASSWORD, Site, run};

const PACKAGES: [&str; 4] = [
    "django~=5.2",
    "djangorestframework-simplejwt",
    "argon2-cffi",
    "bcrypt",
];

/// The models of the Django service, as far as a dump shows them; then its users.
const PROJECT: &str = include_str!("django/project.py");

/// Python with Django, made once and kept under the build folder.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("django-venv");
    let python = folder.join("bin/python");
    let wanted = "import django, rest_framework_simplejwt, argon2, bcrypt";
    let is_made = || run(Command::new(&python).args(["-c", wanted]), "").code == Some(0);
    if !(python.exists() && is_made()) {
        let make = run(
            Command::new("python3").args(["-m", "venv"]).arg(&folder),
            "",
        );
        assert_eq!(
            make.code,
            Some(0),
            "this test needs python3 with venv: {}",
            make.err
        );
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        let install = run(Command::new(&python).args(install).args(PACKAGES), "");
        assert_eq!(
            install.code,
            Some(0),
            "this test needs the network once, for Django: {}",
            install.err
        );
    }
    python
}

fn project(site: &Site, arguments: &[&str]) -> String {
    let script = site.path("project.py");
    std::fs::write(&script, PROJECT).expect("the project");
    let mut command = Command::new(python());
    command
        .arg(script)
        .args(arguments)
        .current_dir(site.path(""));
    run(&mut command, "").ok()
}

#[test]
fn users_of_django_keep_their_numbers_and_passwords() {
    let site = Site::new();
    let dump = site.path("dump.json");
    std::fs::write(&dump, project(&site, &["dump", PASSWORD])).expect("a dump");
    let dump = dump.display().to_string();
    let import = [
        "--format", "json", "user", "import", "--from", "django", &dump,
    ];

    let refused = site.run(&import);
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    for said in [
        "auth.user 108: email: This field may not be blank.",
        "auth.user 109: its address belongs to user 101",
        "auth.group: 1 rows have no place here",
        "1 privacy policies have no link",
    ] {
        assert!(refused.err.contains(said), "{said}: {}", refused.err);
    }
    let skipped = site.run(&[&import[..], &["--on-error", "skip"]].concat());
    let summary: Value = serde_json::from_str(&skipped.out).expect("a summary");
    assert_eq!(
        (&summary["added"], &summary["failed"]),
        (&json!(7), &json!(2))
    );

    let server = site.start(&[]);
    let hash = |id: i64| -> Option<String> {
        let sql = "SELECT password_hash FROM users WHERE id = ?";
        site.database()
            .query_row(sql, [id], |row| row.get(0))
            .expect("a user")
    };
    for (id, name) in (101..).zip([
        "pbkdf2_sha256",
        "pbkdf2_sha1",
        "argon2",
        "bcrypt_sha256",
        "scrypt",
    ]) {
        let before = hash(id).expect("a hash");
        assert!(before.starts_with(&format!("{name}$")), "{name}: {before}");
        for _ in 0..2 {
            let answer = server.login(&format!("{name}@example.org"));
            assert_eq!(answer.status, 200, "{name}: {answer:?}");
            assert_eq!(answer.json()["user_id"], id);
            assert!(
                hash(id).is_some_and(|it| it.starts_with("$scrypt$")),
                "{name}"
            );
        }
    }
    assert_eq!(hash(106), None, "an unusable password stays one");
    assert_eq!(server.login("inactive@example.org").status, 401);

    let lines = site.run(&["user", "export", "--with-hashes"]).ok();
    let first = lines
        .lines()
        .find(|it| it.contains("\"id\":101,"))
        .expect("the first user");
    let first: Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(first["organisation_type"], "NGO");
    assert_eq!(first["upload_preference"], "both");
    assert_eq!(first["is_staff"], true, "a superuser");
    assert_eq!(first["created_at"], "2020-01-02T03:04:05Z");
    assert_eq!(first["consents"][0]["version"], "2");
    assert_eq!(
        first["password_history"].as_array().map(Vec::len),
        Some(1),
        "the current one is not history"
    );
    let policies = site.run(&["policy", "list", "--format", "json"]).json();
    assert_eq!(
        policies[0]["version"], "2",
        "the one that was published last"
    );

    let token = server.login("argon2@example.org").text("access_token");
    let keys = std::fs::read_dir(site.data().join("keys")).expect("the keys");
    let key = keys
        .map(|it| it.expect("a key").path())
        .find(|it| {
            it.file_name()
                .is_some_and(|it| it.to_string_lossy().starts_with("signing-"))
        })
        .expect("a signing key");
    let key = std::fs::read_to_string(key).expect("its text");
    assert_eq!(
        project(&site, &["verify", key.trim(), &token]).trim(),
        "103"
    );
}
