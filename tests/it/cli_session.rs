//! `session …`, `token inspect` and `token revoke`: what they end has ended for the server too.

use crate::server::Site;

fn token(site: &Site, user: &str) -> String {
    let out = site.run(&["token", "issue", user]).ok();
    out.trim().to_owned()
}

fn sessions(site: &Site, more: &[&str]) -> Vec<serde_json::Value> {
    let list = [&["session", "list", "--format", "json"], more].concat();
    site.run(&list).json().as_array().expect("a list").clone()
}

#[test]
fn a_revoked_session_is_over_in_the_same_second() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let (one, other) = (token(&site, "ada"), token(&site, "ada"));
    let listed = sessions(&site, &["ada"]);
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["username"], "ada");
    assert_eq!(listed[0]["kind"], "command-line");
    let inspected = site.run_with(&["token", "inspect", "--format", "json"], &one);
    let id = inspected.json()["session"]
        .as_str()
        .expect("its number")
        .to_owned();

    let would = site.run(&["session", "revoke", &id, "--dry-run"]).ok();
    assert!(would.starts_with("dry run: session"), "{would}");
    assert_eq!(server.status_of(&one), 200);
    site.run_with(&["session", "revoke", "-"], &format!("{id}\n\n"))
        .ok();
    assert_eq!(server.status_of(&one), 401);
    assert_eq!(server.status_of(&other), 200);
    let said = site.run(&["session", "revoke", &id]).refusal();
    assert!(said.contains("no live session"), "{said}");
}

#[test]
fn sessions_end_by_user_and_all_at_once() {
    let site = Site::new();
    let server = site.start(&[]);
    let tokens = ["ada", "bo", "cy"].map(|name| {
        site.add_user(name, &[]);
        token(&site, name)
    });
    assert_eq!(sessions(&site, &["--all"]).len(), 3);
    site.run(&["session", "revoke", "--user", "ada"]).ok();
    assert_eq!(
        tokens.each_ref().map(|it| server.status_of(it)),
        [401, 200, 200]
    );
    let said = site.run(&["session", "revoke", "--all"]).refusal();
    assert!(said.contains("--yes"), "{said}");
    let would = site.run(&["session", "revoke", "--all", "--dry-run"]).ok();
    assert_eq!(would, "dry run: 2 sessions have ended\n");
    let done = site.run(&["session", "revoke", "--all", "--yes"]).ok();
    assert_eq!(done, "2 sessions have ended\n");
    assert_eq!(tokens.map(|it| server.status_of(&it)), [401, 401, 401]);
    assert!(sessions(&site, &[]).is_empty());
    assert_eq!(site.run(&["session", "revoke"]).code, Some(2));
}

#[test]
fn a_token_tells_what_it_is_and_why_it_is_not_taken() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let inspect = |token: &str| {
        let inspect = ["token", "inspect", "--format", "json"];
        site.run_with(&inspect, &format!("Bearer {token}\n")).json()
    };
    let good = token(&site, "ada");
    let report = inspect(&good);
    assert_eq!(
        (&report["is_good"], &report["token_type"]),
        (&true.into(), &"access".into())
    );
    let (rest, signature) = good.rsplit_once('.').expect("a signature");
    let turned: String = signature.chars().rev().collect();
    let forged = format!("{rest}.{turned}");
    assert_eq!(inspect(&forged)["why_not"], "its signature is wrong");
    let said = site.run_with(&["token", "revoke"], &forged).refusal();
    assert!(said.contains("nothing was done"), "{said}");
    assert_eq!(inspect(&good)["is_good"], true);

    let done = site.run_with(&["token", "revoke"], &good).ok();
    assert!(done.contains("of ada has ended"), "{done}");
    let why = inspect(&good)["why_not"].to_string();
    assert!(why.contains("session was ended"), "{why}");
    site.run_with(&["token", "inspect"], "not a token")
        .refusal();
    site.run_with(&["token", "inspect"], "").refusal();
}

#[test]
fn a_session_that_is_named_twice_ends_once() {
    let site = Site::new();
    site.add_user("ada", &[]);
    token(&site, "ada");
    let listed = site.run(&["session", "list", "--format", "json"]).json();
    let id = listed[0]["id"].as_str().expect("a session");
    let revoke = ["session", "revoke", id, id, "--user", "ada"];
    let ended = site
        .run(&[&revoke[..], &["--format", "json"]].concat())
        .json();
    assert_eq!(ended["sessions"], 1, "{ended}");
}
