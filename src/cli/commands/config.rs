//! `config show | check`.

use clap::ArgMatches;
use serde::Serialize;

use crate::cli::terminal::output::{Format, Output};
use crate::compose;
use crate::settings::Settings;
use crate::settings::sources::Values;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Print every setting, and where its value comes from
    Show,
    /// Read the settings, and the files that they name, as `serve` does
    Check,
}

/// The names are stable.
#[derive(Serialize)]
struct Checked {
    is_right: bool,
}

pub(crate) fn run(
    command: &Command,
    matches: &ArgMatches,
    output: &mut Output,
) -> anyhow::Result<()> {
    let values = Values::read(matches);
    match command {
        Command::Show => {
            output.many(std::iter::once(Ok(values.shown())))?;
            // Somebody looks for what is wrong: first all that was found, then that.
            output.finish()?;
            Settings::parse(&values).map(drop)
        }
        Command::Check => {
            let settings = Settings::parse(&values)?;
            compose::mailer(&settings)?;
            compose::public_url(&settings, &settings.listen)?;
            match output.format {
                Format::Table => Ok(output.line("all settings are right")?),
                Format::Json | Format::Csv => output.one(&Checked { is_right: true }),
            }
        }
    }
}
