//! Which commands do more than to read.

use clap::ArgMatches;

/// All but these, which only say what is there. A new command belongs to the others until it is named
/// here. `tests/it/cli_untold.rs` compares them with what each writes down.
const READS: &[&str] = &[
    "user list",
    "user show",
    "user export",
    "profile show",
    "token inspect",
    "policy list",
    "session list",
    "audit list",
    "audit verify",
    "db status",
    "db check",
    "key list",
    "mail list",
    "mail show",
    "config show",
    "config check",
    "healthcheck",
    "doctor",
    "openapi",
    "completions",
    "man",
    "help",
];

/// The command that was typed, such as `user list`.
pub(crate) fn path(matches: &ArgMatches) -> String {
    let steps = std::iter::successors(matches.subcommand(), |it| it.1.subcommand());
    steps.map(|it| it.0).collect::<Vec<_>>().join(" ")
}

/// Whether what was typed changes something.
pub(crate) fn does(matches: &ArgMatches) -> bool {
    !READS.contains(&&*path(matches))
}
