//! Commands on a database of PostgreSQL, where they do something of their own.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::examples::shell;
use crate::postgres::{Cluster, QUICK};
use crate::server::{Site, run, words};
use crate::world::part;

/// What `doctor` says of this.
fn finding(site: &Site, check: &str) -> Option<(String, String)> {
    let outcome = site.run(&["doctor", "--format", "json"]);
    let findings: Value = serde_json::from_str(&outcome.out).expect("findings");
    let all = findings.as_array().expect("findings");
    let found = all.iter().find(|it| it["check"] == check)?;
    let text = |name: &str| found[name].as_str().expect("a text").to_owned();
    Some((text("state"), text("finding")))
}

#[test]
fn doctor_and_the_state_look_at_the_server_of_the_database() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    site.add_user("ada", &[]);
    let status = site.run(&["db", "status", "--format", "json"]).json();
    let server = status["server"].as_str().expect("a server");
    assert!(server.starts_with("PostgreSQL 1"), "{server}");
    assert_eq!(status["synchronous_commit"], "on");
    assert!(status["bytes"].as_u64() > Some(1 << 20), "{status}");

    assert_eq!(finding(&site, "log"), None, "that is the server's own");
    let (state, said) = finding(&site, "server_clock").expect("a finding");
    assert_eq!(state, "ok", "{said}");
    let (state, said) = finding(&site, "server").expect("a finding");
    assert_eq!(state, "ok", "{said}");
    let (state, said) = finding(&site, "server_role").expect("a finding");
    assert_eq!((&*state, &*said), ("warning", "postgres is a superuser"));
}

/// Not by that of their machine, wherever that goes.
#[test]
fn commands_and_servers_go_by_the_clock_of_the_database() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    site.add_user("ada", &[]);
    let database = site.database();
    database.change(
        "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql
         AS $$ SELECT pg_catalog.clock_timestamp() + interval '20 days' $$;
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
         END $$",
    );
    let now = "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::bigint + 1728000";
    let since = |what: &str| -> i64 { database.get(&format!("SELECT ({now}) - ({what})")) };
    site.add_user("bo", &[]);
    let late = since("SELECT max(created_at) FROM users");
    assert!((0..60).contains(&late), "{late}");
    let mut server = site.start(&[]);
    assert_eq!(server.login("bo@example.org").status, 200);
    let late = since("SELECT max(created_at) FROM sessions");
    assert!((0..60).contains(&late), "{late}");
    // At the first look it may only find that the time is far ahead of what was noted.
    let log = server.log_with("sys_clock_behind_database");
    assert_eq!(server.stop(), Some(0));
    assert!(!log.contains("sys_clock_set_back"), "{log}");
    let (state, said) = finding(&site, "server_clock").expect("a finding");
    assert_eq!(state, "failed", "{said}");
    assert_eq!(
        finding(&site, "clock"),
        None,
        "that of this machine is nobody's"
    );
}

#[test]
fn doctor_finds_a_server_that_does_not_wait_for_its_disk() {
    let Some(cluster) = part(Cluster::start("hasty", QUICK)) else {
        return;
    };
    cluster.make("auth");
    let site = Site::new();
    let url = cluster.url("auth");
    site.run(&["db", "migrate", "--database", &url]).ok();
    let doctor = ["doctor", "--format", "csv", "--database", &url];
    let said = site.run(&doctor);
    assert!(said.out.contains("\nserver,failed,"), "{}", said.out);
}

/// What a role or a database says of its sessions is not for us.
#[test]
fn what_a_database_sets_for_its_sessions_stops_no_command() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    site.add_user("zed", &[]);
    site.postgres().batch(
        "DO $$ BEGIN
             EXECUTE format('ALTER DATABASE %I SET standard_conforming_strings = off', current_database());
             EXECUTE format('ALTER DATABASE %I SET statement_timeout = 5', current_database());
         END $$",
    );
    let found = site.run(&["user", "list", "--search", "zed", "--format", "json"]);
    assert_eq!(found.json()[0]["username"], "zed");
    let backup = site.path("backup.db").display().to_string();
    site.run(&["db", "backup", &backup]).ok();
}

#[test]
fn a_check_finds_columns_that_are_gone_and_rows_that_belong_to_nothing() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    for name in ["ada", "bo"] {
        site.add_user(name, &[]);
    }
    site.run(&["db", "check"]).ok();
    site.postgres()
        .batch("SET session_replication_role = replica; DELETE FROM users WHERE username = 'bo'");
    let said = site.run(&["db", "check"]).refusal();
    assert!(said.contains("1 row of profiles belong"), "{said}");
    site.postgres()
        .batch("DELETE FROM profiles WHERE user_id = 2");
    site.postgres()
        .batch("ALTER TABLE outbox DROP COLUMN details");
    let said = site.run(&["db", "check"]).refusal();
    assert!(said.contains("outbox"), "{said}");
}

