//! `doctor` over databases that are damaged, foreign, old, new, or not looked after.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use crate::cli_doctor::{Examined, used};
use crate::database::Database;
use crate::server::Site;

/// Changes the database behind the program's back.
fn change(site: &Site, sql: &str) {
    site.database().change(sql);
}

/// Writes rubbish over the start of a page, from `skip` on.
fn damage(site: &Site, page: u64, skip: u64) {
    let path = site.data().join("auth.db");
    let mut database = File::options().write(true).open(path).expect("a file");
    let at = (page - 1) * 4096 + skip;
    database.seek(SeekFrom::Start(at)).expect("a place");
    database.write_all(&[0xff; 64]).expect("damage");
}

#[test]
fn a_damaged_page_is_found() {
    let site = used();
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'profiles'";
    let page: i64 = site.database().get(root);
    damage(&site, page.unsigned_abs(), 0);
    let examined = Examined::of(&site, &[]);
    let advice = examined.failed("integrity", "");
    assert!(advice.contains("db restore"), "{advice}");
    examined.is("schema", "ok", "");
}

#[test]
fn what_is_no_database_of_ours_is_told_from_a_broken_one() {
    let site = used();
    damage(&site, 1, 0);
    let examined = Examined::of(&site, &[]);
    let advice = examined.failed("database", "not a database");
    assert!(advice.contains("db restore"), "{advice}");
    examined.is("integrity", "warning", "not checked");

    let foreign = site.path("foreign.db");
    Database::of_another_program(&foreign);
    let foreign = foreign.to_str().expect("UTF-8");
    let examined = Examined::of(&site, &["--database", foreign]);
    let advice = examined.failed("database", "another program");
    assert!(advice.contains("--database"), "{advice}");
}

#[test]
fn rows_that_belong_to_nothing_and_a_changed_trail_are_found() {
    let site = used();
    change(&site, "PRAGMA foreign_keys = OFF; DELETE FROM users;");
    let examined = Examined::of(&site, &[]);
    examined.failed("integrity", "profiles");
    examined.is("audit", "ok", "as written");
    change(&site, "UPDATE audit SET actor = 'nobody' WHERE id = 1");
    let advice = Examined::of(&site, &[]).failed("audit", "broken at row 1");
    assert!(advice.contains("who can write"), "{advice}");
}

#[test]
fn another_schema_is_found_and_not_touched() {
    let site = used();
    let version = "SELECT max(version) FROM refinery_schema_history";
    let version = || site.database().get::<i64>(version);
    let known = version();
    change(
        &site,
        "INSERT INTO refinery_schema_history SELECT version + 1, name, applied_on, checksum
         FROM refinery_schema_history ORDER BY version DESC LIMIT 1",
    );
    let examined = Examined::of(&site, &[]);
    let advice = examined.failed("schema", &format!("version {} is newer", known + 1));
    assert!(advice.contains("newer minisass-auth"), "{advice}");
    examined.is("integrity", "ok", "");
    examined.is("audit", "warning", "not checked");

    change(
        &site,
        "DROP INDEX audit_backups; ALTER TABLE audit DROP COLUMN digest;
         DELETE FROM refinery_schema_history WHERE version >= 6;",
    );
    let examined = Examined::of(&site, &[]);
    assert_eq!(examined.code, Some(0), "{}", examined.err);
    let advice = examined.is("schema", "warning", "version 5");
    assert!(advice.contains("db migrate"), "{advice}");
    assert_eq!(version(), 5);
}

#[test]
fn what_nobody_looked_after_is_found() {
    let site = used();
    site.run(&["reset", "send", "ada"]).ok();
    let backup = site.path("backup.db");
    site.run(&["db", "backup", backup.to_str().expect("UTF-8")])
        .ok();
    change(
        &site,
        "UPDATE outbox SET state = 'failed';
         UPDATE audit SET at = at - 8 * 86400 WHERE action = 'db.backup';",
    );
    let examined = Examined::of(&site, &[]);
    let advice = examined.is("failed_mails", "warning", "1");
    assert!(advice.contains("mail list --state failed"), "{advice}");
    let advice = examined.is("backup", "warning", "the last backup is from 20");
    assert!(advice.contains("backup_every"), "{advice}");
    examined.is("clock", "ok", "");

    change(&site, "UPDATE audit SET at = at + 9 * 86400");
    Examined::of(&site, &[]).failed("clock", "the last change was written at 20");

    let database = site.database();
    let grow = "PRAGMA wal_autocheckpoint = 0; CREATE TABLE junk (bytes);
                INSERT INTO junk VALUES (zeroblob(65 << 20));";
    database.change(grow);
    let advice = Examined::of(&site, &[]).is("log", "warning", "65 MiB");
    assert!(
        advice.contains("server") && advice.contains("fuser"),
        "{advice}"
    );
}

#[test]
fn a_disk_without_room_for_a_copy_of_the_database_is_found() {
    let site = used();
    let database = File::options()
        .write(true)
        .open(site.data().join("auth.db"))
        .expect("a file");
    // Takes no room, but a copy of it would.
    if database.set_len(1 << 43).is_err() {
        return;
    }
    let advice = Examined::of(&site, &[]).failed("disk", "of 8388608 needed");
    assert!(advice.contains("data_dir"), "{advice}");
}

/// Older ones can corrupt a database that a server and its command line write at once.
#[test]
fn the_sqlite_that_is_built_in_may_be_written_by_two_processes() {
    assert!(rusqlite::version_number() >= 3_051_003);
    // The one that is linked here is the program's own.
    let site = used();
    let version: String = site.database().get("SELECT sqlite_version()");
    assert_eq!(
        minisass_auth::store::maintenance::engine_version().ok(),
        Some(&*version)
    );
}
