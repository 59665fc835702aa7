//! `doctor`: each thing that can be wrong is made wrong, found, and put right by the advice.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::old_keys;
use crate::server::{Site, run};

/// What one examination found.
pub struct Examined {
    pub code: Option<i32>,
    rows: Vec<Value>,
    pub err: String,
}

impl Examined {
    pub fn of(site: &Site, arguments: &[&str]) -> Self {
        let doctor = ["doctor", "--format", "json"];
        Self::by(&mut site.command(&[&doctor[..], arguments].concat()))
    }

    /// What `doctor --format json` finds as this command.
    pub fn by(command: &mut Command) -> Self {
        let outcome = run(command, "");
        let rows = serde_json::from_str(&outcome.out).expect(&outcome.err);
        Self {
            code: outcome.code,
            rows,
            err: outcome.err,
        }
    }

    pub fn rows(&self, check: &str) -> Vec<&Value> {
        let rows = self.rows.iter();
        rows.filter(|it| it["check"] == check).collect()
    }

    /// The rows in this state, by check.
    pub fn such(&self, state: &str) -> Vec<&str> {
        let rows = self.rows.iter().filter(|it| it["state"] == state);
        rows.map(|it| it["check"].as_str().expect("a name"))
            .collect()
    }

    /// That the check came to this, in these words; returns the advice.
    #[track_caller]
    pub fn is(&self, check: &str, state: &str, words: &str) -> String {
        let rows = self.rows(check);
        let found = rows.iter().find(|it| {
            let finding = it["finding"].as_str().expect("a finding");
            it["state"] == state && finding.contains(words)
        });
        let found = found.unwrap_or_else(|| panic!("{check}, {state}, {words}: {rows:#?}"));
        let advice = found["advice"].as_str().expect("an advice").to_owned();
        assert_eq!(advice.is_empty(), state == "ok", "{found:#?}");
        advice
    }

    /// That it failed and said so.
    #[track_caller]
    pub fn failed(&self, check: &str, words: &str) -> String {
        let advice = self.is(check, "failed", words);
        assert_eq!(self.code, Some(1));
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        assert!(self.err.contains(check), "{}", self.err);
        advice
    }
}

/// A data folder at rest, with a user.
pub fn used() -> Site {
    let site = Site::new();
    site.add_user("ada", &[]);
    site
}

/// Every file with its content, and every folder.
pub fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(content(&path));
            found.insert(path, Vec::new());
        } else {
            let bytes = fs::read(&path).expect("a file");
            found.insert(path, bytes);
        }
    }
    found
}

#[test]
fn a_healthy_installation_beside_a_running_server_passes() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let examined = Examined::of(&site, &[]);
    assert_eq!((examined.code, examined.err.as_str()), (Some(0), ""));
    assert_eq!(examined.such("failed"), Vec::<&str>::new());
    for check in ["settings", "public_url", "files", "signing_key", "link_key"] {
        examined.is(check, "ok", "");
    }
    for check in ["database", "schema", "integrity", "audit", "log", "clock"] {
        examined.is(check, "ok", "");
    }
    examined.is("failed_mails", "ok", "none");
    examined.is("program", "ok", "SQLite 3.");
    examined.is("hash_cost", "warning", "OWASP");
    let advice = examined.is("smtp", "warning", "becomes a file");
    assert!(advice.contains("smtp_url"), "{advice}");
    let advice = examined.is("backup", "warning", "no backup");
    assert!(advice.contains("db backup"), "{advice}");
    let backup = site.path("backup.db");
    site.run(&["db", "backup", backup.to_str().expect("UTF-8")])
        .ok();
    Examined::of(&site, &[]).is("backup", "ok", "backup.db");
    assert_eq!(server.login("ada@example.org").status, 200);
}

#[test]
fn an_empty_place_stays_empty() {
    let site = Site::new();
    let examined = Examined::of(&site, &[]);
    assert_eq!(examined.code, Some(1), "{}", examined.err);
    let advice = examined.is("files", "failed", "no data folder");
    assert!(advice.contains("serve"), "{advice}");
    examined.is("database", "failed", "no database");
    examined.is("signing_key", "warning", "not checked");
    examined.is("integrity", "warning", "not checked");
    assert_eq!(content(&site.path("")), BTreeMap::new());
    let table = site.run(&["doctor"]);
    assert_eq!(table.code, Some(1), "{}", table.err);
    assert!(table.out.contains("ADVICE"), "{}", table.out);
    assert_eq!(content(&site.path("")), BTreeMap::new());
}

