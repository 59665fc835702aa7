//! Keys as files, as they were until version 14 of the schema; and what became of them.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::postgres;
use crate::server::{Server, Site, until};

/// What that program had made.
pub const SIGNING: &str = "BDpxh3TFcr2KJa2-sb_NXAJWrhHOz5-cP5JdDlK-r4kBdCvs";
const LINKS: &str = "rKyGwOYJypBvYysOLazMsrd9IrBiHyDr7OGkg1uT9vBdzkR0";
pub const OTHER_MASTER: &str = "l9FkfmtfVfXu2knaBphNO9HHlwtOLRvKCJ3VilRA7/k=";

const KID: &str = "20260101T000000Z-7c0f3a91";
pub const FILES: [(&str, &str); 2] = [
    ("signing-20260101T000000Z-7c0f3a91.key", SIGNING),
    ("links.key", LINKS),
];

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// Puts files into the folder of keys, in the place of others.
pub fn put(site: &Site, files: &[(&str, &str)]) {
    let folder = site.data().join("keys");
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder);
    made.expect("a folder");
    for (name, text) in files {
        write(&folder.join(name), text);
    }
}

fn write(path: &Path, text: &str) {
    let mut file = fs::File::options();
    let file = file.write(true).create(true).truncate(true).mode(0o600);
    let file = file.open(path);
    std::io::Write::write_all(&mut file.expect("a file"), text.as_bytes()).expect("a key");
}

/// Of the session of hers that older databases hold, signed with that key.
pub fn token_of_ada() -> String {
    let claims = json!({
        "token_type": "access", "exp": 3_999_999_999_i64, "iat": 1_700_000_001,
        "jti": "0123456789abcdef0123456789abcdef", "user_id": 1,
        "sid": "00112233445566778899aabbccddeeff", "iss": "minisass-auth",
    });
    let header = Header {
        kid: Some(KID.to_owned()),
        ..Header::default()
    };
    encode(
        &header,
        &claims,
        &EncodingKey::from_secret(SIGNING.as_bytes()),
    )
    .expect("a token")
}

fn files(site: &Site) -> Vec<String> {
    let entries = fs::read_dir(site.data().join("keys")).expect("a folder");
    let names = entries.map(|it| it.expect("a file").file_name());
    let mut names: Vec<String> = names.filter_map(|it| it.into_string().ok()).collect();
    names.sort();
    names
}

fn kids(site: &Site) -> Vec<String> {
    let keys = site.run(&["key", "list", "--format", "json"]).json();
    let keys = keys.as_array().expect("keys").iter();
    keys.map(|it| it["kid"].as_str().expect("a kid").to_owned())
        .collect()
}

fn master(site: &Site) -> PathBuf {
    site.data().join("keys/master.key")
}

#[test]
fn the_files_of_keys_are_taken_over_at_the_first_start_and_go() {
    let site = Site::new();
    put(&site, &FILES);
    let mut server = site.start(&[]);
    assert_eq!(files(&site), ["master.key"]);
    let log = server.log();
    let line = log.lines().find(|it| it.contains("sys_keys_taken_over"));
    let line = line.expect("where they went");
    assert!(
        line.contains(FILES[0].0) && line.contains("links.key"),
        "{line}"
    );
    assert!(!log.contains(SIGNING) && !log.contains(LINKS), "{log}");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(kids(&site), [KID]);
    assert_eq!(site.run(&["key", "export"]).ok().trim_end(), SIGNING);
    let noted = site
        .run(&["audit", "list", "--action", "key.take-over"])
        .ok();
    assert!(
        noted.contains(FILES[0].0) && !noted.contains(SIGNING),
        "{noted}"
    );
    // Neither is in the database as it is, nor the master key.
    let file = fs::read(site.data().join("auth.db")).expect("a database");
    let key = fs::read_to_string(master(&site)).expect("a key");
    for secret in [SIGNING, LINKS, key.trim_end()] {
        let found = file.windows(secret.len()).any(|it| it == secret.as_bytes());
        assert!(!found, "a secret is there for everybody");
    }
}

