//! A disk that is full when the server starts.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{part, program};
use crate::move_dump::person;
use crate::postgres;
use crate::server::{CHEAP, PASSWORD, Server, Site, clear_settings, run, until};

/// Makes a small disk and a user, fills the disk, and serves.
const SCRIPT: &str = r#"
set -e
mount -t tmpfs -o size=4m tmpfs disk
run() { "$PROGRAM" --data-dir disk/data --scrypt "$COST" "$@"; }
run user create --username ada --email ada@example.org --password-stdin < password > /dev/null
run token issue ada > token
dd if=/dev/zero of=disk/fill bs=1k 2> /dev/null || true
run user list --format csv > list
if run user deactivate ada 2> refusal; then exit 3; fi
exec "$PROGRAM" --data-dir disk/data --scrypt "$COST" serve --listen 127.0.0.1:0 --throttle false
"#;

#[test]
fn a_start_on_a_full_disk_answers_what_only_reads_and_passes() {
    let site = Site::new();
    let Some(mut command) = part(unshared(&site.path(""))) else {
        return;
    };
    fs::create_dir(site.path("disk")).expect("a folder");
    fs::write(site.path("password"), PASSWORD).expect("a file");
    command.args(["sh", "-c", SCRIPT]);
    let mut server = Server::start(command, &site.path("log"));
    let read = |name: &str| fs::read_to_string(site.path(name)).expect("a file");
    assert!(read("list").contains("ada@example.org"), "{}", read("list"));
    assert!(read("refusal").contains("room"), "{}", read("refusal"));

    let token = read("token").trim().to_owned();
    assert_eq!(server.status_of(&token), 200);
    assert_eq!(server.login("ada@example.org").status, 503);
    for name in ["bo", "cy", "di"] {
        assert_eq!(server.register(name), 503);
    }
    // It is the same for everybody.
    let log = server.log_with("adding a user");
    assert_eq!(log.matches("adding a user").count(), 1, "{log}");
    assert_eq!(server.logout(&token), 503);
    assert_eq!(server.get("/readyz", "").status, 503);
    assert_eq!(server.get("/healthz", "").status, 200);
    assert_eq!(server.status_of(&token), 200);

    // The disk is there for this process alone.
    let pid = server.id().as_raw_pid();
    let disk = site.path("disk/fill");
    let fill = format!("/proc/{pid}/root{}", disk.display());
    // There is room for the change of a few bytes, and for hardly more.
    let disk = fs::File::options()
        .write(true)
        .open(&fill)
        .expect("the file");
    let length = disk.metadata().expect("its size").len();
    disk.set_len(length - (64 << 10)).expect("a size");
    until("a logout", || (server.logout(&token) == 200).then_some(()));
    until("another look", || {
        assert_eq!(server.get("/readyz", "").status, 503);
        server.log().contains("looking at the disk").then_some(())
    });
    drop(disk);
    fs::remove_file(fill).expect("the file that fills the disk");
    until("readiness", || {
        (server.get("/readyz", "").status == 200).then_some(())
    });
    assert_eq!(server.register("bo"), 201);
    assert_eq!(server.login("ada@example.org").status, 200);
    assert_eq!(server.status_of(&token), 401);
    assert_eq!(server.stop(), Some(0));
}

/// PostgreSQL with all that it has on a small disk.
const SMALL_CLUSTER: &str = r#"
set -e
mount -t tmpfs -o size=90m tmpfs disk
chown "$OWNER" disk
as="setpriv --pdeathsig QUIT --reuid=$OWNER --regid=$OWNER --clear-groups"
$as "$BIN/initdb" --username=postgres --auth=trust --encoding=UTF8 --no-locale --no-sync --wal-segsize=1 \
    -D disk/data > /dev/null
exec $as "$BIN/postgres" -D disk/data -k "$PWD" -c listen_addresses= -c fsync=off -c shared_buffers=8MB
"#;

#[test]
fn while_the_disk_of_postgresql_is_full_nobody_is_told_that_the_service_is_ready() {
    let (Some(programs), Some((owner, _))) = (part(postgres::programs()), postgres::unprivileged())
    else {
        return;
    };
    let folder = postgres::new_folder("full").expect("a folder");
    let Some(mut command) = part(unshared(&folder)) else {
        return;
    };
    fs::create_dir(folder.join("disk")).expect("a folder");
    command.env("OWNER", owner.to_string()).env("BIN", programs);
    command.args(["sh", "-c", SMALL_CLUSTER]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut cluster = command.spawn().expect("PostgreSQL");
    let shown = folder.display();
    let url = format!("postgres://postgres@/postgres?host={shown}");
    let site = Site::new();
    let migrate = ["--database", &url, "db", "migrate"];
    until("PostgreSQL", || {
        (site.run(&migrate).code == Some(0)).then_some(())
    });
    let server = site.start(&["--database", &url]);
    let is = |status: u16| {
        until("the readiness", || {
            (server.get("/readyz", "").status == status).then_some(())
        });
    };
    is(200);

    // The disk is there for that process alone.
    let fill = format!("/proc/{}/root{shown}/disk/fill", cluster.id());
    let mut file = fs::File::create(&fill).expect("a file");
    io::copy(&mut io::repeat(0), &mut file).expect_err("a full disk");
    drop(file);
    is(503);
    assert_eq!(server.get("/healthz", "").status, 200);
    fs::remove_file(fill).expect("the file that fills the disk");
    is(200);
    assert_eq!(server.register("ada"), 201);
    drop(server);
    cluster.kill().expect("a process");
    cluster.wait().expect("its end");
    fs::remove_dir_all(folder).expect("the folder");
}

/// What runs where its mounts are seen by nobody else.
pub fn unshared(folder: &Path) -> Result<Command, String> {
    let unshare = program("unshare")?;
    let tried = run(Command::new(&unshare).args(["-m", "true"]), "");
    if tried.code != Some(0) {
        return Err(tried.err);
    }
    let mut command = Command::new(unshare);
    clear_settings(&mut command);
    command.arg("-m").current_dir(folder);
    command.env("PROGRAM", env!("CARGO_BIN_EXE_minisass-auth"));
    command.env("COST", CHEAP);
    Ok(command)
}

/// Folders for temporary files may be memory.
const SMALL_MEMORY: &str = r#"
set -e
mount -t tmpfs -o size=8m tmpfs memory
TMPDIR=$PWD/memory exec "$PROGRAM" --data-dir data user import --from django dump.json
"#;

#[test]
fn what_an_import_puts_aside_is_on_the_disk_of_the_database_which_may_be_still_to_be_made() {
    let site = Site::new();
    let Some(mut command) = part(unshared(&site.path(""))) else {
        return;
    };
    fs::create_dir(site.path("memory")).expect("a folder");
    let long = "x".repeat(100_000);
    let rows = (1..=100).flat_map(|number| {
        let name = format!("user{number}");
        let user = person(number, &name, &format!("{name}@example.org"), "!");
        let fields = json!({"user": number, "of_another_program": long});
        let profile =
            json!({"model": "minisass_authentication.userprofile", "pk": number, "fields": fields});
        [user, profile]
    });
    fs::write(site.path("dump.json"), Value::from_iter(rows).to_string()).expect("a dump");
    run(command.args(["sh", "-c", SMALL_MEMORY]), "").ok();
    let users: i64 = site.database().get("SELECT count(*) FROM users");
    assert_eq!(users, 100);
}
