//! What SimpleJWT of a real project had issued and blacklisted.

use serde_json::json;

use super::django_project::Project;
use crate::server::{Server, Site};

/// With the users, the blacklist and the key of the project.
fn moved_in(site: &Site, project: &Project) -> Server {
    let dump = project.dump("dump.json");
    let said = site.run(&["user", "import", "--from", "django", &dump]);
    assert!(said.err.contains("1 blacklisted token is"), "{}", said.err);
    assert!(!said.err.contains("token_blacklist."), "{}", said.err);
    site.run_with(&["key", "import", "-"], Project::SECRET_KEY)
        .ok();
    site.start(&[])
}

#[test]
fn what_simplejwt_had_blacklisted_stays_so() {
    let Some(project) = Project::make("jwt") else {
        return;
    };
    let site = Site::new();
    let server = moved_in(&site, &project);
    let renew = |name: &str| {
        let refresh = json!({"refresh": project.facts["tokens"][name]});
        server.post("token/refresh", &refresh).status
    };
    assert_eq!((renew("good"), renew("blacklisted")), (200, 401));
    let token = project.facts["tokens"]["blacklisted"].as_str();
    let inspect = ["token", "inspect", "--format", "json"];
    let report = site.run_with(&inspect, token.expect("a token")).json();
    assert_eq!(report["is_good"], false);
    let why = report["why_not"].as_str().expect("a reason");
    assert!(why.contains("had blacklisted it"), "{why}");
}

#[test]
fn a_blacklist_that_comes_after_the_first_use_ends_it() {
    let Some(project) = Project::make("jwt") else {
        return;
    };
    let site = Site::new();
    let dump = project.dump("app-auth.json");
    site.run(&["user", "import", "--from", "django", &dump])
        .ok();
    site.run_with(&["key", "import", "-"], Project::SECRET_KEY)
        .ok();
    let server = site.start(&[]);
    let tokens = &project.facts["tokens"];
    let renew = |name: &str| server.post("token/refresh", &json!({"refresh": tokens[name]}));
    let handed = renew("blacklisted").text("access");
    assert_eq!(server.status_of(&handed), 200);
    let dump = project.dump("dump.json");
    site.run(&["user", "import", "--from", "django", &dump])
        .ok();
    assert_eq!(server.status_of(&handed), 401);
    assert_eq!(renew("blacklisted").status, 401);
    assert_eq!(renew("good").status, 200);
}

#[test]
fn tokens_of_simplejwt_are_verified_and_blacklisted_here() {
    let Some(project) = Project::make("jwt") else {
        return;
    };
    let site = Site::new();
    let server = moved_in(&site, &project);
    let tokens = &project.facts["tokens"];
    let verify = |name: &str| {
        let token = json!({"token": tokens[name]});
        server.post("token/verify", &token).status
    };
    assert_eq!((verify("access"), verify("good")), (200, 200));
    assert_eq!(verify("blacklisted"), 401);
    let end = server.post("token/blacklist", &json!({"refresh": tokens["good"]}));
    assert_eq!((end.status, end.json()), (200, json!({})));
    assert_eq!((verify("access"), verify("good")), (401, 401));
}
