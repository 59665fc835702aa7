//! `--dry-run`: the command does all it would do, and its transactions are undone.

use clap::{Arg, ArgAction, ArgMatches};

const ID: &str = "dry_run";

/// The commands that change nothing but the database. `user import` has a flag of its own.
const CHANGING: [(&str, &[&str]); 7] = [
    (
        "user",
        &[
            "create",
            "update",
            "set-password",
            "activate",
            "deactivate",
            "delete",
        ],
    ),
    ("profile", &["set"]),
    ("token", &["revoke"]),
    ("session", &["revoke"]),
    ("reset", &["send"]),
    ("policy", &["publish"]),
    ("mail", &["retry"]),
];

/// Adds the flag to each of them.
pub(crate) fn add_flags(command: clap::Command) -> clap::Command {
    let flag = |below: clap::Command| {
        below.arg(
            Arg::new(ID)
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Do everything, then undo it"),
        )
    };
    CHANGING.iter().fold(command, |command, (group, names)| {
        command.mut_subcommand(group, |group| {
            names
                .iter()
                .fold(group, |group, name| group.mut_subcommand(name, flag))
        })
    })
}

/// Whether the command that was typed has it.
pub(crate) fn is_asked(matches: &ArgMatches) -> bool {
    match matches.subcommand() {
        Some((_, below)) => is_asked(below),
        None => matches
            .try_get_one(ID)
            .is_ok_and(|it| it.copied().unwrap_or(false)),
    }
}