#[test]
fn what_a_cut_off_start_left_goes_and_what_is_another_key_stays() {
    let site = Site::new();
    put(&site, &FILES);
    assert_eq!(site.start(&[]).stop(), Some(0));
    // As if it had been cut off between the commit and the removal.
    put(&site, &FILES);
    assert_eq!(site.start(&[]).stop(), Some(0));
    assert_eq!(files(&site), ["master.key"]);
    let other = "signing-20270101T000000Z-00000000.key";
    put(&site, &[(other, LINKS)]);
    let mut server = site.start(&[]);
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    let line = log.lines().find(|it| it.contains("sys_key_files_unused"));
    assert!(line.is_some_and(|it| it.contains(other)), "{log}");
    assert_eq!(files(&site), ["master.key", other]);
    assert_eq!(kids(&site), [KID]);
}

#[test]
fn another_master_key_is_refused_in_one_sentence_and_no_key_is_made() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let right = fs::read_to_string(master(&site)).expect("a key");
    let before = kids(&site);
    for (wrong, words) in [(OTHER_MASTER, "another master key"), ("short", "too weak")] {
        write(&master(&site), wrong);
        for command in [&SERVE[..], &["user", "list"], &["key", "rotate"]] {
            let said = site.run(command).refusal();
            assert!(said.contains(words) && said.contains("; "), "{said}");
            assert!(!said.contains(wrong), "{said}");
        }
    }
    // A key of 32 bytes in other digits is one, but not this one.
    let hexadecimal = "5f2c9a0be4d71836a1c4507e9bd2f368107be5ac49d3f8620e7195bc3ad4f681";
    write(&master(&site), hexadecimal);
    let said = site.run(&["user", "list"]).refusal();
    assert!(said.contains("another master key"), "{said}");
    write(&master(&site), &right);
    assert_eq!(kids(&site), before);
}

#[test]
fn rows_of_keys_that_were_swapped_or_changed_are_refused() {
    let site = Site::new();
    put(&site, &FILES);
    site.run(&["db", "migrate"]).ok();
    site.run(&["key", "rotate"]).ok();
    let database = site.database();
    let sound: Vec<(String, Vec<u8>, Vec<u8>)> = {
        let mut rows = database
            .prepare("SELECT name, nonce, sealed FROM keys ORDER BY name")
            .expect("keys");
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.expect("rows").map(|it| it.expect("a row")).collect()
    };
    let set = |name: &str, (_, nonce, sealed): &(String, Vec<u8>, Vec<u8>)| {
        let done = database.execute(
            "UPDATE keys SET nonce = ?2, sealed = ?3 WHERE name = ?1",
            (name, nonce, sealed),
        );
        assert_eq!(done.expect("a change"), 1);
    };
    let [first, second, links] = &sound[..] else {
        panic!("{sound:?}")
    };
    for (of, with) in [
        (first, second),
        (second, first),
        (second, links),
        (links, second),
    ] {
        set(&of.0, with);
        let said = site.run(&["key", "list"]).code;
        let started = site.run(&SERVE).refusal();
        assert!(started.contains("db restore"), "{started}");
        assert!(said == Some(1), "{said:?}");
        set(&of.0, of);
    }
    let purpose = "UPDATE keys SET algorithm = 'none' WHERE name = 'links'";
    database.change(purpose);
    assert!(site.run(&SERVE).refusal().contains("db restore"));
    database.change("UPDATE keys SET algorithm = 'HMAC-SHA256' WHERE name = 'links'");
    assert_eq!(kids(&site).len(), 2);
}

#[test]
fn a_backup_is_complete_and_of_no_use_without_the_master_key() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let backup = site.path("backup.db").display().to_string();
    let made = site.run(&["db", "backup", &backup]).ok();
    assert!(made.contains("master.key"), "{made}");
    let other = Site::new();
    let restored = other.run(&["db", "restore", &backup]).ok();
    assert!(restored.contains("master.key"), "{restored}");
    for command in [&SERVE[..], &["key", "export"]] {
        let said = other.run(command).refusal();
        let shown = master(&other).display().to_string();
        assert!(said.contains(&shown) && said.contains("copy"), "{said}");
    }
    assert!(!master(&other).exists(), "none was made");
    let key = fs::read_to_string(master(&site)).expect("a key");
    put(&other, &[("master.key", &key)]);
    let export = ["key", "export"];
    assert_eq!(other.run(&export).ok(), site.run(&export).ok());
    assert_eq!(kids(&other), kids(&site));
}