#[test]
fn nothing_is_changed_not_even_what_a_crash_left() {
    let site = used();
    let before = content(&site.data());
    Examined::of(&site, &[]).is("integrity", "ok", "");
    assert!(content(&site.data()) == before, "something was changed");

    let mut server = site.start(&[]);
    assert_eq!(server.register("bo"), 201);
    server.signal(Signal::KILL);
    server.wait();
    let log = site.data().join("auth.db-wal");
    let before = content(&site.data());
    assert!(!before[&log].is_empty(), "the crash left no log");
    let examined = Examined::of(&site, &[]);
    assert_eq!(examined.code, Some(0), "{}", examined.err);
    let mut after = content(&site.data());
    // The index of the log lives as long as somebody reads.
    let index = site.data().join("auth.db-shm");
    after.insert(index.clone(), before[&index].clone());
    assert!(after == before, "something was changed");
}

/// Runs the advice as a person would; it says `run: …` or `run as root: …`.
#[track_caller]
fn follow(advice: &str) {
    let (_, command) = advice.split_once(": ").expect("a command");
    run(Command::new("sh").args(["-c", command]), "").ok();
}

#[test]
fn a_file_that_others_can_read_is_found_and_the_advice_puts_it_right() {
    let site = used();
    let backups = site.data().join("backups");
    fs::create_dir(&backups).expect("a folder");
    fs::write(backups.join("auth.db"), "").expect("a file");
    fs::write(site.data().join("auth.db.before-v6"), "").expect("a file");
    for path in ["backups", "auth.db.before-v6"] {
        let path = site.data().join(path);
        fs::set_permissions(path, Permissions::from_mode(0o700)).expect("a mode");
    }
    for (path, mode, words) in [
        ("", 0o755, "data"),
        ("auth.db", 0o644, "auth.db"),
        ("auth.db.before-v6", 0o604, "before-v6"),
        ("keys", 0o701, "keys"),
        ("keys/master.key", 0o604, "master.key"),
        ("backups/auth.db", 0o666, "backups/auth.db"),
    ] {
        // What the program makes is private; what was made above need not be.
        let healthy = backups.join("auth.db");
        fs::set_permissions(healthy, Permissions::from_mode(0o600)).expect("a mode");
        let file = site.data().join(path);
        fs::set_permissions(&file, Permissions::from_mode(mode)).expect("a mode");
        let examined = Examined::of(&site, &[]);
        assert_eq!(examined.rows("files").len(), 1, "{path}");
        follow(&examined.failed("files", words));
        let examined = Examined::of(&site, &[]);
        examined.is("files", "ok", "nobody else");
        assert_eq!(examined.code, Some(0), "{path}: {}", examined.err);
    }
}

#[test]
fn a_database_with_another_name_is_found() {
    let site = used();
    let other = site.path("other.db");
    fs::hard_link(site.data().join("auth.db"), &other).expect("a link");
    let advice = Examined::of(&site, &[]).failed("files", "a hard link");
    assert!(advice.contains("find -samefile"), "{advice}");
    fs::remove_file(other).expect("a link");
    Examined::of(&site, &[]).is("files", "ok", "");
}

#[test]
fn a_folder_that_root_took_from_a_service_goes_back_and_nothing_else_is_to_change_hands() {
    let site = used();
    let service = 65_534;
    let give_all = Command::new("chown")
        .args(["-R", "65534"])
        .arg(site.data())
        .status();
    // Only root can give a file away.
    if !give_all.expect("chown").success() {
        return;
    }
    let take = |path: &Path| std::os::unix::fs::chown(path, Some(0), None).expect("root");
    take(&site.data());
    let examined = Examined::of(&site, &[]);
    let advice = examined.failed("files", "their folder");
    assert_eq!(examined.rows("files").len(), 1);
    let said = site.run(&["user", "list"]).refusal();
    assert!(said.contains(&advice), "{said}");
    follow(&advice);
    let owner = |path: &Path| fs::metadata(path).expect("a file").uid();
    assert_eq!(owner(&site.data()), service);

    let database = site.data().join("auth.db");
    take(&site.data());
    take(&database);
    let examined = Examined::of(&site, &[]);
    follow(&examined.failed("files", "their folder"));
    follow(&examined.failed("files", "auth.db belongs to another user"));
    assert_eq!(owner(&site.data()), service);
    assert_eq!(owner(&database), service);

    // A third one, by a slip of the pen.
    std::os::unix::fs::chown(site.data(), Some(65_533), None).expect("root");
    let examined = Examined::of(&site, &[]);
    let advice = examined.failed("files", "belongs to 65533");
    assert_eq!(examined.rows("files").len(), 1);
    let said = site.run(&["user", "list"]).refusal();
    assert!(said.contains(&advice), "{said}");
    follow(&advice);
    assert_eq!(owner(&site.data()), service);
}

