//! A master key that is not there, or not the one of the keys in the database.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;

use crate::old_keys::{self, OTHER_MASTER, lend_master};
use crate::server::{Server, Site};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
const DISCARD: [&str; 4] = ["key", "rotate", "--discard-old", "--yes"];

fn master(site: &Site) -> PathBuf {
    site.data().join("keys/master.key")
}

/// A site with ada, whose master key went to another place.
fn without_master() -> (Site, PathBuf) {
    let site = Site::new();
    site.add_user("ada", &[]);
    let away = site.path("away.key");
    fs::rename(master(&site), &away).expect("a master key");
    (site, away)
}

#[test]
fn what_needs_no_key_is_done_without_the_master_key() {
    let (site, away) = without_master();
    let backup = site.path("backup.db").display().to_string();
    let copy = site.path("copy.db").display().to_string();
    for command in [
        &["db", "status"][..],
        &["db", "check"],
        &["db", "backup", &backup],
        &["db", "copy", "--to", &copy],
        &["user", "list"],
        &["user", "show", "ada"],
        &["user", "export", "-"],
        &["session", "list"],
        &["audit", "list"],
        &["audit", "verify"],
        &["profile", "show", "ada"],
        &["policy", "list"],
        &["user", "deactivate", "ada"],
        &["user", "activate", "ada"],
        &["user", "delete", "ada", "--yes"],
    ] {
        site.run(command).ok();
    }
    // What needs one makes none.
    for command in [&SERVE[..], &["key", "list"], &["db", "migrate"]] {
        site.run(command).refusal();
    }
    assert!(!master(&site).exists());
    fs::rename(&away, master(&site)).expect("a master key");
    site.run(&["key", "list"]).ok();
    // A wrong one is as good as none.
    old_keys::put(&site, &[("master.key", OTHER_MASTER)]);
    site.run(&["db", "status"]).ok();
    site.run(&["user", "list"]).ok();
}

#[test]
fn whoever_forgot_the_setting_is_told_of_it_before_anything_else() {
    let (site, away) = without_master();
    let said = site.run(&SERVE).refusal();
    let at = |words: &str| said.find(words).unwrap_or_else(|| panic!("{said}"));
    assert!(at("set master_key_file") < at("put your copy"), "{said}");
    assert!(at("put your copy") < at("--discard-old"), "{said}");
    let away = away.display().to_string();
    site.run(&["--master-key-file", &away, "key", "list"]).ok();

    // The folder of the database has one.
    let other = Site::new();
    other.add_user("bo", &[]);
    let folder = site.path("mistaken");
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    made.expect("a folder");
    fs::create_dir(folder.join("keys")).expect("a folder");
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder.join("keys"), private).expect("a private folder");
    let (folder, database) = (
        folder.display().to_string(),
        other.data().join("auth.db").display().to_string(),
    );
    let mut mistaken = other.bare();
    mistaken.args([
        "--data-dir",
        &folder,
        "--database",
        &database,
        "key",
        "list",
    ]);
    let said = crate::server::run(&mut mistaken, "").refusal();
    let right = format!(
        "set master_key_file to it, which may be {}",
        master(&other).display()
    );
    assert!(said.contains(&right), "{said}");
}

#[test]
fn no_key_goes_before_there_is_another_one() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let list = ["key", "list", "--format", "json"];
    let before = site.run(&list).ok();
    let right = fs::read_to_string(master(&site)).expect("a key");
    old_keys::put(&site, &[("master.key", "brief")]);
    let said = site.run(&DISCARD).refusal();
    assert!(said.contains("remove it"), "{said}");
    old_keys::put(&site, &[("master.key", &right)]);
    assert_eq!(site.run(&list).ok(), before);
    site.run(&DISCARD).ok();
    let noted = site.run(&["audit", "list", "--format", "json"]).json();
    let rows = noted.as_array().expect("rows").iter();
    let discarded = rows.filter(|it| it["action"] == "key.discard");
    assert_eq!(discarded.count(), 1);
}

/// Ends because it cannot open the keys, and says so.
fn assert_ends(mut server: Server) {
    assert_eq!(server.wait(), Some(1));
    let log = server.log();
    assert!(log.contains("keys_lost"), "{log}");
    assert!(log.contains("another master key"), "{log}");
}

#[test]
fn a_server_that_cannot_open_the_keys_of_others_ends() {
    let other = Site::new();
    other.add_user("bo", &[]);
    let site = Site::new();
    let server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    let file = other.data().join("auth.db");
    site.database().change(&format!(
        "ATTACH '{}' AS other; BEGIN IMMEDIATE; DELETE FROM main.keys;
         INSERT INTO main.keys SELECT * FROM other.keys;
         UPDATE main.counts SET count = count + 1 WHERE name = 'key-changes'; COMMIT",
        file.display()
    ));
    assert_ends(server);

    let Some(site) = Site::on_postgres() else {
        return;
    };
    let server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    site.postgres().batch(
        "UPDATE keys SET nonce = set_byte(nonce, 0, (get_byte(nonce, 0) + 1) % 256);
         UPDATE counts SET count = count + 1 WHERE name = 'key-changes'",
    );
    assert_ends(server);
}

#[test]
fn a_restore_says_what_is_true_of_the_keys() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let backup = site.path("backup.db").display().to_string();
    site.run(&["db", "backup", &backup]).ok();
    let restore = |to: &Site| {
        let restored = to.run(&["db", "restore", &backup, "--format", "json"]);
        restored.json()["keys"].as_str().expect("a text").to_owned()
    };
    let said = restore(&Site::new());
    assert!(said.contains("put a copy of the master key"), "{said}");
    let same = Site::new();
    lend_master(&site, &same);
    let said = restore(&same);
    assert_eq!(
        said,
        "as in the backup; one that was retired since is there again"
    );
    same.run(&["key", "list"]).ok();
    let another = Site::new();
    old_keys::put(&another, &[("master.key", OTHER_MASTER)]);
    let said = restore(&another);
    assert!(said.contains("did not seal them"), "{said}");

    // As from before version 15 of the schema.
    crate::database::Database::at(&site.path("backup.db")).change("DELETE FROM keys");
    let older = Site::new();
    old_keys::put(&older, &old_keys::FILES);
    let said = restore(&older);
    assert!(said.contains("the backup has none"), "{said}");
    assert_eq!(
        older.run(&["key", "export"]).ok().trim_end(),
        old_keys::SIGNING
    );
    let bare = Site::new();
    assert!(restore(&bare).contains("or makes new ones"));
    bare.run(&["key", "list"]).ok();
}
