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
pub const COMMANDS: [(&str, &[&str]); 5] = [
    ("us", &["user"]),
    ("", &["serve", "user", "mail"]),
    ("user ", &["create", "deactivate", "export"]),
    ("user deac", &["deactivate"]),
    ("user create --password-s", &["--password-stdin"]),
];

/// Where only certain words are right.
pub const VALUES: [(&str, &[&str]); 2] = [
    ("completions ", &["bash", "fish", "zsh"]),
    ("--format ", &["table", "json", "csv"]),
];

pub fn assert_completes(name: &'static str, cases: &[(&str, &[&str])]) {
    let site = site();
    let Some(shell) = Shell::find(&site, name) else {
        return;
    };
    for (typed, words) in cases {
        assert_offers(&shell, &format!("minisass-auth {typed}"), words);
    }
}

#[test]
fn zsh_completes_commands_flags_and_values() {
    assert_completes("zsh", &COMMANDS);
    assert_completes("zsh", &VALUES);
}

#[test]
fn fish_completes_commands_and_flags() {
    assert_completes("fish", &COMMANDS);
}
