//! `key …`: a running server follows.

use crate::server::{Site, until};

fn kid(token: &str) -> String {
    use base64::Engine;
    let head = token.split('.').next().expect("a header");
    let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head);
    let head: serde_json::Value = serde_json::from_slice(&head.expect("base64")).expect("JSON");
    head["kid"].as_str().expect("a kid").to_owned()
}

#[test]
fn a_new_key_signs_and_a_retired_one_is_refused_while_the_server_runs() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let old = server.login("ada@example.org").text("access_token");
    let said = site.run(&["key", "retire", &kid(&old), "--yes"]).refusal();
    assert!(said.contains("key rotate"), "{said}");

    let rotated = site.run(&["key", "rotate", "--format", "json"]).json();
    let new = rotated["kid"].as_str().expect("a kid").to_owned();
    assert!(new > kid(&old));
    // Nobody signs with it before the server knows it; then the command line does too. It does so for
    // somebody else, because only so many sessions of one user live.
    site.add_user("bo", &[]);
    let issued = until("a token of the new key", || {
        let issued = site.run(&["token", "issue", "bo"]).ok();
        assert_eq!(server.status_of(issued.trim()), 200);
        (kid(&issued) == new).then_some(issued)
    });
    assert_eq!(server.status_of(&old), 200);
    let status = "/authentication/api/check-auth-status/";
    until("the server to sign with it", || {
        let token = server.get(status, &old).text("access_token");
        (kid(&token) == new).then_some(())
    });

    let said = site.run(&["key", "retire", &kid(&old)]).refusal();
    assert!(said.contains("--yes"), "{said}");
    site.run(&["key", "retire", &kid(&old), "--yes"]).ok();
    let started = std::time::Instant::now();
    until("the old key to be refused", || {
        (server.status_of(&old) == 401).then_some(())
    });
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    assert_eq!(server.status_of(issued.trim()), 200);
    let keys = site.run(&["key", "list", "--format", "json"]).json();
    assert_eq!(keys.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&keys[0]["kid"], &keys[0]["signs"]),
        (&new.into(), &true.into())
    );
    let noted = site.run(&["audit", "list", "--action", "key.retire"]).ok();
    assert!(noted.contains(&kid(&old)));
}

#[test]
fn keys_made_in_one_second_are_in_order() {
    let site = Site::with_database();
    let mut made: Vec<String> = (0..5)
        .map(|_| site.run(&["key", "rotate", "--format", "json"]).json()["kid"].to_string())
        .collect();
    let in_order = made.clone();
    made.sort();
    assert_eq!(made, in_order);
    let said = site.run(&["key", "retire", "nothing", "--yes"]).refusal();
    assert!(said.contains("key list"), "{said}");
}

#[test]
fn another_service_verifies_with_what_is_exported() {
    let site = Site::with_database();
    let key = site.run(&["key", "export"]).ok();
    let kid = site.run(&["key", "list", "--format", "json"]).json()[0]["kid"].clone();
    let kid = kid.as_str().expect("a kid");
    site.add_user("ada", &[]);
    let token = site.run(&["token", "issue", "ada"]).ok();
    let decoding = jsonwebtoken::DecodingKey::from_secret(key.trim_end().as_bytes());
    let rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    let verified = jsonwebtoken::decode::<serde_json::Value>(token.trim(), &decoding, &rules);
    assert_eq!(verified.expect("a token").header.kid.as_deref(), Some(kid));
    site.run(&["key", "rotate"]).ok();
    assert_ne!(site.run(&["key", "export"]).ok(), key);
    assert_eq!(site.run(&["key", "export", kid]).ok(), key);
    let said = site.run(&["key", "export", "nobodys"]).refusal();
    assert!(said.contains("key list"), "{said}");
    let noted = site.run(&["audit", "list", "--format", "json"]).json();
    let exports = noted.as_array().expect("rows").iter();
    assert_eq!(exports.filter(|it| it["action"] == "key.export").count(), 3);
}
