//! The command line at home in a shell: completions, manual pages. `tests/it/world/shells*.rs` asks
//! the real shells.

use std::process::Command;

use crate::examples::of_every_command;
use crate::server::{Site, run};

#[test]
fn every_shell_gets_its_completions_without_a_data_folder() {
    let site = Site::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(site.bare().args(["completions", shell]), "").ok();
        assert!(script.contains("minisass-auth"), "{shell}: {script}");
    }
    let wrong = run(site.bare().args(["completions", "tcl"]), "");
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("bash, fish, zsh"), "{}", wrong.err);
    let script = run(site.bare().args(["completions", "bash"]), "").ok();
    let check = run(Command::new("bash").arg("-n"), &script);
    assert_eq!((check.code, check.err.as_str()), (Some(0), ""));
    assert_eq!(
        std::fs::read_dir(site.path("")).expect("a folder").count(),
        0
    );
}

/// The manual pages, by their file names.
fn pages(site: &Site) -> Vec<(String, String)> {
    let folder = site.path("man");
    std::fs::create_dir(&folder).expect("a folder");
    run(site.bare().args(["man", "--dir"]).arg(&folder), "").ok();
    let entries = std::fs::read_dir(&folder).expect("pages");
    let page = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("a page");
        let text = std::fs::read_to_string(entry.path()).expect("a page");
        (entry.file_name().into_string().expect("a name"), text)
    };
    entries.map(page).collect()
}

#[test]
fn every_command_has_a_manual_page_with_the_sections_that_people_know() {
    let site = Site::new();
    let pages = pages(&site);
    let page = |name: &str| {
        let found = pages.iter().find(|it| it.0 == name);
        found.unwrap_or_else(|| panic!("there is no page {name}"))
    };
    for examples in of_every_command() {
        let name = format!("minisass-auth-{}.1", examples.command.replace(' ', "-"));
        let (_, text) = page(&name);
        let sections: Vec<&str> = text
            .lines()
            .filter_map(|it| it.strip_prefix(".SH "))
            .collect();
        let known = [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "FILES",
            "ENVIRONMENT",
            "\"EXIT STATUS\"",
            "EXAMPLES",
            "\"SEE ALSO\"",
        ];
        assert_eq!(sections, known, "{name}");
        for line in &examples.lines {
            let line = line.replace('\\', "\\e").replace('-', "\\-");
            assert!(text.contains(&line), "{name}: {line}: {text}");
        }
    }
    let (_, settings) = page("minisass-auth.toml.5");
    for told in [
        "smtp_url_file",
        "MINISASS_AUTH_SMTP_URL_FILE",
        "Sender of mails",
    ] {
        assert!(settings.contains(told), "{told}: {settings}");
    }
    let (_, user) = page("minisass-auth-user.1");
    assert!(user.contains(".SH COMMANDS"), "{user}");
    assert!(
        user.contains("minisass\\-auth\\-user\\-create(1)"),
        "{user}"
    );
    let first = run(site.bare().arg("man"), "").ok();
    assert_eq!(first, page("minisass-auth.1").1);
    let nowhere = run(site.bare().args(["man", "--dir", "no/such/folder"]), "");
    assert!(nowhere.refusal().contains("name a folder"));
}

#[test]
fn a_manual_page_shows_what_each_flag_and_argument_takes() {
    let site = Site::new();
    let pages = pages(&site);
    let synopsis = |name: &str| {
        let page = pages.iter().find(|it| it.0 == name).expect("a page");
        let after = page.1.split(".SH SYNOPSIS\n").nth(1).expect("a section");
        let line = after.split("\n.SH").next().expect("a line");
        let plain = ["\\fB", "\\fI", "\\fR", "\\"];
        plain
            .iter()
            .fold(line.to_owned(), |line, it| line.replace(it, ""))
    };
    for (name, shown) in [
        (
            "minisass-auth-user-list.1",
            &["[--limit LIMIT]", "[--staff]", "[--columns NAMES]"][..],
        ),
        ("minisass-auth-user-show.1", &[" USER..."]),
        (
            "minisass-auth-user-create.1",
            &[" --email EMAIL", "[--first-name NAME]"],
        ),
        (
            "minisass-auth-profile-set.1",
            &[" USER", "[--field NAME=VALUE]..."],
        ),
        ("minisass-auth-session-list.1", &["[USER]..."]),
        ("minisass-auth-user.1", &[" COMMAND ..."]),
    ] {
        let line = synopsis(name);
        for part in shown {
            assert!(line.contains(part), "{name}: {part}: {line}");
        }
    }
    for (name, text) in &pages {
        assert!(!text.contains("summary with"), "{name}");
        assert!(!text.contains("see more with"), "{name}");
    }
}

#[test]
fn a_manual_page_reads_well_at_80_columns() {
    let site = Site::new();
    for (name, _) in pages(&site) {
        let mut groff = Command::new("groff");
        groff.args(["-man", "-Tutf8", "-rLL=80n", "-ww", "-P-c"]);
        let Ok(found) = groff.arg(site.path("man").join(&name)).output() else {
            eprintln!("skipped: there is no groff");
            return;
        };
        let said = String::from_utf8_lossy(&found.stderr);
        assert_eq!(said, "", "{name}");
        let text = String::from_utf8_lossy(&found.stdout);
        let title = text
            .lines()
            .find(|it| !it.trim().is_empty())
            .expect("a title");
        let (page, _) = name.rsplit_once('.').expect("a section");
        let ends = title.matches(&page.to_uppercase()).count();
        assert!(ends == 2 && title.chars().count() <= 80, "{name}: {title}");
    }
}
