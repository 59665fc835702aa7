//! Projects of the real Django move in.

use super::django_project::Project;
use crate::server::Site;

#[test]
fn the_users_of_a_plain_project_move_in_and_log_in() {
    let Some(project) = Project::make("plain") else {
        return;
    };
    for name in ["dump.json", "app-auth.json"] {
        let site = Site::new();
        let import = ["--format", "json", "user", "import", "--from", "django"];
        let said = site.run(&[&import[..], &[&project.dump(name)]].concat());
        assert!(said.err.contains("auth.group: 1 rows"), "{}", said.err);
        assert_eq!(said.json()["added"], 3, "{name}");
        let server = site.start(&[]);
        for (who, status) in [("ada", 200), ("bo", 401), ("cy", 200)] {
            let login = server.login(&format!("{who}@example.org"));
            assert_eq!(login.status, status, "{name}: {who}");
        }
        let ada = server.login("ada@example.org").json();
        assert_eq!(ada["is_admin"], true);
        assert_eq!(ada["user_id"].to_string(), project.facts["users"]["ada"]);
    }
}

#[test]
fn a_token_of_simplejwt_stays_good_after_the_move() {
    let Some(project) = Project::make("jwt") else {
        return;
    };
    let site = Site::new();
    let dump = project.dump("dump.json");
    site.run(&["user", "import", "--from", "django", &dump])
        .ok();
    site.run_with(&["key", "import", "-"], Project::SECRET_KEY)
        .ok();
    let server = site.start(&[]);
    let tokens = &project.facts["tokens"];
    let refresh = serde_json::json!({"refresh": tokens["good"]});
    assert_eq!(server.post("token/refresh", &refresh).status, 200);
    let access = tokens["access"].as_str().expect("a token");
    assert_eq!(server.status_of(access), 200);
}
