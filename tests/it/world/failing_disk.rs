//! A disk that is out of order, or read-only: what people are told is what it is.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::full_disk::unshared;
use super::{file, part, program};
use crate::server::{PASSWORD, Server, Site, run, until};

const OUT_OF_ORDER: &str = "the disk reports an error; look at what `dmesg` prints";
const READ_ONLY: &str = "the file system is read-only";
const QUOTA: &str = "the quota of this user is used up; make room";
const FULL: &str = "the disk is full; make room";

/// What fails, and what is to be said.
const FAULTS: [(&str, &str); 5] = [
    ("w 5 auth.db-wal", OUT_OF_ORDER),
    ("s 5 auth.db-wal", OUT_OF_ORDER),
    ("w 30 auth.db-wal", READ_ONLY),
    ("w 122 auth.db-wal", QUOTA),
    ("w 28 auth.db-wal", FULL),
];

/// A program over a disk that does as `rule` says, for as long as that file is there.
struct Disk {
    library: PathBuf,
    rule: PathBuf,
}

impl Disk {
    fn of(site: &Site) -> Option<Self> {
        let compiler = part(program("cc"))?;
        let library = site.path("failing_disk.so");
        let mut compile = Command::new(compiler);
        compile.args(["-shared", "-fPIC", "-o"]).arg(&library);
        let made = run(compile.arg(file("failing_disk.c")), "");
        assert_eq!(made.code, Some(0), "{made:?}");
        let rule = site.path("rule");
        Some(Self { library, rule })
    }

    fn fails(&self, rule: &str) {
        // In one step: it is read all the time.
        let draft = self.rule.with_extension("draft");
        fs::write(&draft, rule).expect("a rule");
        fs::rename(draft, &self.rule).expect("a rule");
    }

    fn works(&self) {
        fs::remove_file(&self.rule).expect("a rule");
    }

    fn command(&self, site: &Site, arguments: &[&str]) -> Command {
        let mut command = site.command(arguments);
        command.env("LD_PRELOAD", &self.library);
        command.env("FAILS", &self.rule);
        command
    }
}

#[track_caller]
fn assert_only(said: &str, expected: &str) {
    for words in [OUT_OF_ORDER, READ_ONLY, QUOTA, FULL] {
        assert_eq!(said.contains(words), words == expected, "{words}: {said}");
    }
}

#[test]
fn a_command_names_what_the_disk_refuses() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let Some(disk) = Disk::of(&site) else {
        return;
    };
    let reads = ("r 5 auth.db", OUT_OF_ORDER);
    for (rule, expected) in FAULTS.into_iter().chain([reads]) {
        disk.fails(rule);
        let deactivate = &mut disk.command(&site, &["user", "deactivate", "ada"]);
        assert_only(&run(deactivate, "").refusal(), expected);
        disk.works();
    }
    site.run(&["user", "deactivate", "ada"]).ok();
    let checked = site.run(&["db", "check", "--format", "json"]).json();
    assert_eq!(checked["is_sound"], true);
}

#[test]
fn a_server_logs_what_the_disk_refuses_and_goes_on_when_it_works_again() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let Some(disk) = Disk::of(&site) else {
        return;
    };
    let serve = ["serve", "--listen", "127.0.0.1:0", "--throttle", "false"];
    let mut server = Server::start(disk.command(&site, &serve), &site.path("log"));
    for (round, (rule, expected)) in FAULTS.into_iter().enumerate() {
        let before = server.log().len();
        disk.fails(rule);
        assert_eq!(server.register(&format!("bo{round}")), 503, "{rule}");
        // What was found out holds for a second.
        until("that it is not ready", || {
            (server.get("/readyz", "").status == 503).then_some(())
        });
        until("a line in the log", || {
            server.log()[before..].contains(expected).then_some(())
        });
        assert_only(&server.log()[before..], expected);
        disk.works();
        until("readiness", || {
            (server.get("/readyz", "").status == 200).then_some(())
        });
        assert_eq!(server.register(&format!("bo{round}")), 201, "{rule}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_disk_that_cannot_read_is_no_damaged_database() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let Some(disk) = Disk::of(&site) else {
        return;
    };
    let serve = ["serve", "--listen", "127.0.0.1:0", "--throttle", "false"];
    let server = Server::start(disk.command(&site, &serve), &site.path("log"));
    let mut number = 0;
    // The log may just have been emptied.
    until("an answer without what is in the log", || {
        number += 1;
        let name = format!("cy{number}");
        site.add_user(&name, &[]);
        disk.fails("r 5 auth.db-wal");
        let answer = server.login(&format!("{name}@example.org"));
        disk.works();
        (answer.status == 503).then_some(())
    });
    until("a line in the log", || {
        server.log().contains(OUT_OF_ORDER).then_some(())
    });
    assert!(!server.log().contains("damaged"), "{}", server.log());
    assert_eq!(server.login("ada@example.org").status, 200);
}

#[test]
fn mails_leave_while_a_backup_is_made() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let Some(disk) = Disk::of(&site) else {
        return;
    };
    let serve = ["serve", "--listen", "127.0.0.1:0", "--backup-every", "1d"];
    // No backup is made before it works again.
    disk.fails("w 0 /data/backups/");
    let server = Server::start(disk.command(&site, &serve), &site.path("log"));
    until("a backup to begin", || {
        let mut drafts = fs::read_dir(site.data().join("backups")).ok()?;
        drafts.next().map(drop)
    });
    let ask = json!({"email": "ada@example.org"});
    assert_eq!(server.post("request-reset", &ask).status, 200);
    let said = |word: &str| server.log().contains(word).then_some(());
    until("a mail", || said("mail_sent"));
    assert_eq!(said("backup_made"), None);
    disk.works();
    until("the backup", || said("backup_made"));
}

/// Makes a disk and a user, lets nobody write there any more, and runs each line of `commands`.
const SCRIPT: &str = r#"
set -e
mount -t tmpfs tmpfs disk
run() { "$PROGRAM" --data-dir disk/data --scrypt "$COST" "$@"; }
run user create --username ada --email ada@example.org --password-stdin < password > /dev/null
mount -o remount,ro disk
while read -r line; do
    if run $line > said 2>&1 < /dev/null; then exit 3; fi
    cat said >> all
done < commands
"#;

const COMMANDS: [&str; 7] = [
    "user list",
    "user deactivate ada",
    "db status",
    "db backup backup.db",
    "key rotate",
    "doctor --format json",
    "serve --listen 127.0.0.1:0",
];

#[test]
fn a_read_only_file_system_is_said_to_be_one() {
    let site = Site::new();
    let Some(mut command) = part(unshared(&site.path(""))) else {
        return;
    };
    fs::create_dir(site.path("disk")).expect("a folder");
    fs::write(site.path("password"), PASSWORD).expect("a file");
    fs::write(site.path("commands"), COMMANDS.join("\n") + "\n").expect("a file");
    let done = run(command.args(["sh", "-c", SCRIPT]), "");
    let said = fs::read_to_string(site.path("all")).unwrap_or_default();
    assert_eq!(done.code, Some(0), "{done:?} {said}");
    let named = said.matches(READ_ONLY).count();
    assert_eq!(named, COMMANDS.len(), "{said}");
    assert!(!said.contains("chmod"), "{said}");
}