#[test]
fn a_folder_that_root_lends_to_a_service_is_not_to_be_closed_to_it() {
    let site = used();
    let give = Command::new("chown")
        .args(["-R", "65534:65534"])
        .arg(site.data())
        .status();
    // Only root can give a file away.
    if !give.expect("chown").success() {
        return;
    }
    std::os::unix::fs::chown(site.data(), Some(0), None).expect("root");
    let mode = |mode| {
        fs::set_permissions(site.data(), Permissions::from_mode(mode)).expect("a mode");
    };
    mode(0o2770);
    // Before the service was there for the first time.
    let empty = site.path("empty");
    fs::create_dir(&empty).expect("a folder");
    std::os::unix::fs::chown(&empty, Some(0), Some(65_534)).expect("root");
    fs::set_permissions(&empty, Permissions::from_mode(0o2770)).expect("a mode");
    let empty = empty.to_str().expect("UTF-8");
    let rows = run(
        site.bare()
            .args(["doctor", "--format", "json", "--data-dir", empty]),
        "",
    );
    assert!(!rows.out.contains("chmod"), "{}", rows.out);
    // What root made there would lock the service out.
    let advice = Examined::of(&site, &[]).failed("files", "belong to nobody");
    assert!(advice.contains("sudo -u nobody "), "{advice}");
    let said = site.run(&["user", "list"]).refusal();
    assert!(said.contains("sudo -u nobody "), "{said}");
    let rows = || Examined::of(&site, &[]).rows("files").len();
    assert_eq!(rows(), 1);
    mode(0o2777);
    let advice = Examined::of(&site, &[]).is("files", "warning", "in the place of ours");
    follow(&advice);
    assert_eq!(rows(), 1);
    let lent = fs::metadata(site.data()).expect("a folder");
    assert_eq!(lent.mode() & 0o777, 0o775);
    mode(0o2770);

    // As where the database is elsewhere, and the master key too.
    let is_other = |it: &PathBuf| !it.ends_with("complete");
    let entries = fs::read_dir(site.data()).expect("a folder").flatten();
    for path in entries.map(|it| it.path()).filter(is_other) {
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        removed.expect("one file less");
    }
    assert_eq!(rows(), 1);
}

#[test]
fn what_belongs_to_another_user_is_found() {
    let site = used();
    let file = site.data().join("keys/master.key");
    let give = |path: &Path, to| std::os::unix::fs::chown(path, Some(to), None);
    // Only root can give a file away.
    if give(&file, 65_534).is_err() {
        return;
    }
    let examined = Examined::of(&site, &[]);
    examined.failed("master_key", "another user");
    follow(&examined.failed("files", "master.key belongs to another user"));
    Examined::of(&site, &[]).is("files", "ok", "");

    give(&site.data(), 65_534).expect("root");
    let before = content(&site.data());
    let examined = Examined::of(&site, &[]);
    let advice = examined.failed("files", "belongs to nobody and this is root");
    assert!(
        advice.starts_with("run it as its owner: sudo -u "),
        "{advice}"
    );
    for check in ["database", "signing_key", "link_key"] {
        examined.is(check, "warning", "not this user's");
    }
    assert!(content(&site.data()) == before, "something was changed");
}

#[test]
fn weak_old_and_missing_keys_are_found() {
    let site = Site::new();
    let old = "signing-20200229T120000Z-00000000.key";
    old_keys::put(&site, &[(old, old_keys::SIGNING)]);
    site.run(&["db", "migrate"]).ok();
    let examined = Examined::of(&site, &[]);
    examined.is("master_key", "ok", "");
    examined.is("link_key", "ok", "");
    let advice = examined.is("signing_key", "warning", "20200229T120000Z-00000000");
    assert_eq!(advice, "run: minisass-auth key rotate");
    site.run(&["key", "rotate"]).ok();
    Examined::of(&site, &[]).is("signing_key", "ok", "others that verify: 1");

    let folder = site.data().join("keys");
    let master = folder.join("master.key");
    let right = fs::read(&master).expect("a key");
    for (wrong, words) in [
        ("short", "too weak"),
        (old_keys::OTHER_MASTER, "another master key"),
    ] {
        fs::write(&master, wrong).expect("a key");
        let examined = Examined::of(&site, &[]);
        let advice = examined.failed("master_key", words);
        assert!(advice.contains("put"), "{advice}");
        examined.is("signing_key", "warning", "not checked");
    }
    fs::write(&master, right).expect("a key");
    Examined::of(&site, &[]).is("master_key", "ok", "");

    fs::remove_dir_all(&folder).expect("no keys");
    let advice = Examined::of(&site, &[]).failed("master_key", "none");
    assert!(advice.contains("copy"), "{advice}");
    assert!(!folder.exists(), "keys were made");
}

#[test]
fn keys_that_are_gone_from_the_database_are_said_to_be_gone() {
    let site = Site::with_database();
    let database = site.database();
    for (table, gone) in [
        ("keys WHERE purpose = 'sign'", &["signing_key"][..]),
        ("keys", &["master_key", "signing_key", "link_key"]),
    ] {
        database.change(&format!("DELETE FROM {table}"));
        let examined = Examined::of(&site, &[]);
        for check in gone {
            let words = if gone.len() == 1 {
                "nothing can be signed"
            } else {
                "gone"
            };
            assert!(examined.failed(check, words).contains("db restore"));
        }
        site.run(&["key", "list"]).refusal();
    }
}