/// It lies elsewhere than its row, and a part of it is lost.
#[test]
fn a_check_finds_a_long_value_that_cannot_be_read() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    site.add_user("ada", &[]);
    site.postgres().batch(
        "UPDATE users SET last_name = (SELECT string_agg(md5(it::text), '') FROM generate_series(1, 300) AS it);
         CREATE EXTENSION pg_surgery;
         SELECT heap_force_kill(reltoastrelid, ARRAY['(0,1)']::tid[]) FROM pg_class WHERE oid = 'users'::regclass",
    );
    let said = site.run(&["db", "check"]).refusal();
    assert!(said.contains("users: "), "{said}");
    assert!(said.contains("chunk number"), "{said}");
}

/// Somebody made a schema with the name of the role since.
#[test]
fn an_upgrade_makes_no_second_set_of_tables_in_another_schema() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    site.add_user("ada", &[]);
    site.postgres().batch(
        "DELETE FROM refinery_schema_history WHERE version = 15; DROP TABLE keys;
         CREATE SCHEMA postgres",
    );
    let said = site.run(&["db", "migrate"]).refusal();
    assert!(said.contains("search_path"), "{said}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'postgres'";
    assert_eq!(site.postgres().count(tables), 0);
}

#[test]
fn nothing_is_restored_or_copied_below_a_running_server() {
    let (Some(from), Some(to)) = (Site::on_postgres(), Site::on_postgres()) else {
        return;
    };
    from.add_user("ada", &[]);
    let backup = from.path("backup.db").display().to_string();
    from.run(&["db", "backup", &backup]).ok();
    let _server = to.start(&[]);
    for said in [
        to.run(&["db", "restore", &backup]).refusal(),
        from.run(&["db", "copy", "--to", &to.postgres().url()])
            .refusal(),
    ] {
        assert!(said.contains("stop every server of it first"), "{said}");
    }
}

#[test]
fn a_backup_that_fills_its_disk_leaves_nothing_on_it() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    let lines: Vec<String> = (0..3000)
        .map(|it| {
            let field = "x".repeat(2000);
            format!(
                "{{\"username\":\"user{it}\",\"email\":\"user{it}@example.org\",\
                 \"additional_fields\":{{\"a\":\"{field}\"}}}}"
            )
        })
        .collect();
    site.run_with(&["user", "import", "-"], &lines.join("\n"))
        .ok();
    for kibibytes in [2000, 4000] {
        let line = format!(
            "mkdir -p tiny; ulimit -f {kibibytes}; trap '' XFSZ; minisass-auth db backup tiny/backup.db"
        );
        let said = run(&mut shell(&site, &line), "").refusal();
        assert!(said.contains("disk"), "{said}");
        let left = fs::read_dir(site.path("tiny")).expect("a folder").count();
        assert_eq!(left, 0, "{kibibytes}: {said}");
    }
}

#[test]
fn doctor_finds_tables_that_the_role_may_not_write() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    site.add_user("ada", &[]);
    site.postgres().batch(
        "CREATE ROLE reader_of_tests LOGIN;
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_of_tests;
         GRANT INSERT, UPDATE, DELETE ON users TO reader_of_tests",
    );
    let mut doctor = site.command(&["doctor", "--format", "csv"]);
    let url = site.postgres().url();
    doctor.env(
        "MINISASS_AUTH_DATABASE",
        url.replace("postgres@", "reader_of_tests@"),
    );
    let output = doctor.output().expect("doctor");
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().find(|it| it.starts_with("server_role,"));
    let line = line.expect("a finding");
    assert!(
        line.contains("failed,reader_of_tests may not read and write"),
        "{line}"
    );
    // An import, a copy and a backup need what counts the rows too.
    site.postgres()
        .batch("GRANT ALL ON ALL TABLES IN SCHEMA public TO reader_of_tests");
    let output = doctor.output().expect("doctor");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("\nserver_role,failed,reader_of_tests may not use 5 sequences,"),
        "{said}"
    );
    site.postgres()
        .batch("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO reader_of_tests");
    let output = doctor.output().expect("doctor");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("\nserver_role,ok,"), "{said}");
    // That is no damage, and a restore is no help.
    site.postgres()
        .batch("REVOKE SELECT ON users FROM reader_of_tests");
    let output = doctor.output().expect("doctor");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("\nserver_role,failed,"), "{said}");
    assert!(!said.contains("db restore"), "{said}");
    let url = url.replace("postgres@", "reader_of_tests@");
    let refused = site.run(&["db", "check", "--database", &url]).refusal();
    assert!(refused.contains("permission denied"), "{refused}");
    assert!(!refused.contains("damaged"), "{refused}");
    site.postgres()
        .batch("DROP OWNED BY reader_of_tests; DROP ROLE reader_of_tests");
}

