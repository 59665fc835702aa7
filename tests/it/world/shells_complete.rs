//! Completing words, in real shells.

use super::shells::Shell;
use crate::server::Site;

/// A folder with a file whose name no completion of a command may show.
fn site() -> Site {
    let site = Site::new();
    std::fs::write(site.path("a-file-here.txt"), "").expect("a file");
    site
}

#[track_caller]
fn assert_offers(shell: &Shell, line: &str, words: &[&str]) {
    let shown = shell.complete(line);
    for word in words {
        let is_there = shown.split_whitespace().any(|it| it == *word);
        assert!(is_there, "{word}: {shown}");
    }
    assert!(!shown.contains("a-file-here"), "{shown}");
}

/// What is typed, and some of what is offered: at the first word, at the second, for the beginning
/// of one, and for the flags of one command.
const COMMANDS: [(&str, &[&str]); 5] = [
    ("us", &["user"]),
    ("", &["serve", "user", "mail"]),
    ("user ", &["create", "deactivate", "export"]),
    ("user deac", &["deactivate"]),
    ("user create --password-s", &["--password-stdin"]),
];

/// Where only certain words are right: those of an argument, a flag, a setting, and after a flag and
/// its value.
const VALUES: [(&str, &[&str]); 10] = [
    ("completions ", &["bash", "fish", "zsh"]),
    ("--format ", &["table", "json", "csv"]),
    ("user list --format j", &["json"]),
    (
        "--data-dir d user import --on-error ",
        &["hold-back", "skip"],
    ),
    ("user update ada --expert ", &["true", "false"]),
    ("serve --log-format ", &["text", "json"]),
    ("help user deac", &["deactivate"]),
    ("help set", &["settings"]),
    ("openapi --format ", &["json", "yaml"]),
    ("user list --columns username,em", &["username,email"]),
];

fn assert_completes(name: &'static str, cases: &[(&str, &[&str])]) {
    let site = site();
    let Some(shell) = Shell::find(&site, name) else {
        return;
    };
    for (typed, words) in cases {
        assert_offers(&shell, &format!("minisass-auth {typed}"), words);
    }
}

/// Names of files are completed where a file belongs, also one with a blank in it, and nowhere else.
fn assert_completes_files(name: &'static str) {
    let site = site();
    std::fs::write(site.path("wi th.blank"), "").expect("a file");
    std::fs::create_dir(site.path("some-folder")).expect("a folder");
    let Some(shell) = Shell::find(&site, name) else {
        return;
    };
    for (typed, file) in [
        ("user import a-fi", "a-file-here.txt"),
        ("user import wi", "th.blank"),
        ("key import a-fi", "a-file-here.txt"),
        ("user list --config a-fi", "a-file-here.txt"),
        ("user list --data-dir some", "some-folder"),
        ("user list --database a-fi", "a-file-here.txt"),
        ("db copy --to a-fi", "a-file-here.txt"),
        ("man --dir some", "some-folder"),
    ] {
        let shown = shell.complete(&format!("minisass-auth {typed}"));
        assert!(shown.contains(file), "{typed}: {shown}");
    }
    for typed in ["user show a-fi", "user list a-fi"] {
        let shown = shell.complete(&format!("minisass-auth {typed}"));
        assert!(!shown.contains("a-file-here"), "{typed}: {shown}");
    }
}

/// `--flag=value` in one word.
fn assert_completes_joined(name: &'static str) {
    let site = site();
    let Some(shell) = Shell::find(&site, name) else {
        return;
    };
    let shown = shell.complete("minisass-auth user list --format=j");
    assert!(shown.contains("--format=json"), "{shown}");
    let shown = shell.complete("minisass-auth user list --config=a-fi");
    assert!(shown.contains("--config=a-file-here.txt"), "{shown}");
    let shown = shell.complete("minisass-auth user list --format=json --lim");
    assert!(shown.contains("--limit"), "{shown}");
}

#[test]
fn bash_completes_commands_flags_values_and_files() {
    assert_completes("bash", &COMMANDS);
    assert_completes("bash", &VALUES);
    assert_completes_files("bash");
    assert_completes_joined("bash");
}

#[test]
fn zsh_completes_commands_flags_values_and_files() {
    assert_completes("zsh", &COMMANDS);
    assert_completes("zsh", &VALUES);
    assert_completes_files("zsh");
    assert_completes_joined("zsh");
}

#[test]
fn fish_completes_commands_flags_values_and_files() {
    assert_completes("fish", &COMMANDS);
    assert_completes("fish", &VALUES);
    assert_completes_files("fish");
    assert_completes_joined("fish");
}
