//! The command-line face: the list of everything the program does.

mod changes;
mod columns;
mod commands;
mod destination;
mod dry_run;
mod examples;
mod flags;
mod job;
mod named;
mod piped;
mod terminal;
mod usage;

use std::io;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::commands::{
    audit, completions, config, db, doctor, healthcheck, help, key, mail, man, openapi, policy,
    profile, reset, session, token, user,
};
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::terminal::output::{self, How, Output, Untold};
use crate::clock::system_now;
use crate::daemon;
use crate::failure::{self, Failure};
use crate::interrupt::{self, Interrupted};
use crate::settings::Settings;

/// The miniSASS authentication service: serves the API out of one database, a file of SQLite or one of
/// PostgreSQL, and administers it, also while the server runs.
#[derive(Parser)]
#[command(
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    #[command(flatten)]
    how: How,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API until SIGTERM or Ctrl-C; creates and migrates the database
    #[command(after_help = examples(&[
        "minisass-auth serve",
        "minisass-auth serve --config settings.toml",
        "minisass-auth serve --public-url https://auth.example.org --backup-every 1d",
    ]))]
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
    /// Ask the running server whether it answers, as containers and monitoring do
    #[command(after_help = examples(&[
        "minisass-auth healthcheck",
        "minisass-auth healthcheck --config settings.toml",
    ]))]
    Healthcheck,
    /// Look at everything that has to be right, and say what to do; changes nothing
    Doctor(doctor::Doctor),
    /// Print the OpenAPI document
    Openapi(openapi::Openapi),
    /// Print a script that completes commands in a shell
    Completions(completions::Completions),
    /// Print the manual page, or write those of all commands
    Man(man::Man),
    /// Explain a command, or list all settings
    Help(help::Help),
}

/// Reads the command line and does what it says. What fails is told in one sentence that says what to
/// do.
#[must_use]
pub fn run() -> ExitCode {
    let parsed = help::compact(whole_command()).try_get_matches();
    let parsed = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(err) => return refuse_usage(&err),
    };
    let is_dry = dry_run::is_asked(&matches);
    let misfit = misfit(&cli.command, &matches).or_else(|| columns_without_table(&cli));
    let misfit = misfit.map(str::to_owned);
    if let Some(sentence) = misfit.or_else(|| unknown_column(&cli, &matches)) {
        output::note(&format!("minisass-auth: {sentence}"));
        return ExitCode::from(2);
    }
    let is_yaml = cli.how.wants_yaml();
    let extent = (changes::does(&matches), is_dry);
    let mut output = Output::new(cli.how, extent, system_now());
    let done = dispatch(cli.command, &matches, is_yaml, &mut output);
    let done = done.and_then(|()| output.finish());
    if is_dry && done.is_ok() {
        output::note("this was a dry run; nothing was changed");
    }
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // `minisass-auth user list | head` has seen enough.
        Err(err) if is_closed_pipe(&err) && !err.is::<Untold>() => ExitCode::SUCCESS,
        Err(err) => {
            if let Some(usage) = err.downcast_ref() {
                return refuse_usage(usage);
            }
            let why = failure::chain(err.chain());
            output::note(&format!("minisass-auth: {why}"));
            if err.is::<Interrupted>() {
                ExitCode::from(interrupt::CODE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Why a command does not print in the format that was asked for, if it does not.
fn misfit(command: &Command, matches: &ArgMatches) -> Option<&'static str> {
    match (command, flags::format(matches)?.as_str()) {
        (Command::Openapi(_), "json" | "yaml") => None,
        (Command::Openapi(_), _) => Some("openapi prints JSON or YAML; say --format json or yaml"),
        (_, "yaml") => Some("only openapi prints YAML; say --format json"),
        (Command::User(user::Command::Export(_)), _) => {
            Some("how users are written is said by --as; say --as jsonl or --as csv")
        }
        _ => None,
    }
}

/// Refuses --columns and --wide for a command that prints no table.
fn columns_without_table(cli: &Cli) -> Option<&'static str> {
    let has_none = matches!(
        cli.command,
        Command::User(user::Command::Export(_))
            | Command::Serve
            | Command::Healthcheck
            | Command::Openapi(_)
            | Command::Completions(_)
            | Command::Man(_)
            | Command::Help(_)
    );
    let sentence =
        "--columns and --wide are for tables, and this command prints none; leave them out";
    (has_none && cli.how.chooses_columns()).then_some(sentence)
}

/// Why the table has not the columns that were asked for, if it is known before there are rows.
fn unknown_column(cli: &Cli, matches: &ArgMatches) -> Option<String> {
    // With --calibrate it has other columns.
    if matches!(cli.command, Command::Doctor(_)) {
        return None;
    }
    cli.how
        .unknown_column(&columns::of(&changes::path(matches))?)
}

/// Prints the help that was asked for, or what is wrong.
fn refuse_usage(err: &clap::Error) -> ExitCode {
    let is_help = matches!(
        err.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if is_help {
        // Nobody may be listening any more.
        let _ = err.print();
    } else {
        let typed: Vec<String> = std::env::args_os()
            .skip(1)
            .map(|it| it.to_string_lossy().into_owned())
            .collect();
        let (sentence, hint) = usage::explain(err, &whole_command(), &typed);
        output::note(&format!("minisass-auth: {sentence}"));
        output::note(&hint);
    }
    u8::try_from(err.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The commands, each with a flag for every setting.
fn whole_command() -> clap::Command {
    flags::add(Cli::command())
}

fn dispatch(
    command: Command,
    matches: &ArgMatches,
    is_yaml: bool,
    output: &mut Output,
) -> anyhow::Result<()> {
    // Some commands need no settings, some help with wrong ones, and some open no database.
    let values = || flags::values(matches);
    let settings = || Settings::parse(&values());
    let is_dry = output.is_dry;
    let job = || Job::open(settings()?, is_dry, false);
    let without_keys = || Job::open_without_keys(settings()?, is_dry);
    match command {
        Command::Serve => daemon::run(&settings()?),
        Command::User(command) => user::run(command, settings, output),
        Command::Profile(command) => profile::run(command, &without_keys()?, output),
        Command::Token(command) => token::run(command, &job()?, output),
        Command::Reset(command) => reset::run(command, &job()?, output),
        Command::Policy(command) => policy::run(command, &without_keys()?, output),
        Command::Session(command) => session::run(command, &without_keys()?, output),
        Command::Audit(command) => audit::run(command, &without_keys()?, output),
        Command::Db(command) => db::run(command, settings()?, output),
        Command::Key(command) => key::run(command, settings()?, output),
        Command::Mail(command) => mail::run(command, job, output),
        Command::Config(command) => config::run(&command, &values(), output),
        Command::Healthcheck => healthcheck::run(&values(), output),
        Command::Doctor(asked) => doctor::run(&asked, &values(), output),
        Command::Openapi(asked) => openapi::run(&asked, is_yaml, &values(), output),
        Command::Completions(asked) => completions::run(&asked, whole_command(), output),
        Command::Man(wanted) => man::run(&wanted, whole_command(), output),
        Command::Help(asked) => help::run(&asked, help::compact(whole_command()), output),
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
    // A broken pipe below the use cases is one to the mail server, say, and not standard output.
    err.chain()
        .take_while(|cause| !cause.is::<Failure>())
        .any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}
