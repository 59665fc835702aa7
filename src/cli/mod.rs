//! The command-line face: the list of everything the program does.

pub mod commands;
pub mod terminal;

use crate::cli::commands::audit;
use crate::cli::commands::config;
use crate::cli::commands::db;
use crate::cli::commands::doctor;
use crate::cli::commands::dry_run;
use crate::cli::commands::examples;
use crate::cli::commands::key;
use crate::cli::commands::mail;
use crate::cli::commands::policy;
use crate::cli::commands::profile;
use crate::cli::commands::reset;
use crate::cli::commands::session;
use crate::cli::commands::shell;
use crate::cli::commands::token;
use crate::cli::commands::user;
use crate::cli::terminal::interrupt;
use crate::cli::terminal::output;
use crate::daemon;
use crate::settings;
use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::terminal::interrupt::Interrupted;
use crate::cli::terminal::output::{Format, Output};
use crate::compose::Config;
use crate::settings::Settings;

/// The miniSASS authentication service: serves the API out of one SQLite file, and administers that
/// file, also while the server runs.
#[derive(Parser)]
#[command(
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Cli {
    /// How to print results
    #[arg(long, global = true, value_name = "FORMAT", default_value = "table")]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API until SIGTERM or Ctrl-C; creates and migrates the database
    Serve,
    /// Create, list and change users, move them in and out
    #[command(subcommand)]
    User(user::Command),
    /// Show and set profiles
    #[command(subcommand)]
    Profile(profile::Command),
    /// Issue, inspect and revoke tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Send or print links to choose a new password
    #[command(subcommand)]
    Reset(reset::Command),
    /// Publish and list privacy policies
    #[command(subcommand)]
    Policy(policy::Command),
    /// List and end sessions
    #[command(subcommand)]
    Session(session::Command),
    /// Read and verify the audit trail
    #[command(subcommand)]
    Audit(audit::Command),
    /// Inspect, back up and restore the database
    #[command(subcommand)]
    Db(db::Command),
    /// List, rotate, import and retire signing keys
    #[command(subcommand)]
    Key(key::Command),
    /// Look after the outbox, and test the way out of it
    #[command(subcommand)]
    Mail(mail::Command),
    /// Print and check the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Look at everything that has to be right, and say what to do; changes nothing
    Doctor(doctor::Doctor),
    /// Print the OpenAPI document
    Openapi,
    /// Print a script that completes commands in a shell
    Completions(shell::Completions),
    /// Print the manual page, or write those of all commands
    Man(shell::Man),
}

/// Reads the command line and does what it says. What fails is told in one sentence that says what to
/// do. Wrong usage never comes back: it exits with 2.
#[must_use]
pub fn run() -> ExitCode {
    let matches = whole_command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|err| err.exit());
    let dry_run = dry_run::is_asked(&matches);
    let mut output = Output::new(cli.format, dry_run);
    let done = dispatch(cli.command, &matches, &mut output).and_then(|()| Ok(output.finish()?));
    if dry_run && done.is_ok() {
        output::note("this was a dry run; nothing was changed");
    }
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // `minisass-auth user list | head` has seen enough.
        Err(err) if is_closed_pipe(&err) => ExitCode::SUCCESS,
        Err(err) => {
            // A name in it may be anything that somebody else chose.
            let shown = output::visible(&format!("{err:#}"));
            output::note(&format!("minisass-auth: {shown}"));
            if err.is::<Interrupted>() {
                ExitCode::from(interrupt::CODE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// The commands with their examples, each with a flag for every setting, and `--dry-run` where it
/// changes something.
fn whole_command() -> clap::Command {
    let command = dry_run::add_flags(examples::add(Cli::command()));
    settings::add_flags(command)
}

fn dispatch(
    command: Command,
    matches: &clap::ArgMatches,
    output: &mut Output,
) -> anyhow::Result<()> {
    // Whoever asks for these may have no settings yet.
    match &command {
        Command::Openapi => return Ok(output.text(&crate::http::spec())?),
        Command::Completions(wanted) => {
            return shell::completions(wanted, whole_command(), output);
        }
        Command::Man(wanted) => return shell::man(wanted, whole_command(), output),
        // These help with wrong ones too.
        Command::Config(command) => return config::run(command, matches, output),
        Command::Doctor(asked) => return doctor::run(asked, matches, output),
        _ => {}
    }
    let settings = Settings::load(matches)?;
    let is_dry = output.is_dry;
    let config = || Config::open(&settings, is_dry);
    match command {
        Command::Serve => daemon::run(&settings),
        Command::User(command) => user::run(command, &config()?, output),
        Command::Profile(command) => profile::run(command, &config()?, output),
        Command::Token(command) => token::run(command, &config()?, output),
        Command::Reset(command) => reset::run(command, &config()?, output),
        Command::Policy(command) => policy::run(command, &config()?, output),
        Command::Session(command) => session::run(command, &config()?, output),
        Command::Audit(command) => audit::run(command, &config()?, output),
        Command::Db(command) => db::run(command, &settings, output),
        Command::Key(command) => key::run(command, &settings, &config()?, output),
        Command::Mail(command) => mail::run(command, &config()?, output),
        Command::Openapi
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Config(_)
        | Command::Doctor(_) => Ok(()),
    }
}

fn is_closed_pipe(err: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        // These two do not give the error they hide as their source.
        let json = || cause.downcast_ref::<serde_json::Error>()?.io_error_kind();
        let csv = || match cause.downcast_ref::<csv::Error>()?.kind() {
            csv::ErrorKind::Io(err) => Some(err.kind()),
            _ => None,
        };
        io.or_else(json).or_else(csv)
    };
    err.chain()
        .any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}
