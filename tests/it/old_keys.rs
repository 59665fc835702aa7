//! Keys as files, as they were until version 14 of the schema; and what became of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::app::{App, HOUR, operator};
use crate::postgres;
use crate::server::{Server, Site, until};

/// What that program had made.
pub const SIGNING: &str = "BDpxh3TFcr2KJa2-sb_NXAJWrhHOz5-cP5JdDlK-r4kBdCvs";
const LINKS: &str = "rKyGwOYJypBvYysOLazMsrd9IrBiHyDr7OGkg1uT9vBdzkR0";
/// The end of a link that it mailed; the row in older databases is of it.
pub const LINK_OF_ADA: &str = "8aBIG8Jl-bXfKmWczJmETzKwQ9QS_CX2PoipXb9XeOI";
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

/// Puts the master key of a place where another one looks for it, as one does after a restore.
pub fn lend_master(site: &Site, other: &Site) {
    let key = fs::read_to_string(master(site)).expect("a key");
    put(other, &[("master.key", &key)]);
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
    let log = server.log_with("sys_keys_taken_over");
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
    // As if the first start had been cut off when it had made the master key, and no more.
    put(&site, &[("master.key", OTHER_MASTER)]);
    assert_eq!(site.start(&[]).stop(), Some(0));
    let kept = fs::read_to_string(master(&site)).expect("a key");
    assert_eq!(kept, OTHER_MASTER);
    // And now between the commit and the removal.
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
    for (wrong, words) in [(OTHER_MASTER, "another master key"), ("brief", "too weak")] {
        write(&master(&site), wrong);
        for command in [&SERVE[..], &["key", "list"], &["key", "rotate"]] {
            let said = site.run(command).refusal();
            assert!(said.contains(words) && said.contains("; "), "{said}");
            assert!(!said.contains(wrong), "{said}");
        }
    }
    // A key of 32 bytes in other digits is one, but not this one.
    let hexadecimal = "5f2c9a0be4d71836a1c4507e9bd2f368107be5ac49d3f8620e7195bc3ad4f681";
    write(&master(&site), hexadecimal);
    let said = site.run(&["key", "list"]).refusal();
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
    // They stay beside those that are used, to be put in their places.
    database.change("CREATE TABLE sound AS SELECT name, nonce, sealed FROM keys");
    let names: Vec<String> = database.rows("SELECT name FROM sound ORDER BY name");
    let [first, second, links] = &names[..] else {
        panic!("{names:?}")
    };
    let set = |name: &str, with: &str| {
        let column = |it: &str| format!("{it} = (SELECT {it} FROM sound WHERE name = '{with}')");
        let (nonce, sealed) = (column("nonce"), column("sealed"));
        database.change(&format!(
            "UPDATE keys SET {nonce}, {sealed} WHERE name = '{name}'"
        ));
    };
    for (of, with) in [
        (first, second),
        (second, first),
        (second, links),
        (links, second),
    ] {
        set(of, with);
        let said = site.run(&["key", "list"]).code;
        let started = site.run(&SERVE).refusal();
        assert!(started.contains("db restore"), "{started}");
        assert!(said == Some(1), "{said:?}");
        set(of, of);
    }
    let purpose = "UPDATE keys SET algorithm = 'none' WHERE name = 'links'";
    database.change(purpose);
    assert!(site.run(&SERVE).refusal().contains("db restore"));
    database.change("UPDATE keys SET algorithm = 'HMAC-SHA256' WHERE name = 'links'");
    database.change("UPDATE keys SET made_at = made_at - 1 WHERE name = 'links'");
    assert!(site.run(&SERVE).refusal().contains("db restore"));
    database.change("UPDATE keys SET made_at = made_at + 1 WHERE name = 'links'");
    assert_eq!(kids(&site).len(), 2);
}

#[test]
fn a_backup_is_complete_and_of_no_use_without_the_master_key() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let backup = site.path("backup.db").display().to_string();
    let made = site.run(&["db", "backup", &backup]).ok();
    assert!(made.contains("master key"), "{made}");
    let other = Site::new();
    let restored = other.run(&["db", "restore", &backup]).ok();
    assert!(restored.contains("master key"), "{restored}");
    for command in [&SERVE[..], &["key", "export"]] {
        let said = other.run(command).refusal();
        let shown = master(&other).display().to_string();
        assert!(said.contains(&shown) && said.contains("copy"), "{said}");
    }
    assert!(!master(&other).exists(), "none was made");
    lend_master(&site, &other);
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
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("a mode");
    let said = named(&["db", "migrate"]).refusal();
    assert!(said.contains("chmod 600"), "{said}");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("a mode");
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

