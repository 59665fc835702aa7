//! Schemathesis sends what the OpenAPI document allows and what it forbids, and holds all answers
//! against the document.

use std::process::Command;

use super::clients::venv;
use super::file;
use crate::server::{PASSWORD, Site, run};

/// What the checks cannot know of single operations stands, with reasons, in
/// `tests/world/clients/schemathesis.toml`.
const ALL: [&str; 2] = ["--checks", "all"];

/// Two checks cannot be made with all three media types. Forms have no null, and read `yes` as true;
/// and names of multipart fields are sent with control characters in them, which no header may have.
const WHAT_FORMS_ALLOW: [&str; 2] = [
    "--exclude-checks",
    "positive_data_acceptance,negative_data_rejection",
];

/// They end the session with which all others are called, so they come last.
const ENDINGS: [&str; 3] = ["logout", "token_blacklist", "end_session"];

#[test]
fn schemathesis_finds_no_failure_for_anybody_nor_with_a_token() {
    let Some(venv) = venv() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let credentials = serde_json::json!({ "username": "ada", "password": PASSWORD });
    let config = file("clients/schemathesis.toml");
    let check = |document: &str, more: &[&str]| {
        let mut tool = Command::new(venv.join("bin/schemathesis"));
        tool.arg("--config-file").arg(&config).arg("run");
        tool.arg(format!("http://{}{document}", server.address()));
        tool.args(["--max-examples", "20", "--generation-deterministic"]);
        tool.arg("--no-color").args(ALL).args(more);
        let outcome = run(tool.current_dir(site.path("")), "");
        let (out, err) = (outcome.out, outcome.err);
        assert_eq!(outcome.code, Some(0), "{more:?}\n{out}{err}");
        assert!(out.contains(" generated, "), "{out}");
    };
    let one_media_type = "/openapi.json?bodies=json";
    check(one_media_type, &[]);
    check("/openapi.json", &WHAT_FORMS_ALLOW);
    let token = server.post("token", &credentials).text("access");
    let bearer = format!("Authorization: Bearer {token}");
    let with_token = |which: &str| {
        let which = ENDINGS.map(|it| [which, it]);
        check(
            one_media_type,
            &[&["-H", &bearer], which.as_flattened()].concat(),
        );
    };
    with_token("--exclude-operation-id");
    assert_eq!(server.status_of(&token), 200);
    with_token("--include-operation-id");
}
