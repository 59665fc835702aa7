//! `user …`: a file for each command.

mod activate;
mod create;
mod delete;
mod export;
mod file_name;
mod import;
mod import_file;
mod list;
mod resend_activation;
mod row;
mod set_password;
mod update;

use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named::Named;
use crate::cli::terminal::output::Output;
use crate::settings::Settings;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Add a user; the password is asked for, twice
    Create(create::Create),
    /// List users in the order of their numbers
    List(list::List),
    /// Show users, by number, user name or e-mail address
    #[command(after_help = examples(&[
        "minisass-auth user show ada bo@example.org",
        "minisass-auth user show 1 --format json",
    ]))]
    Show(Named),
    /// Change a user; what is not named stays as it is
    Update(update::Update),
    /// Set a user's password and end their sessions; it is asked for, twice
    SetPassword(set_password::SetPassword),
    /// Let users log in
    #[command(arg = dry_run(), after_help = examples(&[
        "minisass-auth user activate cy",
        "cut -d, -f1 inactive.csv | sed 1d | minisass-auth user activate -",
    ]))]
    Activate(Named),
    /// End every session of users and let them in no more
    #[command(arg = dry_run(), after_help = examples(&[
        "minisass-auth user deactivate bo@example.org",
        "minisass-auth user deactivate - < leavers.txt",
    ]))]
    Deactivate(Named),
    /// Mail users the link that confirms their account once more
    #[command(arg = dry_run(), after_help = examples(&[
        "minisass-auth user resend-activation gil@example.org",
    ]))]
    ResendActivation(Named),
    /// Forget users and all that belongs to them, for good
    Delete(delete::Delete),
    /// Write all users to a file, to be read by `user import`
    Export(export::Export),
    /// Add the users of a file, with their passwords; who is there already stays as is
    Import(import::Import),
}

pub(crate) fn run(
    command: Command,
    settings: impl Fn() -> anyhow::Result<Settings>,
    output: &mut Output,
) -> anyhow::Result<()> {
    let is_dry = output.is_dry;
    let job = || Job::open(settings()?, is_dry, false);
    let without_keys = || Job::open_without_keys(settings()?, is_dry);
    match command {
        // These two make the database, if there is none; but not when they are refused.
        Command::Create(new) => create::run(new, &settings()?, output),
        Command::Import(import) => import::run(&import, settings()?, output),
        Command::List(wanted) => list::run(&wanted, &without_keys()?, output),
        Command::Show(named) => row::show(&named.find(&without_keys()?)?, output),
        Command::Update(change) => update::run(change, &job()?, output),
        Command::SetPassword(set) => set_password::run(&set, &job()?, output),
        Command::Activate(named) => {
            let job = without_keys()?;
            activate::set_active(&named.find(&job)?, true, &job, output)
        }
        Command::Deactivate(named) => {
            let job = without_keys()?;
            activate::set_active(&named.find(&job)?, false, &job, output)
        }
        Command::ResendActivation(named) => {
            let job = job()?;
            resend_activation::run(&named.find(&job)?, &job, output)
        }
        Command::Delete(which) => delete::run(&which, &without_keys()?, output),
        Command::Export(export) => export::run(&export, &without_keys()?),
    }
}
