//! `key list | rotate | retire`.

use serde::Serialize;

use super::ask::confirm;
use super::config::{Config, said};
use super::output::{Format, Output};
use super::settings::Settings;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List the keys that verify tokens, and the one that signs
    List,
    /// Make a new key that signs from now on; the others go on verifying
    Rotate,
    /// Remove a key: tokens that it signed are refused from then on
    Retire {
        /// As `key list` shows it
        kid: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A key as it is printed. The names are stable.
#[derive(Serialize)]
struct Row {
    kid: String,
    algorithm: &'static str,
    signs: bool,
    bytes: usize,
}

/// What was done, as it is printed. The names are stable.
#[derive(Serialize)]
struct Done {
    kid: String,
    state: &'static str,
}

pub(super) fn run(
    command: Command,
    settings: &Settings,
    config: &Config,
    output: &mut Output,
) -> anyhow::Result<()> {
    let folder = settings.data_dir.join("keys");
    let accounts = &config.accounts;
    let (kid, state, said_so) = match command {
        Command::List => {
            let keys = accounts.signing_keys(&folder).map_err(said)?;
            let rows = keys.into_iter().map(|it| Row {
                kid: it.kid,
                algorithm: "HS256",
                signs: it.signs,
                bytes: it.bytes,
            });
            return output.many(std::iter::once(Ok(rows.collect()))).map(drop);
        }
        Command::Rotate => {
            let kid = config
                .wait(accounts.rotate_key(&folder, &config.caller))
                .map_err(said)?;
            (
                kid,
                "signs",
                "signs from now on; the others verify until `key retire`",
            )
        }
        Command::Retire { kid, yes } => {
            let question = format!("Tokens that {kid} signed will be refused.");
            confirm(&question, yes)?;
            config.wait(accounts.retire_key(&folder, &kid, &config.caller))?;
            (
                kid,
                "retired",
                "is gone, and tokens that it signed are refused",
            )
        }
    };
    match output.format {
        Format::Table => Ok(output.line(&format!("{kid} {said_so}"))?),
        Format::Json | Format::Csv => output.one(&Done { kid, state }),
    }
}
