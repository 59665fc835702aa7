//! The way in from Django: a project of the real Django makes users with each of its hashers, dumps
//! them, and they log in here with the password that they had.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::imported_whose;
use crate::server::{Outcome, PASSWORD, Server, Site, run, until};
use crate::wire::Answer;

const PACKAGES: [&str; 5] = [
    "django~=5.2",
    "djangorestframework-simplejwt",
    "argon2-cffi",
    "bcrypt",
    "pandas",
];

/// The models of the Django service, as far as a dump shows them; then its users.
const PROJECT: &str = include_str!("django/project.py");

/// Python with Django, and with pandas, which writes tables; made once and kept under the build
/// folder. If it cannot be made: why.
pub fn python() -> Result<&'static Path, &'static str> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = MADE.get_or_init(make);
    made.as_deref().map_err(String::as_str)
}

fn make() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("django-venv");
    let python = folder.join("bin/python");
    // Found, not imported: that would take pandas a second.
    let wanted = "import importlib.util, sys\n\
                  sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))";
    let modules = [
        "django",
        "rest_framework_simplejwt",
        "argon2",
        "bcrypt",
        "pandas",
    ];
    let is_made =
        || run(Command::new(&python).args(["-c", wanted]).args(modules), "").code == Some(0);
    if python.exists() && is_made() {
        return Ok(python);
    }
    let mut make = Command::new("python3");
    let made = run(make.args(["-m", "venv"]).arg(&folder), "");
    if made.code != Some(0) {
        return Err(format!("this test needs python3 with venv: {}", made.err));
    }
    let install = ["-m", "pip", "install", "--quiet"];
    let mut pip = Command::new(&python);
    pip.args(install).arg("--disable-pip-version-check");
    let installed = run(pip.args(PACKAGES), "");
    if installed.code != Some(0) {
        let reason = installed.err;
        return Err(format!("this test needs the network once: {reason}"));
    }
    Ok(python)
}

fn project(site: &Site, arguments: &[&str]) -> String {
    let script = site.path("project.py");
    std::fs::write(&script, PROJECT).expect("the project");
    let mut command = Command::new(python().expect("a Python"));
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
    std::fs::write(&dump, project(&site, &["dump", SECRET_KEY, PASSWORD])).expect("a dump");
    let dump = dump.display().to_string();
    let import = [
        "--format", "json", "user", "import", "--from", "django", &dump,
    ];

    let refused = site.run(&import);
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    for said in [
        "auth.user 108: email: This field may not be blank.",
        "auth.user 109: its address belongs to user 101",
        "auth.group: 1 row has no place here",
        "1 privacy policy has no link",
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
        let sql = format!("SELECT password_hash FROM users WHERE id = {id}");
        site.database().get(&sql)
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
}

const SECRET_KEY: &str = "7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty";

fn key_import(site: &Site, secret: &str) -> Outcome {
    site.run_with(&["key", "import", "-"], secret)
}

fn renew(server: &Server, refresh: &str) -> Answer {
    server.post("token/refresh", &json!({"refresh": refresh}))
}

/// An access and a refresh token, as the Django service issues them.
fn tokens_of_django(site: &Site, user: &str) -> (String, String) {
    let issued = project(site, &["issue", SECRET_KEY, user]);
    let (access, refresh) = issued.trim().split_once(' ').expect("two tokens");
    (access.to_owned(), refresh.to_owned())
}

#[test]
fn tokens_of_django_are_good_until_a_logout_and_django_takes_ours() {
    let site = Site::new();
    let server = site.start(&["--rotate-refresh", "true"]);
    imported_whose::import(&site, &[imported_whose::user(1, "ada")]);
    let (access, refresh) = tokens_of_django(&site, "1");
    assert_eq!(server.status_of(&access), 401, "the key is not there yet");

    key_import(&site, &format!("{SECRET_KEY}\n")).ok();
    let said = key_import(&site, SECRET_KEY).refusal();
    assert!(said.contains("there already"), "{said}");
    until("the server to know the key", || {
        (server.status_of(&access) == 200).then_some(())
    });
    let inspect = ["--format", "json", "token", "inspect"];
    let report = site.run_with(&inspect, &refresh).json();
    assert_eq!(
        (&report["is_good"], &report["kid"]),
        (&json!(true), &Value::Null)
    );

    until("the server to sign with it", || {
        let status = server.get("/authentication/api/check-auth-status/", &access);
        let header = jsonwebtoken::decode_header(status.text("access_token"));
        let kid = header.expect("a header").kid.expect("a kid");
        kid.ends_with("-imported").then_some(())
    });
    let ours = server.login("ada@example.org").text("access_token");
    assert_eq!(project(&site, &["verify", SECRET_KEY, &ours]).trim(), "1");

    let refreshed = renew(&server, &refresh);
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let renewed = refreshed.text("access");
    assert_eq!(server.status_of(&renewed), 200);
    assert_eq!(
        renew(&server, &refresh).status,
        200,
        "it goes on being good"
    );
    let sessions = site
        .run(&["session", "list", "ada", "--format", "json"])
        .json();
    let kinds: Vec<_> = sessions
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["kind"])
        .collect();
    let imported = kinds.iter().filter(|it| **it == "imported").count();
    assert_eq!(imported, 2, "one for each token: {kinds:?}");

    assert_eq!(server.logout(&access), 200);
    for token in [&access, &renewed] {
        assert_eq!(server.status_of(token), 401);
    }
    assert_eq!(renew(&server, &refresh).status, 401);
    assert_eq!(server.status_of(&ours), 200, "another session");
    let report = site.run_with(&inspect, &refresh).json();
    assert!(
        report["why_not"].to_string().contains("were ended at"),
        "{report}"
    );
}

