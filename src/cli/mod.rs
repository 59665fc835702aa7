//! The command-line face: the list of everything the program does.

mod ask;
mod audit;
mod backups;
mod config;
mod db;
mod housekeeping;
mod interrupt;
mod key;
mod mail;
mod named;
mod output;
mod policy;
mod profile;
mod progress;
mod reset;
mod serve;
mod session;
mod settings;
mod shell;
mod token;
mod user;
mod user_batch;
mod user_cells;
mod user_change;
mod user_django;
mod user_export;
mod user_import;
mod user_line;
mod user_read;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::config::Config;
use self::interrupt::Interrupted;
use self::output::{Format, Output};
use self::settings::Settings;

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
    /// Create, list and change users
    #[command(subcommand)]
    User(user::Command),
    /// Inspect profiles
    #[command(subcommand)]
    Profile(profile::Command),
    /// Issue tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Trigger reset mails
    #[command(subcommand)]
    Reset(reset::Command),
    /// Publish privacy policies
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
    /// List, rotate and retire signing keys
    #[command(subcommand)]
    Key(key::Command),
    /// Look after the outbox, and test the way out of it
    #[command(subcommand)]
    Mail(mail::Command),
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
    let mut output = Output::new(cli.format);
    let done = dispatch(cli.command, &matches, &mut output).and_then(|()| Ok(output.finish()?));
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

/// The commands, each with a flag for every setting.
fn whole_command() -> clap::Command {
    settings::add_flags(Cli::command())
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
        _ => {}
    }
    let settings = Settings::load(matches)?;
    match command {
        Command::Serve => serve::run(&settings),
        Command::User(command) => user::run(command, &Config::open(&settings)?, output),
        Command::Profile(command) => profile::run(command, &Config::open(&settings)?, output),
        Command::Token(command) => token::run(command, &Config::open(&settings)?, output),
        Command::Reset(command) => reset::run(command, &Config::open(&settings)?, output),
        Command::Policy(command) => policy::run(command, &Config::open(&settings)?, output),
        Command::Session(command) => session::run(command, &Config::open(&settings)?, output),
        Command::Audit(command) => audit::run(command, &Config::open(&settings)?, output),
        Command::Db(command) => db::run(command, &settings, output),
        Command::Key(command) => key::run(command, &settings, &Config::open(&settings)?, output),
        Command::Mail(command) => mail::run(command, &Config::open(&settings)?, output),
        Command::Openapi | Command::Completions(_) | Command::Man(_) => Ok(()),
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
