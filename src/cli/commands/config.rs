//! `config show | check`.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::json;

use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;
use crate::compose::{self, Identity};
use crate::daemon;
use crate::private_file::lent::{Fault, fault_of_rights};
use crate::settings::{Listen, Settings, Values, private_files};

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

/// What root may read, and the server of this data may not.
fn check_for_service(values: &Values, settings: &Settings) -> anyhow::Result<()> {
    let file = values.file.iter().map(PathBuf::from);
    for file in file.chain(private_files(values)) {
        if let Some(Fault { what, advice }) = fault_of_rights(&file, Some(&settings.data_dir)) {
            bail!("{} is not to be used: {what}; {advice}", file.display());
        }
    }
    match settings.listen {
        Listen::Unix(_) => daemon::check_listen(
            &settings.listen,
            &settings.socket,
            &settings.data_dir,
            "listen",
        ),
        Listen::Tcp(_) => Ok(()),
    }
}
