//! A database that is mounted as a single file, as `docker run -v auth.db:/data/auth.db` does.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;

use super::{part, program};
use crate::server::{Outcome, Site, clear_settings, run};

/// Runs the program where `from` is mounted on `to`.
fn run_mounted(unshare: &Path, site: &Site, places: [&str; 2], arguments: &[&str]) -> Outcome {
    let mut command = Command::new(unshare);
    clear_settings(&mut command);
    let script = "mount --bind \"$FROM\" \"$TO\" && exec \"$PROGRAM\" --data-dir other \"$@\"";
    command.args(["-m", "sh", "-c", script, "sh"]);
    command.args(arguments);
    command.env("FROM", places[0]).env("TO", places[1]);
    command.env("PROGRAM", env!("CARGO_BIN_EXE_minisass-auth"));
    run(command.current_dir(site.path("")), "")
}

#[test]
fn a_database_that_is_mounted_as_a_file_is_refused_and_a_mounted_folder_is_not() {
    let found = program("unshare").and_then(|unshare| {
        let tried = run(Command::new(&unshare).args(["-m", "true"]), "");
        let is_able = tried.code == Some(0);
        is_able.then_some(unshare).ok_or(tried.err)
    });
    let Some(unshare) = part(found) else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let backup = site.path("backup.db").display().to_string();
    site.run(&["db", "backup", &backup]).ok();
    fs::create_dir(site.path("other")).expect("a folder");
    let mut file = fs::File::options();
    let file = file.write(true).create_new(true).mode(0o600);
    file.open(site.path("other/auth.db")).expect("a file");
    std::os::unix::fs::symlink("other/auth.db", site.path("link.db")).expect("a link");
    let create = ["user", "create", "--email", "a@b.example", "--no-password"];
    for command in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["user", "list"],
        &create,
        &["user", "delete", "ada", "--yes", "--dry-run"],
        &["db", "migrate"],
        &["db", "status"],
        &["db", "check"],
        &["db", "backup", "copy.db"],
        &["db", "restore", &backup],
        &["key", "list"],
        &["--database", "link.db", "user", "list"],
    ] {
        let places = ["data/auth.db", "other/auth.db"];
        let said = run_mounted(&unshare, &site, places, command).refusal();
        let is_told = said.contains("mount the folder, not the file");
        assert!(is_told, "{command:?}: {said}");
        assert!(!site.path("other/auth.db-wal").exists(), "{command:?}");
    }
    let doctor = ["doctor", "--format", "json"];
    let places = ["data/auth.db", "other/auth.db"];
    let examined = run_mounted(&unshare, &site, places, &doctor);
    let found = examined.out.contains("is mounted as a single file");
    assert!(found && examined.code == Some(1), "{examined:?}");
    let list = ["user", "list"];
    let listed = run_mounted(&unshare, &site, ["data", "other"], &list).ok();
    assert!(listed.contains("ada@example.org"), "{listed}");
}
