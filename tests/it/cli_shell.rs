//! The command line at home in a shell.

use crate::server::{Site, run};

#[test]
fn every_shell_gets_its_completions_without_a_data_folder() {
    let site = Site::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(site.bare().args(["completions", shell]), "").ok();
        for word in ["deactivate", "minisass-auth", "data-dir"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let wrong = run(site.bare().args(["completions", "tcl"]), "");
    assert_eq!(wrong.code, Some(2));
    let script = run(site.bare().args(["completions", "bash"]), "").ok();
    let check = run(std::process::Command::new("bash").arg("-n"), &script);
    assert_eq!((check.code, check.err.as_str()), (Some(0), ""));
    assert_eq!(
        std::fs::read_dir(site.path("")).expect("a folder").count(),
        0
    );
}

#[test]
fn every_command_has_a_manual_page() {
    let site = Site::new();
    let page = run(site.bare().arg("man"), "").ok();
    assert!(page.contains(".TH minisass-auth 1"), "{page}");
    let folder = site.path("man");
    std::fs::create_dir(&folder).expect("a folder");
    let pages = ["man", "--dir", &folder.display().to_string()];
    run(site.bare().args(pages), "").ok();
    let create = folder.join("minisass-auth-user-create.1");
    let create = std::fs::read_to_string(create).expect("a page");
    for told in ["print\\-link", "Folder of the database, keys and mails"] {
        assert!(create.contains(told), "{told}: {create}");
    }
    let nowhere = run(site.bare().args(["man", "--dir", "no/such/folder"]), "");
    assert!(nowhere.refusal().contains("name a folder"));
}
