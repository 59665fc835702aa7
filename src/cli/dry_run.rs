//! `--dry-run`: the command does all it would do, and its transactions are rolled back.

use clap::{Arg, ArgAction, ArgMatches};

const ID: &str = "dry_run";

/// The flag, for commands that change nothing but the database.
pub(crate) fn dry_run() -> Arg {
    Arg::new(ID)
        .long("dry-run")
        .action(ArgAction::SetTrue)
        .help("Do everything, then roll it back")
}

/// Whether it was given to the command that was typed.
pub(crate) fn is_asked(matches: &ArgMatches) -> bool {
    match matches.subcommand() {
        Some((_, below)) => is_asked(below),
        None => matches
            .try_get_one(ID)
            .is_ok_and(|it| it.copied().unwrap_or(false)),
    }
}
