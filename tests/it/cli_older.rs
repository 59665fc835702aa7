//! Every command once more, on databases that older versions of the program made.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::thread;

use refinery::{Migration, Runner, Target, load_sql_migrations};
use serde_json::json;

use crate::database::Database;
use crate::examples::{Examples, NEED_A_SERVER, Prepared, of_every_command};
use crate::old_keys;
use crate::server::{Outcome, Site, until};

/// What people had in the database, and the schema from which on it had a place for it. `:hash`
/// is a hash of the password.
const ROWS: [(i32, &str); 5] = [
    (
        1,
        "INSERT INTO users (username, username_key, email, email_key, first_name, last_name,
                            password_hash, is_active, is_staff, created_at, last_login_at)
         VALUES ('Ada', 'ada', 'ada@example.org', 'ada@example.org', 'Ada', '', :hash, 1, 1, 1700000000, 1700000001),
                ('bo', 'bo', 'bo@example.org', 'bo@example.org', '', 'B', :hash, 1, 0, 1700000002, NULL),
                ('cy', 'cy', 'cy@example.org', 'cy@example.org', '', '', NULL, 1, 0, 1700000003, NULL);
         INSERT INTO profiles (user_id, organisation_type, organisation_name, country, additional_fields)
         VALUES (1, 'NGO', 'Rivers', 'ZA', '{\"river\":\"uMngeni\"}'), (2, '', '', '', '{}'), (3, '', '', '', '{}');
         INSERT INTO login_attempts (key, failures, next_at, updated_at) VALUES (x'01', 3, 1700000000, 1700000000);",
    ),
    (
        2,
        "INSERT INTO sessions (id, user_id, kind, created_at, expires_at, address, cookie_digest, rotated_at)
         VALUES (x'00112233445566778899aabbccddeeff', 1, 'web', 1700000001, 4000000000, '::1', x'02', 1700000001),
                (x'00112233445566778899aabbccddee00', 2, 'mobile', 1700000001, 1700000002, NULL, NULL, 1700000001);",
    ),
    (
        3,
        "INSERT INTO links (id, purpose, user_id, nonce, digest, created_at, expires_at)
         VALUES (1, 'password-reset', 1, x'a1512e92d7d2dadde80c141c0ee9b219f5695d9307edfc9777cf26799a9a0cd8',
                 x'e1510cced6ab710cf25095a301ade3d2d109d51791eedceadd813685f8562c7a', 1700000001, 4000000000), (2, 'password-reset', NULL, x'05', x'06', 1, 2);
         INSERT INTO outbox (id, kind, user_id, link_id, recipient, state, attempts, next_at, created_at, sent_at, error)
         VALUES (1, 'password-reset', 1, 1, 'ada@example.org', 'queued', 0, 1700000001, 1700000001, NULL, NULL),
                (2, 'password-changed', 2, NULL, 'bo@example.org', 'failed', 9, 1700000001, 1700000001, NULL, 'no such mailbox'),
                (3, 'invitation', 3, NULL, 'cy@example.org', 'sent', 1, 1700000001, 1700000001, 1700000002, NULL);",
    ),
    (
        4,
        "INSERT INTO audit (at, actor, address, action, user_id, detail)
         VALUES (1700000000, 'cli:uid=0', NULL, 'user.create', 1, NULL),
                (1700000001, 'http', '::1', 'session.open', 1, '00112233445566778899aabbccddeeff'),
                (1700000002, 'cli:uid=0', NULL, 'user.create', 2, NULL);",
    ),
    (
        5,
        "UPDATE profiles SET is_expert = 1, upload_preference = 'both' WHERE user_id = 1;
         INSERT INTO password_history (user_id, password_hash, created_at) VALUES (1, :hash, 1690000000);
         INSERT INTO policies (version, url, published_at) VALUES ('1', 'https://example.org/1', 1690000000);
         INSERT INTO consents (user_id, policy_id, is_given, given_at) VALUES (1, 1, 1, 1700000001);",
    ),
];

fn migrations() -> Vec<Migration> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    load_sql_migrations(folder).expect("migrations")
}

#[test]
fn both_engines_have_the_same_migrations_and_the_program_all_of_them() {
    let names = |engine: &str| -> BTreeSet<_> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let files = fs::read_dir(folder.join(engine)).expect("migrations");
        files.map(|it| it.expect("a file").file_name()).collect()
    };
    let ours = names("sqlite");
    assert_eq!(ours, names("postgres"));
    let site = Site::with_database();
    let applied = "SELECT count(*) FROM refinery_schema_history";
    assert_eq!(site.database().get::<i64>(applied), ours.len() as i64);
}

/// What the program makes of the password, at the least cost.
fn hash() -> String {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.database().get("SELECT password_hash FROM users")
}

/// The data folder of the program whose schema had that version.
fn installed(version: i32, hash: &str) -> Site {
    let site = Site::new();
    let folder = site.data();
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .expect("a folder");
    let file = folder.join("auth.db");
    let database = Database::at(&file);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a private file");
    let mini = i32::from_be_bytes(*b"mini");
    database.change(&format!(
        "PRAGMA application_id = {mini}; PRAGMA journal_mode = wal"
    ));
    Runner::new(&migrations())
        .set_target(Target::Version(version))
        .run(&mut rusqlite::Connection::open(&file).expect("a database"))
        .expect("an older schema");
    for (_, rows) in ROWS.iter().filter(|it| it.0 <= version) {
        let rows = rows.replace(":hash", &format!("'{hash}'"));
        database.change(&rows);
    }
    // Until version 14 keys were files.
    old_keys::put(&site, &old_keys::FILES);
    site
}

