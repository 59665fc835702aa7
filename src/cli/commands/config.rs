//! `config show | check`.

use std::path::Path;

use anyhow::bail;
use serde_json::json;

use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;
use crate::compose::{self, Identity};
use crate::daemon::bind;
use crate::private_file::data_dir;
use crate::private_file::lent::{Fault, fault_of_rights};
use crate::settings::{Settings, Values};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Print every setting, and where its value comes from
    #[command(after_help = examples(&[
        "minisass-auth config show --config settings.toml",
        "minisass-auth config show --format json > settings.json",
    ]))]
    Show,
    /// Read the settings, and the files that they name, as `serve` does
    #[command(after_help = examples(&["minisass-auth config check --config settings.toml"]))]
    Check,
}

pub(crate) fn run(command: &Command, values: &Values, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::Show => {
            output.rows(values.shown())?;
            // Somebody looks for what is wrong: first all that was found, then that.
            output.finish()?;
            Settings::parse(values).map(drop)
        }
        Command::Check => {
            let settings = Settings::parse(values)?;
            let identity = Identity::of(&settings, &settings.listen);
            compose::mailer(&settings, Some(identity.check_public_url()?))?;
            check_for_service(values, &settings)?;
            output.done("all settings are right", &json!({"is_right": true}))
        }
    }
}

/// What a server would find out that another user starts, or later.
fn check_for_service(values: &Values, settings: &Settings) -> anyhow::Result<()> {
    let data = &settings.data_dir;
    if let Some(file) = &values.file
        && let Some(Fault { what, command }) = fault_of_rights(Path::new(file), data)
    {
        bail!("{file} is not to be used: {what}; run: {command}");
    }
    data_dir::check_content(data, settings.database.file())?;
    bind::check_group(&settings.socket)
}
