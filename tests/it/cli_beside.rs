//! Commands and the server write at the same time: nobody is refused, and nothing is lost.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::server::{Site, run};

#[test]
fn commands_and_requests_that_write_at_once_all_succeed() {
    let site = Site::new();
    let server = site.start(&[]);
    let (server, site) = (&server, &site);
    let commands_run = AtomicBool::new(true);
    let registered = std::thread::scope(|scope| {
        let commands_run = &commands_run;
        let register = move |client: usize| {
            let mut count = 0;
            while commands_run.load(Ordering::Relaxed) {
                let name = format!("client{client}-{count}");
                assert_eq!(server.register(&name), 201);
                count += 1;
            }
            count
        };
        let clients = [0, 1].map(|client| scope.spawn(move || register(client)));
        let commands = [0, 1].map(|operator| {
            scope.spawn(move || {
                for number in 0..5 {
                    let name = format!("operator{operator}-{number}");
                    site.add_user(&name, &[]);
                    site.run(&["token", "issue", &name]).ok();
                    site.run(&["user", "deactivate", &name]).ok();
                }
            })
        });
        // The clients stop also when a command failed.
        let ended = commands.map(std::thread::ScopedJoinHandle::join);
        commands_run.store(false, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "a command failed");
        clients
            .map(|it| it.join().expect("a client"))
            .iter()
            .sum::<usize>()
    });
    let all = site
        .run(&["user", "list", "--limit", "0", "--format", "json"])
        .json();
    assert_eq!(all.as_array().map(Vec::len), Some(registered + 10));
    let inactive = site
        .run(&["user", "list", "--inactive", "--format", "json"])
        .json();
    assert_eq!(inactive.as_array().map(Vec::len), Some(10));
}

#[test]
fn commands_that_start_at_once_make_one_set_of_keys() {
    let site = Site::new();
    let site = &site;
    std::thread::scope(|scope| {
        for number in 0..6 {
            scope.spawn(move || site.add_user(&format!("user{number}"), &[]));
        }
    });
    let keys = std::fs::read_dir(site.data().join("keys")).expect("the keys");
    let mut names: Vec<String> = keys
        .map(|it| {
            it.expect("a key")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(names, ["master.key"]);
    let kept: i64 = site.database().get("SELECT count(*) FROM keys");
    assert_eq!(kept, 2);
    let server = site.start(&[]);
    assert_eq!(server.login("user5@example.org").status, 200);
}

/// Gives a file to somebody else; nobody but root can.
fn give_away(path: &Path) {
    let nobody = Some(rustix::fs::Uid::from_raw(65534));
    rustix::fs::chown(path, nobody, None).expect("root's right");
}

#[test]
fn whoever_does_not_own_the_data_is_refused_and_leaves_no_file() {
    let site = Site::new();
    site.add_user("ada", &[]);
    if !rustix::process::geteuid().is_root() {
        let mut list = site.bare();
        let said = run(list.args(["user", "list", "--data-dir", "/"]), "").refusal();
        assert!(said.contains("/ belongs to root"), "{said}");
        return;
    }
    let database = site.data().join("auth.db");
    // Its owner may not enter the folder.
    for (given, advice) in [
        (&database, "run as root: chown root "),
        (&site.data(), "run it as its owner"),
    ] {
        give_away(given);
        let said = site.run(&["user", "list"]).refusal();
        assert!(said.contains("belongs to nobody"), "{said}");
        assert!(said.contains(advice), "{said}");
    }
    assert!(!site.data().join("auth.db-wal").exists());
}