/// The old file stands beside the new one, as it was.
fn assert_kept(site: &Site, version: i32, newest: i32) {
    let copy = site.data().join(format!("auth.db.before-v{newest}"));
    let mode = fs::metadata(&copy).expect("a copy").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let copy = Database::at(&copy);
    let noted = "SELECT max(version) FROM refinery_schema_history";
    assert_eq!(copy.get::<i64>(noted), i64::from(version));
    assert_eq!(copy.get::<i64>("SELECT count(*) FROM users"), 3);
    copy.assert_sound();
}

/// What was in the old file is in the new one, and the old password logs in.
fn assert_at_home(site: &Site, version: i32) {
    let json = |command: &str| {
        let command: Vec<&str> = command.split(' ').collect();
        site.run(&[&command[..], &["--format", "json"]].concat())
            .json()
    };
    let profile = json("profile show ada");
    assert_eq!(profile["additional_fields"]["river"], "uMngeni");
    let sessions = json("session list");
    let sessions = sessions.as_array().expect("a list").len();
    assert_eq!(
        sessions,
        usize::from(version >= 2),
        "of two, one has expired"
    );
    let mails = json("mail list");
    assert_eq!(
        mails.as_array().map(Vec::len),
        Some(if version >= 3 { 3 } else { 0 })
    );
    let trail = json("audit verify");
    let noted = if version >= 4 { 3 } else { 0 };
    assert_eq!(trail["rows"], noted + 2, "the migration, and the keys");
    let server = site.start(&[]);
    for name in ["ada", "bo"] {
        assert_eq!(server.login(&format!("{name}@example.org")).status, 200);
    }
}

/// The examples that fail on a database that had that version, and what they say.
fn failures(site: Site, version: i32, commands: &[Examples]) -> String {
    let prepared = Prepared::over(site);
    let lines = commands
        .iter()
        .filter(|it| !NEED_A_SERVER.contains(&it.command.as_str()));
    let mut failed = String::new();
    for line in lines.flat_map(|it| &it.lines) {
        let Outcome { code, out, err } = prepared.run(line);
        if code != Some(0) {
            failed.push_str(&format!("{version}: {line}\n{out}{err}\n"));
        }
    }
    failed
}

#[test]
fn every_command_works_on_the_databases_of_older_schemas() {
    let mut versions: Vec<_> = migrations().iter().map(Migration::version).collect();
    versions.sort_unstable();
    let newest = versions.pop().expect("a migration");
    let last = *versions.last().expect("an older one");
    let hash = hash();
    let commands = of_every_command();
    let mut failed = String::new();
    for version in versions {
        let site = installed(version, &hash);
        let migrated = site.run(&["db", "migrate", "--format", "json"]).json();
        let (from, to) = (&migrated["from"], &migrated["to"]);
        assert_eq!((from, to), (&version.into(), &newest.into()));
        assert_kept(&site, version, newest);
        assert_at_home(&site, version);
        // All commands, where most was missing and where least was.
        if version == 1 || version == last {
            failed.push_str(&failures(site, version, &commands));
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
}

#[test]
fn commands_that_meet_on_an_older_database_wait_for_each_other() {
    let hash = hash();
    for _ in 0..3 {
        let site = installed(14, &hash);
        let outcomes: Vec<Outcome> = thread::scope(|scope| {
            let list = || site.run(&["user", "list"]);
            let keys = || site.run(&["key", "list"]);
            let begun: Vec<_> = (0..3)
                .flat_map(|_| [scope.spawn(list), scope.spawn(keys)])
                .collect();
            let ended = begun.into_iter().map(|it| it.join().expect("an end"));
            ended.collect()
        });
        for outcome in outcomes {
            outcome.ok();
        }
    }
}

/// The folder that `MINISASS_OLD_DATA` names gets a copy of what the server found: tests/packaging has
/// the package do the same.
#[test]
fn the_data_of_the_version_before_is_served() {
    let versions = migrations();
    let mut versions: Vec<i32> = versions.iter().map(Migration::version).collect();
    versions.sort_unstable();
    let [.., before, newest] = versions[..] else {
        panic!("there is no version before");
    };
    let site = installed(before, &hash());
    if let Some(folder) = std::env::var_os("MINISASS_OLD_DATA") {
        let mut copy = Command::new("cp");
        let copied = copy.arg("-a").arg(site.data()).arg(folder).status();
        assert!(copied.expect("cp").success());
    }
    let server = site.start(&[]);
    assert_eq!(server.login("bo@example.org").status, 200);
    let token = old_keys::token_of_ada();
    assert_eq!(server.status_of(&token), 200, "{}", server.log());
    // The mail that waited has the link that was mailed before, and that one works.
    let link = format!("MQ/{}", old_keys::LINK_OF_ADA);
    let outbox = site.data().join("outbox");
    until("a mail with the link", || {
        let mails = fs::read_dir(&outbox).into_iter().flatten().flatten();
        let mut texts = mails.filter_map(|it| fs::read_to_string(it.path()).ok());
        let has_link = |it: String| it.replace("=\r\n", "").contains(&link);
        texts.any(has_link).then_some(())
    });
    let new = json!({"newPassword": "uMngeni-7-rivers"});
    let reset = server.post(&format!("update-password-reset/{link}"), &new);
    assert_eq!(reset.status, 200, "{reset:?}");
    assert_kept(&site, before, newest);
}