#[test]
fn limits_of_connections_are_found_before_and_named_after_they_are_reached() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    site.add_user("ada", &[]);
    let limit = |most: i32| {
        site.postgres().batch(&format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT {most}', current_database()); END $$"
        ));
    };
    limit(4);
    let (state, said) = finding(&site, "server_connections").expect("a finding");
    assert_eq!(state, "warning");
    assert!(said.contains(" of 4 that the database "), "{said}");
    limit(1);
    let (state, said) = finding(&site, "server_connections").expect("a finding");
    assert_eq!(
        (&*state, said.contains(" of 1 that ")),
        ("warning", true),
        "{said}"
    );
    limit(500);
    let (state, said) = finding(&site, "server_connections").expect("a finding");
    assert_eq!(state, "ok", "{said}");

    // A superuser is let in all the same.
    site.postgres()
        .batch("CREATE ROLE limited_of_tests LOGIN CONNECTION LIMIT 0");
    let url = site
        .postgres()
        .url()
        .replace("postgres@", "limited_of_tests@");
    let refused = site.run(&["user", "list", "--database", &url]).refusal();
    assert!(refused.contains("too many connections"), "{refused}");
    assert!(refused.contains("takes up to seven: raise"), "{refused}");
    site.postgres().batch("DROP ROLE limited_of_tests");
}

#[test]
fn a_role_that_looks_into_no_schema_is_told_so() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    site.add_user("ada", &[]);
    site.postgres().batch(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = nowhere', current_database()); END $$",
    );
    for command in ["user list", "db migrate", "db status"] {
        let refused = site.run(&words(command)).refusal();
        assert!(
            refused.contains("RESET search_path"),
            "{command}: {refused}"
        );
    }
}

/// Whatever a kill leaves has a name by which it is known.
#[test]
fn a_restore_that_is_killed_leaves_what_the_next_one_clears() {
    let (Some(from), Some(to)) = (Site::on_postgres(), Site::on_postgres()) else {
        return;
    };
    from.add_user("ada", &[]);
    let backup = from.path("backup.db");
    let backup = backup.to_str().expect("UTF-8");
    from.run(&["db", "backup", backup]).ok();
    fs::DirBuilder::new()
        .mode(0o700)
        .create(to.data())
        .expect("a folder");
    let draft = to.data().join("restored.db.0123456789abcdef.minisass.tmp");
    let hours = Duration::from_secs(2 * 3600);
    for end in ["", "-wal", "-shm"] {
        let left = fs::File::create(format!("{}{end}", draft.display())).expect("a file");
        left.set_modified(SystemTime::now() - hours)
            .expect("a time");
    }
    to.run(&["db", "restore", backup]).ok();
    let names = fs::read_dir(to.data()).expect("a folder").flatten();
    let names: Vec<_> = names.map(|it| it.file_name()).collect();
    assert!(
        names
            .iter()
            .all(|it| !it.to_string_lossy().contains("restored.db")),
        "{names:?}"
    );
}

#[test]
fn a_backup_goes_back_into_postgresql() {
    let (Some(from), Some(to)) = (Site::on_postgres(), Site::on_postgres()) else {
        return;
    };
    for name in ["ada", "bo"] {
        from.add_user(name, &[]);
    }
    let backup = from.path("backup.db");
    let backup = backup.to_str().expect("a path");
    from.run(&["db", "backup", backup]).ok();
    // The keys come along, and need the master key.
    let (old, new) = (from.data().join("keys"), to.data());
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&new)
        .expect("a folder");
    let copied = Command::new("cp").arg("-a").arg(old).arg(new).status();
    assert!(copied.expect("cp").success());
    let restored = to
        .run(&["db", "restore", backup, "--format", "json"])
        .json();
    assert_eq!(restored["users"], 2);
    assert!(restored["bytes"].as_u64() > Some(0), "{restored}");
    let listed = |site: &Site| site.run(&["user", "list", "--format", "json"]).ok();
    assert_eq!(listed(&from), listed(&to));
    to.run(&["audit", "verify"]).ok();
    to.run(&["db", "check"]).ok();
    let again = to.run(&["db", "restore", backup]).refusal();
    assert!(again.contains("users"), "{again}");
}