#[test]
fn what_ends_all_sessions_ends_tokens_of_django_that_were_never_used() {
    let site = Site::new();
    let server = site.start(&[]);
    let users = ["ada", "bo", "cy", "di"];
    let users: Vec<_> = (1..)
        .zip(users)
        .map(|(id, name)| imported_whose::user(id, name))
        .collect();
    assert_eq!(imported_whose::import(&site, &users).code, Some(0));
    assert_eq!(key_import(&site, SECRET_KEY).code, Some(0));
    let tokens: Vec<_> = (1..=5)
        .map(|id| tokens_of_django(&site, &id.to_string()))
        .collect();
    assert_eq!(
        server.status_of(&tokens[4].0),
        401,
        "nobody has that number"
    );
    until("the server to know the key", || {
        (server.status_of(&tokens[3].0) == 200).then_some(())
    });

    site.run(&["session", "revoke", "--user", "ada"]).ok();
    site.run(&["user", "deactivate", "bo"]).ok();
    site.run(&["user", "activate", "bo"]).ok();
    site.run_with(&["token", "revoke"], &tokens[2].1).ok();
    for (access, refresh) in &tokens[..3] {
        assert_eq!(server.status_of(access), 401);
        assert_eq!(renew(&server, refresh).status, 401);
    }
    assert_eq!(server.status_of(&tokens[3].0), 200);
    site.run(&["session", "revoke", "--all", "--yes"]).ok();
    assert_eq!(server.status_of(&tokens[3].0), 401);
}

#[test]
fn tokens_of_django_end_with_its_key() {
    let site = Site::new();
    let server = site.start(&[]);
    imported_whose::import(&site, &[imported_whose::user(1, "ada")]);
    let kid = key_import(&site, SECRET_KEY).ok();
    let kid = kid.split(' ').next().expect("a name");
    let (access, _) = tokens_of_django(&site, "1");
    site.run(&["key", "rotate"]).ok();
    until("the server to know the key", || {
        (server.status_of(&access) == 200).then_some(())
    });
    site.run(&["key", "retire", kid, "--yes"]).ok();
    until("the server to forget it", || {
        (server.status_of(&access) == 401).then_some(())
    });
}
