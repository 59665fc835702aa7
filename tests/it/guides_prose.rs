//! Commands and flags that the guides name in their sentences: nobody runs these, but the program
//! understands every one of them.

use std::collections::BTreeSet;

use crate::examples::of_every_command;
use crate::guides::guides;
use crate::server::{Site, run};

const PROGRAM: &str = "minisass-auth";

/// Flags of other programs that a guide names alone.
const OF_OTHERS: [&str; 5] = [
    "--natural-primary",
    "--peer",
    "--pocketbase",
    "--minutes",
    "--plot",
];

/// What stands between single backticks, outside of blocks; a line may end in it.
fn inline(text: &str) -> Vec<String> {
    let prose: String = text.split("\n```").step_by(2).collect();
    let code = prose.split('`').skip(1).step_by(2);
    code.map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The words after the program's name, if it is a command of ours; its name may be left out.
fn command<'a>(code: &'a str, groups: &BTreeSet<String>) -> Option<Vec<&'a str>> {
    let words: Vec<&str> = code.split(' ').collect();
    // Its account has the same name: what follows that is the program, if it is ours.
    let twice = words.windows(2).position(|it| it == [PROGRAM; 2]);
    let start = match twice {
        Some(at) => at + 2,
        None => usize::from(words[0] == PROGRAM),
    };
    let words = &words[start..];
    let is_ours = start > 0 || words.first().is_some_and(|it| groups.contains(*it));
    is_ours.then(|| words.to_vec())
}

/// A number can stand for `ID`, `USER…` and `FILE`.
fn filled_in(word: &str) -> &str {
    let is_placeholder = word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_uppercase() || c == '…');
    if is_placeholder { "1" } else { word }
}

#[test]
fn the_program_understands_every_command_that_a_guide_names_in_a_sentence() {
    let site = Site::new();
    let mut groups: BTreeSet<String> = BTreeSet::new();
    for examples in of_every_command() {
        let group = examples.command.split(' ').next().expect("a word");
        groups.insert(group.to_owned());
    }
    let mut understood = 0;
    for (guide, text) in guides() {
        for code in inline(&text) {
            let Some(words) = command(&code, &groups) else {
                continue;
            };
            // `--help` comes last: what stands before it is read first, and nothing is done.
            let words = words.iter().map(|it| filled_in(it)).chain(["--help"]);
            let outcome = run(site.bare().args(words), "");
            assert_eq!(outcome.code, Some(0), "{guide}: {code}\n{}", outcome.err);
            understood += 1;
        }
    }
    assert!(understood > 20, "{understood}");
}

#[test]
fn every_flag_that_a_guide_names_alone_is_one_of_ours() {
    let site = Site::new();
    let help = |path: &str| {
        let words = path.split(' ').filter(|it| !it.is_empty());
        run(site.bare().args(words).arg("--help"), "").ok()
    };
    let commands = of_every_command();
    let paths = commands.iter().map(|it| it.command.as_str());
    let texts: String = paths.chain([""]).map(help).collect();
    let settings = run(site.bare().args(["help", "settings"]), "").ok();
    for (guide, text) in guides() {
        for code in inline(&text) {
            let flag = code.split(' ').next().unwrap_or_default();
            if flag.starts_with("--") && !OF_OTHERS.contains(&flag) {
                let is_known = texts.contains(flag) || settings.contains(flag);
                assert!(is_known, "{guide} names {flag}");
            }
        }
    }
}

#[test]
fn a_command_that_is_not_there_is_not_understood() {
    let groups = BTreeSet::from(["user".to_owned()]);
    assert_eq!(command("user lst", &groups), Some(vec!["user", "lst"]));
    assert_eq!(
        command("sudo -u minisass-auth minisass-auth docto", &groups),
        Some(vec!["docto"])
    );
    assert_eq!(command("useradd --system minisass-auth", &groups), None);
    assert_eq!(command("users", &groups), None);
    let site = Site::new();
    for wrong in [
        &["user", "lst", "--help"][..],
        &["docto", "--help"],
        &["user", "list", "--al", "--help"],
    ] {
        assert_eq!(run(site.bare().args(wrong), "").code, Some(2), "{wrong:?}");
    }
}
