//! A disk that is full when the server starts.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{part, program};
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
    assert_eq!(server.register("bo"), 503);
    assert_eq!(server.logout(&token), 503);
    assert_eq!(server.get("/readyz", "").status, 503);
    assert_eq!(server.get("/healthz", "").status, 200);
    assert_eq!(server.status_of(&token), 200);

    // The disk is there for this process alone.
    let pid = server.id().as_raw_pid();
    let disk = site.path("disk/fill");
    let fill = format!("/proc/{pid}/root{}", disk.display());
    fs::remove_file(fill).expect("the file that fills the disk");
    until("readiness", || {
        (server.get("/readyz", "").status == 200).then_some(())
    });
    assert_eq!(server.register("bo"), 201);
    assert_eq!(server.login("ada@example.org").status, 200);
    assert_eq!(server.logout(&token), 200);
    assert_eq!(server.status_of(&token), 401);
    assert_eq!(server.stop(), Some(0));
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
