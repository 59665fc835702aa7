//! Projects of the real Django move in: each of its dumps, into a service of its own, and everybody
//! logs in over HTTP.

use std::time::Instant;

use serde_json::{Value, json};

use super::django_project::Project;
use crate::move_dump::{import_file, summary};
use crate::server::{Outcome, Server, Site};

/// The ways in which each project is dumped as a whole; the last ones have natural keys.
const DUMPS: [&str; 6] = [
    "dump.json",
    "indented.json",
    "dump.jsonl",
    "dump.json.gz",
    "natural-foreign.json",
    "natural.json",
];

/// A dump without the numbers of users.
const NATURAL: &str = "natural.json";

/// Imports a dump, and prints how long that took.
fn move_in(project: &Project, kind: &str, name: &str, more: &[&str]) -> (Site, Outcome) {
    let site = Site::new();
    let started = Instant::now();
    let said = import_file(&site, &project.dump(name), more);
    let took = started.elapsed();
    println!("{kind}, {name}: moved in within {took:?}");
    (site, said)
}

/// Ada is staff, bo is not active, cy is neither.
#[track_caller]
fn check_logins(server: &Server, what: &str) -> Value {
    for (who, status) in [("ada", 200), ("bo", 401), ("cy", 200)] {
        // The second one meets our own hash.
        for _ in 0..2 {
            let login = server.login(&format!("{who}@example.org"));
            assert_eq!(login.status, status, "{what}: {who}");
        }
    }
    let ada = server.login("ada@example.org").json();
    assert_eq!(ada["is_admin"], true, "{what}");
    ada
}

#[test]
fn the_users_of_a_plain_project_move_in_and_log_in() {
    let Some(project) = Project::make("plain") else {
        return;
    };
    for name in DUMPS.into_iter().chain(["app-auth.json"]) {
        let (site, said) = move_in(&project, "plain", name, &[]);
        assert!(said.err.contains("auth.group: 1 row has"), "{}", said.err);
        assert_eq!(said.json()["added"], 3, "{name}");
        let ada = check_logins(&site.start(&[]), name);
        let number = ada["user_id"].to_string();
        assert_eq!(number, project.facts["users"]["ada"], "{name}");
    }
}

#[test]
fn the_users_of_a_model_of_their_own_move_in_with_uuids_and_profiles() {
    let Some(project) = Project::make("uuid") else {
        return;
    };
    let models = [
        "--user-model",
        "accounts.User",
        "--profile-model",
        "people.Profile",
    ];
    for name in DUMPS {
        let (site, said) = move_in(&project, "uuid", name, &models);
        assert!(said.err.contains("3 users have no number"), "{}", said.err);
        assert_eq!(said.json()["added"], 3, "{name}");
        let ada = check_logins(&site.start(&[]), name);
        assert!(ada["user_id"].is_i64(), "{ada}");
        let show = ["profile", "show", "ada", "--format", "json"];
        let profile = site.run(&show).json();
        assert_eq!(profile["organisation_name"], "Kartoza", "{name}");
        assert_eq!(profile["upload_preference"], "both", "{name}");
        let again = import_file(&site, &project.dump(name), &models);
        assert_eq!(again.json()["present"], 3, "{name}: the same people");
    }
}

#[test]
fn the_report_tells_which_number_came_for_which_uuid() {
    let Some(project) = Project::make("uuid") else {
        return;
    };
    let site = Site::new();
    let report = site.path("report.jsonl").display().to_string();
    let how = ["--user-model", "accounts.user", "--report", &report];
    import_file(&site, &project.dump("dump.json"), &how).ok();
    let lines = std::fs::read_to_string(&report).expect("a report");
    let users = project.facts["users"].as_object().expect("users");
    for (name, key) in users {
        let line = lines
            .lines()
            .find(|it| it.contains(key.as_str().expect("a key")));
        let line: Value = serde_json::from_str(line.expect("a line")).expect("JSON");
        assert_eq!(
            (&line["outcome"], &line["username"]),
            (&json!("numbered"), &json!(name))
        );
        let shown = site.run(&["user", "show", name, "--format", "json"]).json();
        assert_eq!(shown["id"], line["id"], "{name}");
    }
}

#[test]
fn a_dump_without_the_users_that_are_asked_for_says_what_it_holds() {
    let Some(project) = Project::make("uuid") else {
        return;
    };
    let profiles = [
        "--user-model",
        "accounts.user",
        "--profile-model",
        "x.profile",
    ];
    let cases: [(&str, &[&str], &[&str]); 5] = [
        (
            "dump.json",
            &[],
            &[
                "auth.user",
                "--user-model accounts.user",
                "accounts.user (3 rows)",
            ],
        ),
        (
            "app-accounts.json",
            &[],
            &["--user-model accounts.user", "accounts.user (3 rows)"],
        ),
        (
            "app-people.json",
            &[],
            &["no users", "people.profile (1 row)", "dump the app"],
        ),
        (
            "dump.json",
            &["--user-model", "x.user"],
            &["x.user", "accounts.user (3 rows)"],
        ),
        ("dump.json", &profiles, &["x.profile", "--profile-model"]),
    ];
    for (name, models, parts) in cases {
        let site = Site::new();
        let said = import_file(&site, &project.dump(name), models);
        assert_eq!(said.code, Some(1), "{name}: {}", said.err);
        for part in parts {
            assert!(said.err.contains(part), "{name}: {part}: {}", said.err);
        }
        assert_eq!(summary(&said)["added"], 0, "{name}");
    }
}

#[test]
fn tokens_of_simplejwt_stay_what_they_were_after_the_move() {
    let Some(project) = Project::make("jwt") else {
        return;
    };
    let tokens = &project.facts["tokens"];
    for name in DUMPS {
        let (site, said) = move_in(&project, "jwt", name, &[]);
        assert_eq!(said.json()["added"], 3, "{name}");
        site.run_with(&["key", "import", "-"], Project::SECRET_KEY)
            .ok();
        let server = site.start(&[]);
        check_logins(&server, name);
        let renew = |which: &str| {
            let refresh = json!({"refresh": tokens[which]});
            server.post("token/refresh", &refresh).status
        };
        let access = server.status_of(tokens["access"].as_str().expect("a token"));
        let seen = (access, renew("good"), renew("blacklisted"));
        // Without the numbers of the project a token may mean somebody else.
        let expected = if name == NATURAL {
            (401, 401, 401)
        } else {
            (200, 200, 401)
        };
        assert_eq!(seen, expected, "{name}");
    }
}
