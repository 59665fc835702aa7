//! Where `user export` and the report of `user import` go: links, pipes, devices and folders.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::server::{Site, run};

fn populated() -> Site {
    let site = Site::new();
    site.add_user("ada", &[]);
    site
}

fn make_fifo(place: &Path) {
    let made = Command::new("mkfifo").arg(place).status();
    assert!(made.expect("mkfifo").success());
}

fn is_fifo(place: &Path) -> bool {
    let metadata = place.symlink_metadata().expect("a pipe");
    metadata.file_type().is_fifo()
}

#[test]
fn a_link_stays_and_the_file_it_leads_to_is_replaced() {
    let site = populated();
    let (link, file) = (site.path("link"), site.path("users.jsonl"));
    symlink("users.jsonl", &link).expect("a link");
    let export = ["user", "export", &link.display().to_string()].map(str::to_owned);
    let export: Vec<&str> = export.iter().map(String::as_str).collect();
    // The first time there is nothing yet where it leads.
    for older in [None, Some("older")] {
        if let Some(older) = older {
            fs::write(&file, older).expect("a file");
        }
        let said = site.run(&export).refusal();
        assert!(said.contains("--force"), "{said}");
        site.run(&[&export[..], &["--force"]].concat()).ok();
        assert_eq!(
            fs::read_link(&link).expect("a link"),
            Path::new("users.jsonl")
        );
        let written = fs::read_to_string(&file).expect("a file");
        assert!(written.contains("ada@example.org"), "{written}");
        let mode = file.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Nor does a link lead to what the service lives by.
    fs::remove_file(&link).expect("a link");
    symlink("data/auth.db", &link).expect("a link");
    let said = site.run(&[&export[..], &["--force"]].concat()).refusal();
    assert!(said.contains("belongs to the service"), "{said}");
    site.run(&["user", "show", "ada"]).ok();
}

#[test]
fn a_pipe_and_a_device_are_written_into_and_stay_what_they_are() {
    let site = populated();
    let (pipe, link) = (site.path("pipe"), site.path("link"));
    make_fifo(&pipe);
    symlink("pipe", &link).expect("a link");
    let place = |it: &Path| it.display().to_string();
    for arguments in [
        &["user", "export", &place(&pipe)][..],
        &["user", "export", "--force", &place(&pipe)],
        &["user", "export", &place(&link)],
        &["user", "export", "--force", &place(&link)],
    ] {
        // Waits until somebody writes.
        let from = pipe.clone();
        let reader = thread::spawn(move || fs::read_to_string(from).expect("what is written"));
        site.run(arguments).ok();
        assert!(is_fifo(&pipe), "{arguments:?}");
        let read = reader.join().expect("a reader");
        assert!(read.contains("ada@example.org"), "{arguments:?}: {read}");
        assert!(link.is_symlink());
    }
    let null = site.path("null");
    symlink("/dev/null", &null).expect("a link");
    for force in [&[][..], &["--force"]] {
        let null = place(&null);
        let export = ["user", "export", &null];
        site.run(&[&export[..], force].concat()).ok();
        let kind = Path::new("/dev/null").metadata().expect("a device");
        assert!(kind.file_type().is_char_device());
    }
    assert!(null.is_symlink());
}

#[test]
fn standard_output_by_its_name_is_standard_output() {
    let site = populated();
    let link = site.path("link");
    symlink("/proc/self/fd/1", &link).expect("a link");
    let link = link.display().to_string();
    let export = ["user", "export", &link];
    for force in [&[][..], &["--force"]] {
        let arguments = [&export[..], force].concat();
        let out = site.run(&arguments).ok();
        assert!(out.contains("ada@example.org"), "{out}");
        let program = site.command(&arguments);
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$@\" > file", "sh"]);
        shell.arg(program.get_program()).args(program.get_args());
        site.set_place(&mut shell);
        run(&mut shell, "").ok();
        let out = fs::read_to_string(site.path("file")).expect("a file");
        assert!(out.contains("ada@example.org"), "{out}");
    }
}

#[test]
fn a_folder_is_refused() {
    let site = populated();
    let folder = site.path("folder");
    fs::create_dir(&folder).expect("a folder");
    let folder = folder.display().to_string();
    for force in [&[][..], &["--force"]] {
        let export = ["user", "export", &folder];
        let said = site.run(&[&export[..], force].concat()).refusal();
        assert!(said.contains("it is a folder"), "{said}");
    }
}

#[test]
fn the_report_of_an_import_goes_into_a_pipe_too() {
    let site = Site::with_database();
    let pipe = site.path("pipe");
    make_fifo(&pipe);
    let from = pipe.clone();
    let reader = thread::spawn(move || fs::read_to_string(from).expect("what is written"));
    let place = pipe.display().to_string();
    let user = r#"{"username": "bo", "email": "no address"}"#;
    site.run_with(&["user", "import", "-", "--report", &place], user);
    assert!(is_fifo(&pipe));
    let report = reader.join().expect("a reader");
    assert!(report.contains("bo"), "{report}");
}
