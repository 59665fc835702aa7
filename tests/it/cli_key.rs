//! `key …`: a running server follows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::old_keys;
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
    let started = Instant::now();
    site.run(&["key", "retire", &kid(&old), "--yes"]).ok();
    let a_look = Duration::from_secs(1);
    assert!(started.elapsed() > a_look, "it waits for the server");
    until("the old key to be refused", || {
        (server.status_of(&old) == 401).then_some(())
    });
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

const DISCARD: [&str; 4] = ["key", "rotate", "--discard-old", "--yes"];

#[test]
fn no_key_of_an_older_version_comes_back_when_all_are_given_up() {
    let site = Site::with_database();
    let list = ["key", "list", "--format", "json"];
    let before = site.run(&list).ok();
    old_keys::put(&site, &old_keys::FILES);
    let said = site.run(&DISCARD).refusal();
    for (file, _) in old_keys::FILES {
        assert!(said.contains(file) && said.contains("remove"), "{said}");
    }
    assert_eq!(site.run(&list).ok(), before);
    for (file, _) in old_keys::FILES {
        fs::remove_file(site.data().join("keys").join(file)).expect("a file");
    }
    site.run(&DISCARD).ok();
    let after = site.run(&list).json();
    assert_eq!(after.as_array().map(Vec::len), Some(1), "{after}");
    assert!(!before.contains(after[0]["kid"].as_str().expect("a kid")));
}

#[test]
fn whoever_gives_up_all_keys_is_told_first_what_stands_against_it() {
    let site = Site::new();
    let mut server = site.start(&[]);
    // A server is looked for before anybody is asked.
    let said = site.run(&DISCARD[..3]).refusal();
    assert!(
        said.contains("stop it") && !said.contains("--yes"),
        "{said}"
    );
    assert_eq!(server.stop(), Some(0));
    let said = site.run(&DISCARD[..3]).refusal();
    for words in ["Stop every server", "nothing is lost yet", "--yes"] {
        assert!(said.contains(words), "{said}");
    }
    old_keys::put(&site, &[("master.key", old_keys::OTHER_MASTER)]);
    let said = site.run(&DISCARD[..3]).refusal();
    assert!(!said.contains("nothing is lost yet"), "{said}");
    // Otherwise nobody is asked anything.
    assert_eq!(site.run(&["key", "rotate", "--yes"]).code, Some(1));
}

#[test]
fn both_tokens_are_signed_with_a_new_key_once_it_has_settled() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let token = server.login("ada@example.org").text("access_token");
    let rotated = site.run(&["key", "rotate", "--format", "json"]).json();
    let status = "/authentication/api/check-auth-status/";
    // It is asked for from the first moment on: what is said until then must not stay.
    until("both tokens of the new key", || {
        let answer = server.get(status, &token);
        let kids = ["access_token", "refresh_token"].map(|it| kid(&answer.text(it)));
        let is_new = |it: &String| rotated["kid"] == it.as_str();
        kids.iter().all(is_new).then_some(())
    });
}

#[test]
fn what_is_typed_as_a_master_key_is_not_to_be_made_in_a_file_of_that_name() {
    let site = Site::new();
    let typed = ["--master-key-file", "-", "db", "migrate"];
    let said = site.run_with(&typed, "short").refusal();
    assert!(said.contains("copy"), "{said}");
    assert!(!said.contains("openssl"), "{said}");
}

#[test]
fn a_rotation_that_is_not_to_ask_does_not() {
    let site = Site::with_database();
    let done = site.run(&["key", "rotate", "--yes"]).ok();
    assert!(done.contains("signs in two seconds"), "{done}");
}

#[test]
fn who_imports_a_key_that_others_can_read_is_warned() {
    let site = Site::with_database();
    let file = site.path("secret-key");
    let import = |secret: &str, mode: u32| {
        fs::write(&file, secret).expect("a key");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
        site.run(&["key", "import", "secret-key"])
    };
    let warned = import("7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty", 0o644);
    assert!(warned.err.contains("run: chmod 600"), "{}", warned.err);
    let quiet = import("3w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgtz", 0o600);
    assert_eq!((quiet.code, &*quiet.err), (Some(0), ""));
}
