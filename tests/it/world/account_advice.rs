//! Data that belong to somebody else than whoever asks for them: what is said is to lead to them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use super::account::Account;
use crate::cli_doctor::{Examined, used};
use crate::server::{Outcome, Site, run};

const THIRD: u32 = Account::ID + 1;

/// As `sudo` does it, without asking.
const SUDO: &str = r#"#!/bin/sh
user=$2
shift 2
case $1 in --preserve-env=*) shift ;; esac
[ "$user" = root ] && exec "$@"
exec setpriv --reuid "${user#?}" --regid "${user#?}" --clear-groups "$@"
"#;

fn set(path: &Path, owner: u32, mode: u32) {
    chown(path, Some(owner), Some(owner)).expect("an owner");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// The shell command that a refusal advises, if it does, and whether it wants root.
fn advice(said: &str) -> Option<(String, bool)> {
    let said = said.trim_end();
    if let Some(at) = said.find("sudo -u ") {
        return Some((said[at..].to_owned(), false));
    }
    let of = |words: &str| said.rsplit_once(words).map(|it| it.1.to_owned());
    let as_root = of("run as root: ").map(|it| (it, true));
    as_root.or_else(|| of("run: ").map(|it| (it, false)))
}

/// Whoever owns the data asks for them, and does what is said. Returns what helped in the end.
#[track_caller]
fn ask(site: &Site, account: &Account<'_>, command: &[&str]) -> Outcome {
    let path = format!(
        "{}:/usr/sbin:/usr/bin:/sbin:/bin",
        site.path("bin").display()
    );
    let mut done = Vec::new();
    let mut asked = account.command("data", command);
    asked.env("PATH", &path);
    let mut outcome = run(&mut asked, "");
    for _ in 0..4 {
        let Some((command, is_roots)) = advice(&outcome.err).filter(|_| outcome.code != Some(0))
        else {
            return outcome;
        };
        done.push(command.clone());
        let mut next = match is_roots || command.starts_with("sudo") {
            true => Command::new("sh"),
            false => account.as_it("sh"),
        };
        next.args(["-c", &command]).env("PATH", &path);
        outcome = run(next.current_dir(site.path("")), "");
        if !command.starts_with("sudo") {
            assert_eq!(outcome.code, Some(0), "{command}: {}", outcome.err);
            outcome = run(&mut asked, "");
        }
    }
    panic!("it goes in a circle: {done:?}: {}", outcome.err);
}

#[test]
fn whoever_does_what_is_said_gets_to_the_data() {
    let site = used();
    let Some(account) = Account::find(&site, "") else {
        return;
    };
    fs::create_dir(site.path("bin")).expect("a folder");
    let sudo = site.path("bin/sudo");
    fs::write(&sudo, SUDO).expect("a program");
    fs::set_permissions(&sudo, Permissions::from_mode(0o755)).expect("a mode");
    drop(site.start(&[]));
    let (data, database) = (site.data(), site.data().join("auth.db"));
    let give = |owner: u32| {
        let mut all = Command::new("chown");
        all.args(["-R", &format!("{owner}:{owner}")]).arg(&data);
        run(&mut all, "").ok();
        set(&data, owner, 0o700);
        set(&database, owner, 0o600);
    };
    for (folder_of, mode) in [
        (Account::ID, 0o000),
        (0, 0o700),
        (0, 0o750),
        (0, 0o755),
        (THIRD, 0o700),
        (THIRD, 0o755),
    ] {
        give(Account::ID);
        set(&data, folder_of, mode);
        let outcome = ask(&site, &account, &["user", "list"]);
        assert_eq!(
            outcome.code,
            Some(0),
            "{folder_of} {mode:o}: {}",
            outcome.err
        );
    }
    for (owner, mode) in [
        (Account::ID, 0o000),
        (0, 0o600),
        (THIRD, 0o600),
        (THIRD, 0o644),
    ] {
        give(Account::ID);
        set(&database, owner, mode);
        let outcome = ask(&site, &account, &["user", "list"]);
        assert_eq!(outcome.code, Some(0), "{owner} {mode:o}: {}", outcome.err);
    }

    // What the server does not find out is found before it starts.
    for file in [
        "auth.db",
        "serve.lock",
        "auth.db.lock",
        "keys",
        "keys/master.key",
    ] {
        for (owner, mode) in [(Account::ID, 0o000), (0, 0o600), (0, 0o644)] {
            give(Account::ID);
            let file = data.join(file);
            let as_it_was = fs::metadata(&file).expect("a file").permissions();
            set(&file, owner, mode);
            let refused = run(&mut account.command("data", &["config", "check"]), "");
            assert_eq!(refused.code, Some(1), "{file:?} {owner} {mode:o}");
            let outcome = ask(&site, &account, &["config", "check"]);
            assert_eq!(
                outcome.code,
                Some(0),
                "{file:?} {owner} {mode:o}: {}",
                outcome.err
            );
            fs::set_permissions(&file, as_it_was).expect("a mode");
        }
    }

    // Without a mail server mails are put there.
    give(Account::ID);
    let outbox = data.join("outbox");
    fs::create_dir_all(&outbox).expect("a folder");
    set(&outbox, Account::ID, 0o500);
    let examine = || Examined::by(&mut account.command("data", &["doctor", "--format", "json"]));
    let advice = examine().failed("files", "outbox is not to be used");
    assert!(advice.contains("chmod u+rwx "), "{advice}");
    set(&outbox, Account::ID, 0o700);
    examine().is("files", "ok", "");
    let backups = data.join("backups");
    std::os::unix::fs::symlink(site.path("nowhere"), &backups).expect("a link");
    let named = ["doctor", "--backup-every", "1h", "--format", "json"];
    let examined = Examined::by(&mut account.command("data", &named));
    let advice = examined.failed("files", "backups is not to be used: it is no folder");
    assert!(advice.contains("move it away"), "{advice}");
    fs::remove_file(&backups).expect("the link");

    // Whoever looks leaves nothing that is in the way later.
    set(&database, Account::ID, 0o444);
    let advice = examine().failed("files", "auth.db is not to be used");
    assert!(advice.contains("chmod u+rw "), "{advice}");
    for end in ["auth.db-wal", "auth.db-shm"] {
        assert!(!data.join(end).exists(), "{end}");
    }
    set(&database, Account::ID, 0o600);

    // The database alone lies where root has closed the folder.
    give(Account::ID);
    let (elsewhere, shut) = (site.path("db/auth.db"), site.path("db"));
    fs::create_dir(&shut).expect("a folder");
    fs::rename(&database, &elsewhere).expect("another place");
    let named = ["--database", elsewhere.to_str().expect("UTF-8")];
    for mode in [0o700, 0o755] {
        set(&shut, 0, mode);
        let outcome = ask(&site, &account, &[&named[..], &["user", "list"]].concat());
        assert_eq!(outcome.code, Some(0), "{mode:o}: {}", outcome.err);
    }
    fs::rename(&elsewhere, &database).expect("its place");

    // Nobody is sent to root, who is sent back.
    give(Account::ID);
    let closed = site.path("closed");
    fs::create_dir(&closed).expect("a folder");
    set(&closed, 0, 0o700);
    fs::rename(&data, closed.join("data")).expect("another place");
    std::os::unix::fs::symlink(closed.join("data"), &data).expect("a link");
    let outcome = ask(&site, &account, &["user", "list"]);
    assert!(outcome.err.contains("to another folder"), "{}", outcome.err);
}