#[test]
fn whoever_lost_the_master_key_gives_up_the_keys_by_a_command_of_its_own() {
    let site = Site::new();
    let mut server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    let old = server.login("ada@example.org").text("access_token");
    let discard = ["key", "rotate", "--discard-old", "--yes"];
    let said = site.run(&discard).refusal();
    assert!(said.contains("stop it"), "{said}");
    assert_eq!(server.stop(), Some(0));
    fs::remove_file(master(&site)).expect("a lost key");
    site.run(&["key", "rotate"]).refusal();
    site.run(&discard[..3]).refusal();
    assert!(!master(&site).exists(), "none was made");
    site.run(&discard).ok();
    let server = site.start(&[]);
    assert_eq!(server.status_of(&old), 401);
    assert_eq!(server.login("ada@example.org").status, 200);
    let noted = site.run(&["audit", "list", "--action", "key.discard"]).ok();
    assert!(noted.contains("2 keys"), "{noted}");
}

#[test]
fn a_master_key_that_a_setting_names_must_be_there_strong_and_private() {
    let site = Site::new();
    let file = site.path("master");
    let shown = file.display().to_string();
    let named = |command: &[&str]| site.run(&[&["--master-key-file", &shown], command].concat());
    let said = named(&["db", "migrate"]).refusal();
    assert!(said.contains(&shown) && said.contains("openssl"), "{said}");
    assert!(!site.data().exists(), "nothing was made");
    for (text, why) in [
        ("short", "shorter than 32"),
        (&"a".repeat(64), "too weak"),
        ("ad-hoc pencils 7 under! Wet moons 19 dream", "32 bytes"),
    ] {
        write(&file, text);
        let said = named(&["db", "migrate"]).refusal();
        assert!(said.contains(why) && said.contains(&shown), "{said}");
    }
    write(&file, OTHER_MASTER);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(&file, mode).expect("a mode");
    let said = named(&["db", "migrate"]).refusal();
    assert!(said.contains("chmod 600"), "{said}");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&file, mode).expect("a mode");
    named(&["db", "migrate"]).ok();
    assert!(!master(&site).exists(), "that one is not needed");
    let found = named(&["doctor", "--format", "json"]);
    assert!(found.out.contains("it opens the keys"), "{}", found.out);
    let said = site.run(&["key", "list"]).refusal();
    assert!(said.contains("master.key"), "{said}");
    // As a service manager lends it.
    let lent = site.path("lent");
    fs::create_dir(&lent).expect("a folder");
    fs::copy(&file, lent.join("master_key")).expect("a credential");
    let mut command = site.command(&["key", "list"]);
    crate::server::run(command.env("CREDENTIALS_DIRECTORY", &lent), "").ok();
}

/// A server over a database of PostgreSQL.
fn serve(site: &Site, database: &str, master: &str) -> Server {
    site.start(&["--database", database, "--master-key-file", master])
}

#[test]
fn of_two_servers_on_one_database_both_know_a_new_key_before_one_signs_with_it() {
    let Some(database) = postgres::database() else {
        return;
    };
    let (here, there, beside) = (Site::new(), Site::new(), Site::new());
    let file = here.path("master");
    write(&file, OTHER_MASTER);
    let (url, master) = (database.url(), file.display().to_string());
    let (first, second) = (serve(&here, &url, &master), serve(&there, &url, &master));
    assert_eq!(first.register("ada"), 201);
    let login = |server: &Server| server.login("ada@example.org").text("access_token");
    let old = login(&second);
    let place = ["--database", &url, "--master-key-file", &master];
    let command = |words: &[&str]| beside.run(&[&place, words].concat());
    let kid = command(&["key", "rotate", "--format", "json"]).json()["kid"].clone();
    for server in [&first, &second] {
        until("a token of the new key", || {
            let token = login(server);
            assert_eq!(first.status_of(&token), 200);
            assert_eq!(second.status_of(&token), 200);
            let header = jsonwebtoken::decode_header(&token).expect("a header");
            (header.kid.as_deref() == kid.as_str()).then_some(())
        });
    }
    assert_eq!(first.status_of(&old), 200);
    let header = jsonwebtoken::decode_header(&old).expect("a header");
    let kid = header.kid.expect("a kid");
    command(&["key", "retire", &kid, "--yes"]).ok();
    for server in [&first, &second] {
        until("the old key to be refused", || {
            (server.status_of(&old) == 401).then_some(())
        });
    }
    // Whoever has another master key does not take part.
    let stranger = Site::new();
    write(&stranger.path("master"), LINKS);
    let other = stranger.path("master").display().to_string();
    let flags = ["--database", &url, "--master-key-file", &other];
    let said = stranger.run(&[&flags[..], &SERVE].concat()).refusal();
    assert!(said.contains("another master key"), "{said}");
}