#[test]
fn a_folder_of_keys_that_cannot_be_written_to_is_left_and_complained_about() {
    let site = Site::new();
    put(&site, &FILES);
    let file = site.path("master");
    write(&file, OTHER_MASTER);
    let keys = site.data().join("keys");
    fs::set_permissions(&keys, Permissions::from_mode(0o500)).expect("a mode");
    // The system lets root write everywhere.
    let stranger = rustix::process::getuid().is_root().then_some(65_534);
    let run = |command: &[&str]| {
        let mut command = site.command(command);
        if let Some(user) = stranger {
            command.uid(user).gid(user);
        }
        crate::server::run(&mut command, "")
    };
    if let Some(user) = stranger {
        let place = site.data();
        let folder = place.parent().expect("a folder");
        for path in [folder, &place, &keys, &file].map(Path::to_owned) {
            chown(path, Some(user), Some(user)).expect("root");
        }
        for (name, _) in FILES {
            chown(keys.join(name), Some(user), Some(user)).expect("root");
        }
    }
    let said = run(&["db", "migrate"]).refusal();
    assert!(said.contains("master_key_file"), "{said}");
    let named = ["--master-key-file", "master", "key", "export"];
    for _ in 0..2 {
        let done = run(&named);
        assert_eq!(done.out.trim_end(), SIGNING, "{}", done.err);
    }
    assert_eq!(files(&site), ["links.key", FILES[0].0]);
    fs::set_permissions(&keys, Permissions::from_mode(0o700)).expect("a mode");
    run(&named).ok();
    assert!(files(&site).is_empty(), "{:?}", files(&site));
}

#[test]
fn each_key_is_sealed_with_a_number_of_its_own() {
    let site = Site::with_database();
    for _ in 0..4 {
        site.run(&["key", "rotate"]).ok();
    }
    let numbers: i64 = site
        .database()
        .get("SELECT count(DISTINCT nonce) FROM keys WHERE length(nonce) = 12");
    assert_eq!(numbers, 6);
}

#[test]
fn a_key_that_goes_as_soon_as_there_is_another_one_leaves_nobody_without() {
    let site = Site::new();
    let server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    let [old] = &kids(&site)[..] else {
        panic!("one key")
    };
    site.run(&["key", "rotate"]).ok();
    site.run(&["key", "retire", old, "--yes"]).ok();
    // Whatever the command line signs with now, the server knows.
    let token = site.run(&["token", "issue", "ada"]).ok();
    assert_eq!(server.status_of(token.trim()), 200);
}

/// A server over a database of PostgreSQL.
fn serve(site: &Site, database: &str, master: &str) -> Server {
    site.start(&["--database", database, "--master-key-file", master])
}

#[test]
fn a_copy_in_postgresql_and_a_backup_of_it_are_opened_by_the_same_master_key_and_by_no_other() {
    let Some(database) = postgres::empty_database() else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let token = site.run(&["token", "issue", "ada"]).ok();
    let before = kids(&site);
    let url = database.url();
    site.run(&["db", "copy", "--to", &url]).ok();
    let there = ["--database", &url];
    let server = site.start(&there);
    assert_eq!(server.status_of(token.trim()), 200, "{}", server.log());
    let backup = site.path("backup.db").display().to_string();
    site.run(&[&there[..], &["db", "backup", &backup]].concat())
        .ok();

    let other = Site::new();
    other.run(&["db", "restore", &backup]).ok();
    put(&other, &[("master.key", OTHER_MASTER)]);
    for command in [
        &["key", "list"][..],
        &[&there[..], &["key", "list"]].concat(),
    ] {
        let said = other.run(command).refusal();
        assert!(said.contains("another master key"), "{said}");
    }
    lend_master(&site, &other);
    assert_eq!(kids(&other), before);
}

#[test]
fn two_servers_that_start_at_once_for_the_first_time_have_the_same_keys() {
    let Some(database) = postgres::empty_database() else {
        return;
    };
    let (here, there) = (Site::new(), Site::new());
    let file = here.path("master");
    write(&file, OTHER_MASTER);
    let (url, named) = (database.url(), file.display().to_string());
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| serve(&here, &url, &named));
        (serve(&there, &url, &named), first.join().expect("a server"))
    });
    assert_eq!(first.register("ada"), 201);
    for [one, other] in [[&first, &second], [&second, &first]] {
        let token = one.login("ada@example.org").text("access_token");
        assert_eq!(other.status_of(&token), 200);
    }
    assert_eq!(database.count("SELECT count(*) FROM keys"), 2);
    for site in [&here, &there] {
        assert!(!master(site).exists(), "that one is not needed");
    }
}

#[test]
fn a_server_that_was_without_its_database_takes_a_key_that_it_missed() {
    let Some(database) = postgres::database() else {
        return;
    };
    let (one, other) = {
        let one = App::on(database).with_user("ada");
        let other = one.beside();
        (one, other)
    };
    // Nobody looks for new keys at the other one, as if it could not.
    one.wait(one.operator.rotate_key(&operator()))
        .expect("a key");
    one.clock.advance(HOUR);
    let one = one.restart(|_| {});
    let token = one.login("ada").get("access_token");
    until("the other one to look", || {
        (other.status(&token).status == 200).then_some(())
    });
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
    let old = second.login("ada@example.org").text("access_token");
    let status = "/authentication/api/check-auth-status/";
    let fresh = |server: &Server| server.get(status, &old).text("access_token");
    let place = ["--database", &url, "--master-key-file", &master];
    let command = |words: &[&str]| beside.run(&[&place, words].concat());
    let kid = command(&["key", "rotate", "--format", "json"]).json()["kid"].clone();
    for server in [&first, &second] {
        until("a token of the new key", || {
            let token = fresh(server);
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
    let discard = ["key", "rotate", "--discard-old", "--yes"];
    let said = command(&discard).refusal();
    assert!(said.contains("stop every server"), "{said}");
    drop((first, second));
    until("both to be gone", || {
        (command(&discard).code == Some(0)).then_some(())
    });
}
